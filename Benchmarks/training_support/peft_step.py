"""Times LoRA steps of transformers and PEFT on random weights of a known shape, on the processor.

    peft_step.py SHAPE SEQUENCES LENGTH MODE THREADS ROUNDS

MODE is `users`, what a script gives that passes labels to the model; `sliced`, where the output head runs over the positions with
loss only, in plain torch; either with `+compiled` behind it for torch.compile. f32, which is torch's fastest form on this kind of
machine, fused attention, rank 16 on all seven projections, AdamW. Prints one JSON object.
"""
import json
import os
import sys
import time

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import peft  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

LOSS_EVERY = 4  # a quarter of the positions carries loss

# layers, hidden, feed-forward, heads, key/value heads, head dimension, vocabulary; as Sources/Gemma/RandomModel.swift
SHAPES = {
    "tiny": (2, 64, 128, 4, 1, 16, 512),
    "small26m": (8, 512, 1024, 4, 1, 128, 16384),
    "small39m": (8, 512, 2048, 4, 1, 128, 16384),
    "gemma3-270m": (18, 640, 2048, 4, 1, 256, 262144),
    "gemma3-1b": (26, 1152, 6912, 4, 1, 256, 262144),
    "codegemma-2b": (18, 2048, 16384, 8, 1, 256, 256000),
}
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def model_of(shape):
    """A random model with LoRA on all projections."""
    layers, hidden, feed, heads, kv_heads, head_dim, vocabulary = SHAPES[shape]
    common = dict(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=feed, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=kv_heads, head_dim=head_dim, max_position_embeddings=8192)
    torch.manual_seed(1)
    if shape.startswith("codegemma"):
        config, kind = transformers.GemmaConfig(**common), transformers.GemmaForCausalLM
    else:
        types = ["sliding_attention" if number % 6 else "full_attention" for number in range(1, layers + 1)]
        config = transformers.Gemma3TextConfig(
            **common, sliding_window=512, layer_types=types, query_pre_attn_scalar=head_dim)
        kind = transformers.Gemma3ForCausalLM
    config._attn_implementation = "sdpa"
    config.use_cache = False
    lora = peft.LoraConfig(r=16, lora_alpha=32, target_modules=TARGETS, bias="none", task_type="CAUSAL_LM")
    return peft.get_peft_model(kind(config), lora).train()


def main():
    shape, sequences, length, mode, threads, rounds = sys.argv[1:]
    sequences, length, rounds = int(sequences), int(length), int(rounds)
    torch.set_num_threads(int(threads))
    model = model_of(shape)
    head, _, compiled = mode.partition("+")
    ids = torch.randint(3, SHAPES[shape][-1], (sequences, length))
    carries = torch.zeros(sequences, length, dtype=torch.bool)
    carries[:, LOSS_EVERY::LOSS_EVERY] = True
    labels = torch.where(carries, ids, -100)

    def users():
        return model(input_ids=ids, labels=labels).loss

    def sliced():
        base = model.get_base_model()
        hidden = base.model(input_ids=ids).last_hidden_state[:, :-1][carries[:, 1:]]
        return torch.nn.functional.cross_entropy(base.lm_head(hidden), ids[carries])

    compute = {"users": users, "sliced": sliced}[head]
    if compiled:
        compute = torch.compile(compute)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    seconds, loss = [], None
    for _ in range(rounds + 1):
        began = time.perf_counter()
        optimizer.zero_grad()
        loss = compute()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seconds.append(time.perf_counter() - began)
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    print(json.dumps({
        "seconds": seconds[1:], "first_seconds": seconds[0], "tokens": sequences * length, "loss": float(loss.detach()),
        "peak_megabytes": int(peak.split()[1]) >> 10, "torch": torch.__version__,
        "transformers": transformers.__version__, "peft": peft.__version__}))


main()
