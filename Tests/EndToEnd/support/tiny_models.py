"""Small random models of every generation with a vocabulary, as transformers folders, and transformers' logits.

    tiny_models.py OUT ID,ID,...      OUT/NAME/ with config.json, safetensors, tokenizer.model and reference.npy

What llama.cpp has no key for takes its usual value: the scale of queries. Gemma 3n is left out, since llama.cpp reads only
per-layer inputs of 256 values.
"""
import pathlib
import shutil
import sys

import numpy
import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts/fixtures"))
from make_fixtures import families  # noqa: E402

PIECES = 3072  # of Tests/Fixtures/tokenizer/small-spm.model


def main():
    out, ids = pathlib.Path(sys.argv[1]), [int(word) for word in sys.argv[2].split(",")]
    for name, (kind, config) in families().items():
        if name == "gemma3n":
            continue
        config.vocab_size = PIECES
        if hasattr(config, "vocab_size_per_layer_input"):
            config.vocab_size_per_layer_input = PIECES
        if hasattr(config, "query_pre_attn_scalar"):
            config.query_pre_attn_scalar = config.head_dim
        torch.manual_seed(1)
        model = kind(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() >= 2:
                    parameter.normal_(0, 0.08)
                else:
                    parameter.add_(0.1 * torch.randn_like(parameter))
            model.save_pretrained(out / name)
            numpy.save(out / name / "reference.npy", model(torch.tensor([ids])).logits[0].numpy())
        shutil.copy(ROOT / "Tests/Fixtures/tokenizer/small-spm.model", out / name / "tokenizer.model")


main()
