#!/usr/bin/env python3
"""What Gemfill writes, read by llama.cpp: the same greedy tokens in f32, the same perplexity in 8 and 4 bits, adapters;
and what llama.cpp quantises, read by Gemfill.

Needs a Python with llama-cpp-python: GEMFILL_PEER_PYTHON, .build/bench-peer (which Benchmarks/engine makes) or
.build/venv. Building it takes half an hour, so that nothing is built here: without it the test is skipped.
"""
import json
import math
import os
import pathlib
import subprocess
import sys
import sysconfig
import tempfile

# The interpreter with numpy (and transformers) is the one that $PYTHON names; continue in it.
if "PYTHON" in os.environ and os.environ.get("GEMFILL_TEST_IN_PYTHON") != "1":
    os.environ["GEMFILL_TEST_IN_PYTHON"] = "1"
    os.execv(os.environ["PYTHON"], [os.environ["PYTHON"], *sys.argv])

try:
    import numpy
except ImportError:
    print("no numpy; scripts/test installs it for $PYTHON")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BASE = "gemfill-base"
PROMPTS = [
    "def fibonacci(n):\n    ",
    "import os\nimport sys\n\n\nclass Reader:\n    def __init__(self, path):\n        self.",
    "for name in sorted(names):\n    print(",
]
# Of the code that perplexity is measured on.
BYTES, WINDOW = 50_000, 512
# Formats that llama.cpp writes, by their number in llama_ftype.
FOREIGN = {"Q4_1": 3, "Q5_0": 8, "Q5_1": 9, "Q4_K_M": 15, "Q5_K_M": 17, "Q6_K": 18, "Q4_0": 2, "BF16": 32}
checks = []


def check(name, passed, detail=""):
    checks.append(passed)
    print(f"{'ok  ' if passed else 'FAIL'} {name}{': ' if detail else ''}{detail}", flush=True)


def gemfill(*arguments):
    run = subprocess.run(
        ["gemfill", *map(str, arguments), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"gemfill {' '.join(map(str, arguments[:3]))}: {run.stderr.strip()}")
    return json.loads(run.stdout)


class Lines:
    """A program that answers lines with lines of JSON."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("the program ended")
        answer = json.loads(answer)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def peer_python():
    named = os.environ.get("GEMFILL_PEER_PYTHON")
    for python in [named, ROOT / ".build/bench-peer/bin/python", ROOT / ".build/venv/bin/python"]:
        if not python or not os.access(python, os.X_OK):
            continue
        found = subprocess.run([python, "-c", "import llama_cpp, numpy"], stderr=subprocess.DEVNULL)
        if found.returncode == 0:
            return str(python)
    print("no Python with llama-cpp-python; Benchmarks/engine makes one, or name it in GEMFILL_PEER_PYTHON")
    sys.exit(77)


def logits(model, tokens, work, *more):
    """[tokens, vocabulary] as Gemfill computes them."""
    out = work / "logits.safetensors"
    gemfill("model", "logits", model, "--tokens", ",".join(map(str, tokens)), "--out", out, *more)
    data = out.read_bytes()
    length = int.from_bytes(data[:8], "little")
    shape = json.loads(data[8:8 + length])["logits"]["shape"]
    return numpy.frombuffer(data, numpy.float32, offset=8 + length).reshape(shape)


def nats(rows, tokens):
    rows = rows[:-1].astype(numpy.float64)
    largest = rows.max(1, keepdims=True)
    logs = rows - largest - numpy.log(numpy.exp(rows - largest).sum(1, keepdims=True))
    return -float(logs[numpy.arange(len(tokens) - 1), tokens[1:]].sum())


def code():
    folder = pathlib.Path(sysconfig.get_paths()["stdlib"])
    text = "".join((folder / name).read_text() for name in ["argparse.py", "tarfile.py"])
    return text.encode()[:BYTES].decode(errors="ignore")


def main():
    peer = Lines(peer_python(), str(ROOT / "Tests/EndToEnd/support/llamacpp_worker.py"))
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        base = work / "base-f32.gguf"
        gemfill("model", "export", BASE, "--format", "gguf", "--type", "f32", "--out", base)
        greedy(peer, base)
        windows = perplexity(peer, base, work)
        foreign(peer, base, windows[:6], work)
        adapters(peer, base, work)
        generations(peer, work)
    peer.close()
    print(f"{sum(checks)} of {len(checks)} checks passed")
    sys.exit(0 if all(checks) and checks else 1)


def greedy(peer, base):
    """The same 64 tokens after each prompt, all in f32."""
    own = Lines("gemfill", "bench", "--model", str(base), "--precision", "f32", "--requests", "--quiet")
    for prompt in PROMPTS:
        ids = [2] + own.ask("encode " + " ".join(str(byte) for byte in prompt.encode()))["tokens"]
        theirs = peer.ask({"model": str(base), "text": prompt, "tokens": [ids], "greedy": 64})
        check("the same tokens of a text", theirs["ids"] == ids[1:], prompt.split("\n")[0])
        ours = own.ask(f"greedy 64 {' '.join(map(str, ids))}")["tokens"]
        same = next((i for i in range(64) if ours[i] != theirs["greedy"][0][i]), 64)
        check("greedy in f32", same == 64, f"{same} of 64 tokens agree")
    own.close()


def perplexity(peer, base, work):
    """On code, in both engines from the same file; what a format loses is printed as well."""
    own = Lines("gemfill", "bench", "--model", str(base), "--requests", "--quiet")
    text = code()
    ids = [token for line in text.splitlines(True) for token in own.ask(
        "encode " + " ".join(str(byte) for byte in line.encode()))["tokens"]]
    own.close()
    windows = [[2] + ids[start:start + WINDOW - 1] for start in range(0, len(ids), WINDOW - 1)]
    windows = [window for window in windows if len(window) > 1]
    count = sum(len(window) - 1 for window in windows)
    exact = sum(peer.ask({"model": str(base), "tokens": windows, "loss": True})["nats"])
    print(f"     {len(text.encode())} bytes, {count} tokens, perplexity {math.exp(exact / count):.4f} in f32")
    for kind in ["q8_0", "q4_0"]:
        path = work / f"base-{kind}.gguf"
        gemfill("model", "quantize", base, "--type", kind, "--out", path)
        theirs = sum(peer.ask({"model": str(path), "tokens": windows, "loss": True})["nats"])
        ours = sum(nats(logits(path, window, work), window) for window in windows)
        ratio = math.exp((ours - theirs) / count)
        check(
            f"perplexity in {kind}", abs(ratio - 1) < 0.005,
            f"{math.exp(ours / count):.4f} here, {math.exp(theirs / count):.4f} there, {100 * (ratio - 1):+.3f} %")
    return windows


def foreign(peer, base, windows, work):
    """Files that llama.cpp quantised, read here."""
    count = sum(len(window) - 1 for window in windows)
    for name, number in FOREIGN.items():
        path = work / "foreign.gguf"
        peer.ask({"quantize": str(base), "to": str(path), "type": number})
        theirs = sum(peer.ask({"model": str(path), "tokens": windows, "loss": True})["nats"])
        ours = sum(nats(logits(path, window, work), window) for window in windows)
        ratio = math.exp((ours - theirs) / count)
        check(f"perplexity of llama.cpp's {name}", abs(ratio - 1) < 0.01, f"{100 * (ratio - 1):+.3f} %")
        path.unlink()


def adapters(peer, base, work):
    """An adapter beside the base, merged into it, and merged and exported for transformers."""
    files = work / "code"
    files.mkdir()
    for name in ["ast.py", "csv.py", "difflib.py"]:
        source = pathlib.Path(sysconfig.get_paths()["stdlib"]) / name
        (files / name).write_bytes(source.read_bytes())
    gemfill("train", files, "--steps", 2, "--batch-tokens", 2048, "--learning-rate", 0.02, "--name", "peered")
    lora, merged, hub = work / "lora.gguf", work / "merged.gguf", work / "merged"
    gemfill("adapter", "export", "peered", "--format", "gguf", "--out", lora)
    gemfill("model", "export", BASE, "--format", "gguf", "--type", "f32", "--adapter", "peered", "--out", merged)
    gemfill("model", "export", BASE, "--adapter", "peered", "--out", hub)
    tokens = [2] + [110 + 5 * index for index in range(39)]
    bare = logits(base, tokens, work, "--precision", "f32")
    ours = logits(BASE, tokens, work, "--precision", "f32", "--adapter", "peered")
    moved = float(abs(bare - ours).max())
    check("the adapter changes something", moved > 0.1, f"logits by up to {moved:.3f}")

    def compare(name, found, tolerance=2e-2):
        difference = float(abs(found - ours).max())
        check(name, difference < tolerance, f"largest difference of a logit {difference:.5f}")

    def theirs(model, adapter=None):
        peer.ask({"model": str(model), "lora": adapter and str(adapter), "tokens": [tokens],
                  "logits": str(work / "peer.npy")})
        return numpy.load(work / "peer.npy")

    compare("merged, here", logits(merged, tokens, work, "--precision", "f32"), 2e-3)
    compare("merged, llama.cpp", theirs(merged))
    compare("adapter file, llama.cpp", theirs(base, lora))
    gemfill("adapter", "import", lora, "--base", BASE, "--name", "returned")
    again = logits(BASE, tokens, work, "--precision", "f32", "--adapter", "returned")
    compare("adapter file, back here", again, 1e-3)
    if not has_transformers():
        print("     no transformers: the merged folder was not loaded")
        return
    script = (
        "import sys, torch, numpy; from transformers import AutoModelForCausalLM as M\n"
        "model = M.from_pretrained(sys.argv[1], dtype=torch.float32, attn_implementation='eager').eval()\n"
        "ids = torch.tensor([[int(i) for i in sys.argv[3].split(',')]])\n"
        "with torch.no_grad(): numpy.save(sys.argv[2], model(ids).logits[0].numpy())\n")
    subprocess.run(
        [sys.executable, "-c", script, str(hub), str(work / "hub.npy"), ",".join(map(str, tokens))],
        check=True, stderr=subprocess.DEVNULL)
    compare("merged, transformers", numpy.load(work / "hub.npy"), 2e-3)


def has_transformers():
    probe = "import torch, transformers, peft"
    return subprocess.run([sys.executable, "-c", probe], stderr=subprocess.DEVNULL).returncode == 0


def generations(peer, work):
    """Small random models of every generation, exported as GGUF: transformers' logits here and in llama.cpp."""
    if not has_transformers():
        print("     no transformers: only the embedded base was compared")
        return
    tokens = [2] + [110 + 5 * index for index in range(39)]
    script = ROOT / "Tests/EndToEnd/support/tiny_models.py"
    subprocess.run(
        [sys.executable, script, work / "tiny", ",".join(map(str, tokens))], check=True, capture_output=True)
    for folder in sorted((work / "tiny").iterdir()):
        expected = numpy.load(folder / "reference.npy")
        gguf = work / f"{folder.name}.gguf"
        gemfill("model", "export", folder, "--format", "gguf", "--out", gguf)
        own = float(abs(logits(gguf, tokens, work, "--precision", "f32") - expected).max())
        peer.ask({"model": str(gguf), "tokens": [tokens], "logits": str(work / "peer.npy")})
        other = float(abs(numpy.load(work / "peer.npy") - expected).max())
        check(
            f"{folder.name} as GGUF", own < 3e-4 and other < 2e-2,
            f"off transformers by {own:.6f} here, by {other:.6f} in llama.cpp")


main()
