"""The trained adapter as `gemfill adapter import` and PEFT read it: adapter_model.safetensors, adapter_config.json, card.json."""
import datetime
import hashlib
import json
import os

import torch

import checkpoint
from refusal import Refusal


def write(folder, recipe, model, factors, position, metrics):
    """Writes the adapter into `folder`, the configuration last: without it nobody reads the folder.

    Raises Refusal where a factor is not a number."""
    for name, parameter in factors.items():
        if not torch.isfinite(parameter).all():
            raise Refusal(f"{name} is not a number after training; train with a lower learning rate")
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: parameter.detach().float().cpu().contiguous() for name, parameter in factors.items()}
    file = folder / "adapter_model.safetensors"
    checkpoint.save(tensors, file)
    card = dict(recipe.card)
    # Of the data in the card nothing is known here that the recipe does not say.
    metrics = {**metrics, "data_sha256": card.pop("data_sha256", ""),
               "adapter_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    card.update(
        seed=str(recipe.seed), rank=recipe.rank, alpha=recipe.alpha, target_modules=list(recipe.targets),
        steps=position.step, tokens=position.tokens, losses=_sampled(position.losses),
        created=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), metrics=metrics)
    _write(folder / "card.json", card)
    config = model.peft_config["default"].to_dict()
    config.update(base_model_name_or_path=recipe.card.get("base_name"), inference_mode=True,
                  target_modules=sorted(recipe.targets), lora_alpha=_whole(recipe.alpha))
    _write(folder / "adapter_config.json", {key: _plain(value) for key, value in sorted(config.items())})


def _write(path, value):
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_text(json.dumps(value, indent=2) + "\n", "utf-8")
    checkpoint.replace(temporary, path)


def _whole(number):
    """An integer where it is one: some readers take no other."""
    return int(number) if number == int(number) else number


def _plain(value):
    """Sets and enumerations of PEFT's configuration as JSON has them."""
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if value is None or type(value) in (bool, int, float, str):
        return value
    return getattr(value, "value", str(value))


def _sampled(losses):
    """At most 200 losses, evenly taken, the last one included."""
    step = max(1, (len(losses) + 199) // 200)
    return [loss for index, loss in enumerate(losses) if index % step == 0 or index == len(losses) - 1]
