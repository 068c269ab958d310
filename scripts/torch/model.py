"""The base with its LoRA factors, and the weighted loss over a micro-batch as one module."""
import json
import pathlib

import torch
from safetensors.torch import load_file

from head import WeightedCrossEntropy
from refusal import Refusal


def load(recipe, device, local_rank=0):
    """The PEFT model of a recipe on its device: a frozen base in the recipe's type, factors in f32.

    Raises Refusal where base, targets or initial factors do not fit together."""
    import peft
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    kind, options = _type(recipe, device, local_rank)
    try:
        base = transformers.AutoModelForCausalLM.from_pretrained(
            recipe.base, dtype=kind, local_files_only=True, attn_implementation=_attention(recipe.base), **options)
    except (OSError, ValueError) as error:
        raise Refusal(f"{recipe.base}: transformers cannot load the base: {str(error).splitlines()[0]}") from None
    if "quantization_config" not in options:
        base = base.to(device)
    torch.manual_seed(recipe.seed % (1 << 63))
    config = peft.LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, use_rslora=recipe.rslora, use_dora=recipe.dora,
        lora_dropout=recipe.dropout, target_modules=list(recipe.targets), bias="none", task_type="CAUSAL_LM")
    try:
        model = peft.get_peft_model(base, config)
    except ValueError as error:
        raise Refusal(f"{recipe.base}: has none of the targets {', '.join(recipe.targets)}: {error}") from None
    if recipe.initial:
        _take_over(recipe, model)
    if recipe.engine.recompute:
        base.config.use_cache = False
        base.gradient_checkpointing_enable({"use_reentrant": False})
    return model.train()


def factors(model):
    """The trained tensors by the names that PEFT saves them under, in an order that is the same everywhere."""
    found = {_saved_name(name): parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    return dict(sorted(found.items()))


def _saved_name(name):
    """Without the adapter's name, and with the module names of a text model."""
    name = name.replace("lora_magnitude_vector.default.weight", "lora_magnitude_vector")
    return name.replace(".default.", ".").replace(".model.language_model.", ".model.")


class WeightedLoss(torch.nn.Module):
    """A micro-batch to the sum of its weighted losses; logits only where there is weight."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, positions, places, targets, weights, excluded):
        """ids [rows, length]; places, targets, weights and excluded as in `batches.Batch`."""
        base = self.model.get_base_model()
        hidden = base.get_decoder()(input_ids=ids, position_ids=positions, use_cache=False).last_hidden_state
        hidden = hidden.reshape(-1, hidden.shape[-1])[places]
        head = base.get_output_embeddings()
        cap = getattr(base.config.get_text_config(), "final_logit_softcapping", None) or 0.0
        return WeightedCrossEntropy.apply(hidden, head.weight, targets, weights, excluded, cap)


def _type(recipe, device, local_rank):
    """(data type, further options) with which the base is loaded."""
    name, on_cuda = recipe.engine.base_type, device.type == "cuda"
    if name == "auto":
        name = "bf16" if on_cuda else "f32"
    if name != "nf4":
        return {"f32": torch.float32, "bf16": torch.bfloat16}[name], {}
    if not on_cuda:
        raise Refusal("a base in NF4 needs CUDA; take base_type bf16 or f32")
    if recipe.engine.sharding == "fsdp":
        raise Refusal("a base in NF4 is kept whole on each GPU; take sharding ddp, or base_type bf16")
    try:
        import bitsandbytes  # noqa: F401
    except ImportError:
        raise Refusal("a base in NF4 needs bitsandbytes; pip install -r requirements-cuda.txt") from None
    from transformers import BitsAndBytesConfig

    quantized = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16)
    return torch.bfloat16, {"quantization_config": quantized, "device_map": {"": local_rank}}


def _attention(base):
    """PyTorch's fused attention, which cannot cap scores as Gemma 2 does."""
    try:
        config = json.loads((pathlib.Path(base) / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal(f"{base}: has no readable config.json: {error}") from None
    text = config.get("text_config") or config
    return "eager" if text.get("attn_logit_softcapping") else "sdpa"


def _take_over(recipe, model):
    """Starts from the factors of a saved adapter."""
    path = pathlib.Path(recipe.initial) / "adapter_model.safetensors"
    try:
        saved = load_file(path)
    except (OSError, ValueError) as error:
        raise Refusal(f"{path}: cannot be read: {error}") from None
    known = factors(model)
    if saved.keys() != known.keys():
        odd = sorted(saved.keys() ^ known.keys())[0]
        raise Refusal(f"{path}: does not fit base and targets of the recipe: {odd} is in one of them only")
    with torch.no_grad():
        for name, parameter in known.items():
            if saved[name].shape != parameter.shape:
                raise Refusal(f"{path}: {name} is of shape {list(saved[name].shape)}, "
                              f"the recipe needs {list(parameter.shape)}")
            parameter.copy_(saved[name])
