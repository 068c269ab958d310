"""The state of a run on disk: factors, moments and position in one safetensors file that appears whole or not at all.

Nothing in it depends on the number of processes: a run may go on with more or fewer.
"""
import dataclasses
import json
import os
import pathlib

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from refusal import Refusal

FORMAT = "gemfill-torch-checkpoint-1"
MOMENTS = (("exp_avg", ".first"), ("exp_avg_sq", ".second"))


@dataclasses.dataclass
class Position:
    """Where a run stands."""
    step: int = 0
    tokens: int = 0
    elapsed: float = 0.0
    epoch: int = 0
    used: int = 0
    base_loss: float | None = None  # held-out loss of the base, nats per byte
    losses: list = dataclasses.field(default_factory=list)


def path(folder):
    """Where the checkpoint of a run lies."""
    return pathlib.Path(folder) / "checkpoint.safetensors"


def write(folder, identity, position, factors, optimizer):
    """Replaces the checkpoint of the run in `folder`."""
    tensors = {}
    for name, parameter in factors.items():
        tensors[name] = parameter.detach()
        for key, suffix in MOMENTS:
            state = optimizer.state.get(parameter, {})
            tensors[name + suffix] = state.get(key, torch.zeros_like(parameter.detach()))
    tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    save(tensors, path(folder), {
        "format": FORMAT, "identity": identity, "position": json.dumps(dataclasses.asdict(position))})


def save(tensors, target, metadata=None):
    """A safetensors file under a temporary name, on the disk, then under its own."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        save_file(tensors, temporary, metadata or {"format": "pt"})
        replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def replace(temporary, target):
    """Gives a finished file its name, after its bytes have reached the disk."""
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(temporary, target)


def read(folder, identity, factors, optimizer):
    """Takes a checkpoint over into factors and optimizer; the position.

    Raises Refusal where there is none, or one of another run."""
    file = path(folder)
    again = "start again without --resume"
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            names = set(opened.keys())
            if metadata.get("format") != FORMAT:
                raise Refusal(f"{file}: is no checkpoint of this version; {again}")
            if metadata.get("identity") != identity:
                raise Refusal(f"{file}: belongs to another base, data or recipe; {again}")
            position = Position(**json.loads(metadata["position"]))
            for name, parameter in factors.items():
                for suffix in ("", ".first", ".second"):
                    if name + suffix not in names or opened.get_slice(name + suffix).get_shape() != list(parameter.shape):
                        raise Refusal(f"{file}: has no fitting tensor {name + suffix}; {again}")
                with torch.no_grad():
                    parameter.copy_(opened.get_tensor(name))
                state = {key: opened.get_tensor(name + suffix).to(parameter.device) for key, suffix in MOMENTS}
                optimizer.state[parameter] = {"step": torch.tensor(float(position.step)), **state}
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise Refusal(f"{file}: cannot be read: {error}; {again}") from None
    return position
