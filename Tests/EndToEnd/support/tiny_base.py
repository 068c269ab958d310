"""A small random Gemma 3 with a vocabulary, as a transformers folder, with the standard library alone."""

import array
import json
import random
import shutil
import struct
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PIECES = 3072  # of Tests/Fixtures/tokenizer/small-spm.model
HIDDEN, INNER, LAYERS, HEADS, HEAD = 64, 96, 2, 2, 32


def write(folder: Path, seed: int = 1, scale: float = 0.08, norm: float = 0.0) -> Path:
    """`scale` is the deviation of the weights; `norm` what the gain of the last norm has beyond 1."""
    generator = random.Random(seed)
    folder.mkdir(parents=True)
    config = {
        "model_type": "gemma3_text", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "intermediate_size": INNER,
        "num_attention_heads": HEADS, "num_key_value_heads": 1, "head_dim": HEAD, "vocab_size": PIECES,
        "sliding_window": 64, "max_position_embeddings": 2048, "query_pre_attn_scalar": HEAD, "rms_norm_eps": 1e-6,
        "layer_types": ["sliding_attention", "full_attention"],
    }
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copy(ROOT / "Tests/Fixtures/tokenizer/small-spm.model", folder / "tokenizer.model")
    shapes = {"model.embed_tokens.weight": (PIECES, HIDDEN), "model.norm.weight": (HIDDEN,)}
    for layer in range(LAYERS):
        start = f"model.layers.{layer}."
        for name in ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
                     "post_feedforward_layernorm"):
            shapes[start + name + ".weight"] = (HIDDEN,)
        for name in ("q_norm", "k_norm"):
            shapes[f"{start}self_attn.{name}.weight"] = (HEAD,)
        for name, shape in (("q", (HEADS * HEAD, HIDDEN)), ("k", (HEAD, HIDDEN)), ("v", (HEAD, HIDDEN)),
                            ("o", (HIDDEN, HEADS * HEAD))):
            shapes[f"{start}self_attn.{name}_proj.weight"] = shape
        for name, shape in (("gate", (INNER, HIDDEN)), ("up", (INNER, HIDDEN)), ("down", (HIDDEN, INNER))):
            shapes[f"{start}mlp.{name}_proj.weight"] = shape
    header, body = {}, bytearray()
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        if len(shape) > 1:
            values = array.array("f", (generator.gauss(0, scale) for _ in range(count)))
        else:
            values = array.array("f", [norm if name == "model.norm.weight" else 0.0] * count)
        begin = len(body)
        body += values.tobytes()
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, len(body)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(body))
    return folder
