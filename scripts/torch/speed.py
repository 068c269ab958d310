"""How fast the work was against what the device can do, both measured."""
import time

import torch


def share_of_peak(model, tokens_per_second, processes, device):
    """{peak_flops, share_of_peak}: of one process's products, a matrix product of the base's type being the peak.

    A token costs two operations per frozen weight forward and two backward (no weight gradient); attention and the head are left
    out, so the true share is a little higher."""
    base = model.get_base_model()
    layers = [module for name, module in base.get_decoder().named_modules()
              if hasattr(module, "in_features") and not hasattr(module, "base_layer") and ".lora_" not in name]
    count = sum(layer.in_features * layer.out_features for layer in layers)
    kind = base.get_input_embeddings().weight.dtype
    peak = _peak(kind, device)
    return {"peak_flops": peak, "share_of_peak": 4 * count * tokens_per_second / processes / peak}


def _peak(kind, device):
    size = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
    best = 1e9
    for _ in range(5):
        _wait(device)
        started = time.perf_counter()
        a @ b
        _wait(device)
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def _wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)
