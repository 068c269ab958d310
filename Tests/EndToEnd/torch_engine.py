#!/usr/bin/env python3
"""gemfill train --engine torch: two processes learn what one does, PyTorch learns what the native engine does from the same shards,
the adapter comes back into the registry and completes code, runs survive SIGTERM, and a bundle comes back only when it is whole and of
this base. Needs gemfill on PATH and torch, transformers and peft in the Python that $GEMFILL_PEER_PYTHON or $PYTHON names."""

import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

WANTED = "import torch, transformers, peft, safetensors"
PYTHONS = [os.environ.get("GEMFILL_PEER_PYTHON"), os.environ.get("PYTHON"), sys.executable]
PEER = next((python for python in PYTHONS if python and not subprocess.run([python, "-c", WANTED], capture_output=True).returncode), None)
if PEER is None:
    print(f"none of {', '.join(filter(None, PYTHONS))} has torch, transformers, peft and safetensors; see Tests/EndToEnd/requirements-torch.txt")
    sys.exit(77)
if os.environ.get("GEMFILL_TEST_IN_PYTHON") != "1":
    os.environ["GEMFILL_TEST_IN_PYTHON"] = "1"
    os.execv(PEER, [PEER, *sys.argv])

from safetensors.numpy import load_file  # noqa: E402

failures: list[str] = []
checks = 0


def check(condition: bool, what: str) -> None:
    global checks
    checks += 1
    if not condition:
        failures.append(what)
        print("FAILED:", what, flush=True)


def gemfill(*words, code: int = 0) -> subprocess.CompletedProcess:
    reply = subprocess.run(["gemfill", *map(str, words)], capture_output=True, timeout=600)
    check(reply.returncode == code, f"{words} ended with {reply.returncode}: {reply.stderr.decode()[-400:]}")
    return reply


def refuse(pattern: str, *words, code: int = 1) -> None:
    """One line on stderr that says why."""
    reply = gemfill(*words, "--quiet", code=code)
    lines = reply.stderr.decode().splitlines()
    check(len(lines) == 1 and pattern in lines[0], f"{words}: expected one line with '{pattern}', got {lines}")


def metrics(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def losses(folder: Path) -> list[float]:
    return [row["loss"] for row in metrics(folder)]


def difference(one: Path, other: Path) -> float:
    """The distance of two adapters' factors B over their norm. Single values say little: Adam turns a gradient near 0, rounded one way
    or the other, into a whole step."""
    a, b = (load_file(folder / "adapter_model.safetensors") for folder in (one, other))
    check(a.keys() == b.keys(), f"{one.name} and {other.name} have the same tensors")
    names = [name for name in a if "lora_B" in name and name in b]
    return float((sum(((a[n] - b[n]) ** 2).sum() for n in names) / sum((a[n] ** 2).sum() for n in names)) ** 0.5)


def close(one: list[float], other: list[float], tolerance: float, what: str) -> None:
    check(len(one) == len(other) and len(one) > 0, f"{what}: {len(one)} and {len(other)} steps")
    apart = max((abs(a - b) / a for a, b in zip(one, other)), default=math.inf)
    print(f"{what}: losses differ by {apart:.1e} at most")
    check(apart < tolerance, f"{what}: losses differ by {apart:.1e}, more than {tolerance}")


work = Path(tempfile.mkdtemp())
home = work / "home"
os.environ["GEMFILL_HOME"] = str(home)
os.environ["GEMFILL_PYTHON"] = PEER
adapters = home / "adapters"
code = work / "code"
code.mkdir()
for name in ("bisect", "heapq", "textwrap", "shlex", "fnmatch", "reprlib", "string", "queue", "sched", "stat"):
    shutil.copy(Path(sysconfig.get_paths()["stdlib"]) / f"{name}.py", code)

# ---------------------------------------------------------------- the same shards for all

shards = work / "shards.safetensors"
gemfill("carve", code, "--format", "tokens", "--out", shards, "--seed", 5, "--quiet")
common = ["--dataset", shards, "--steps", 3, "--batch-tokens", 3072, "--rank", 4, "--seed", 5]
gemfill("train", *common, "--name", "native", "--quiet")
gemfill("train", *common, "--name", "one", "--engine", "torch", "--nproc", 1, "--quiet")
gemfill("train", *common, "--name", "two", "--engine", "torch", "--nproc", 2, "--quiet")
gemfill("train", *common, "--name", "sharded", "--engine", "torch", "--nproc", 2, "--sharding", "fsdp", "--packing",
        "--recompute", "--quiet")

few = ["--targets", "q_proj,v_proj,down_proj", "--rslora", "--alpha", 6, "--lora-plus", 4, "--schedule", "linear", "--warmup", 0.5]
gemfill("train", *common, *few, "--name", "native-few", "--quiet")
gemfill("train", *common, *few, "--name", "few", "--engine", "torch", "--nproc", 1, "--quiet")

native, one = adapters / "native", adapters / "one"
close(losses(one), losses(adapters / "two"), 2e-5, "two processes against one")
close(losses(one), losses(adapters / "sharded"), 2e-5, "two sharded, packed and recomputed against one")
close(losses(native), losses(one), 5e-3, "native against PyTorch")
close(losses(adapters / "native-few"), losses(adapters / "few"), 5e-3, "other targets, scale, rates: native against PyTorch")
rates = [[row["learning_rate"] for row in metrics(adapters / name)] for name in ("native-few", "few")]
check(all(abs(a / b - 1) < 1e-5 for a, b in zip(*rates)), f"the same learning rates: {rates}")
for name, other, limit in (("one", "two", 1e-4), ("one", "sharded", 1e-4), ("native", "one", 0.2), ("native-few", "few", 0.2)):
    apart = difference(adapters / name, adapters / other)
    print(f"factors B of {other}: {apart:.1e} of their norm from those of {name}")
    check(apart < limit, f"factors of {other} are {apart:.1e} from those of {name}")
check(metrics(native)[0].keys() <= metrics(one)[0].keys(), "metrics have the names of the native engine")
check([row["tokens"] for row in metrics(native)] == [row["tokens"] for row in metrics(one)], "the same sequences in every step")

# ---------------------------------------------------------------- the adapter is one like any other

card = json.loads(gemfill("adapter", "show", "one", "--json").stdout)["card"]
other = json.loads(gemfill("adapter", "show", "native", "--json").stdout)["card"]
for key in ("base_sha256", "base_name", "rank", "alpha", "fim_tokens", "prompt_order", "seed", "steps", "tokens"):
    check(card[key] == other[key], f"card: {key} is {card[key]!r}, the native engine's {other[key]!r}")
check(sorted(card["target_modules"]) == sorted(other["target_modules"]), "card: targets")
check(card["metrics"]["engine"].startswith("torch "), "card: which engine")
check(not (one / "torch").exists(), "base and shards of a finished run are gone")
reply = gemfill("complete", "--adapter", "one", code / "bisect.py:20:1", "--json")
check(reply.returncode == 0 and json.loads(reply.stdout) is not None, "the adapter completes code")
older = work / "older"
shutil.copytree(code, older)
for path in older.iterdir():
    text = path.read_text().splitlines(keepends=True)
    path.write_text("".join(text[: len(text) // 2]))
reply = gemfill("eval", code, "--older", older, "--adapter", "one", "--limit", 6, "--json", "--quiet")
check("one" in json.dumps(json.loads(reply.stdout or "null")), "the adapter can be evaluated")

# ---------------------------------------------------------------- signals and resuming

plan = ["--dataset", shards, "--batch-tokens", 1024, "--rank", 4, "--seed", 5, "--engine", "torch", "--steps", 8]
gemfill("train", *plan, "--name", "whole", "--nproc", 1, "--quiet")
process = subprocess.Popen(
    ["gemfill", "train", *map(str, plan), "--name", "broken", "--nproc", "1", "--quiet"], stderr=subprocess.PIPE)
log = adapters / "broken" / "torch" / "metrics.jsonl"
deadline = time.monotonic() + 300
while process.poll() is None and time.monotonic() < deadline and not (log.exists() and log.read_text().count("\n") >= 2):
    time.sleep(0.05)
process.send_signal(signal.SIGTERM)
process.communicate(timeout=300)
check(process.returncode == 130, f"an interrupted run ends with {process.returncode}")
done = log.read_text().count("\n") if log.exists() else 0
check(2 <= done < 8, f"it was interrupted after {done} steps")
refuse("--resume", "train", *plan, "--name", "broken")
gemfill("train", *plan, "--name", "broken", "--nproc", 1, "--resume", "--quiet")
check(losses(adapters / "whole") == losses(adapters / "broken"), "a resumed run has the losses of one that was not interrupted")
a, b = ((adapters / name / "adapter_model.safetensors").read_bytes() for name in ("whole", "broken"))
check(a == b, "a resumed run ends with the same bytes")

# ---------------------------------------------------------------- bundles

bundle = work / "bundle"
gemfill("train", *common, "--name", "away", "--export-bundle", bundle, "--quiet")
for name in ("README.md", "recipe.json", "requirements.txt", "train.ipynb", "scripts/train.py", "base/config.json"):
    check((bundle / name).is_file(), f"the bundle has {name}")
json.loads((bundle / "train.ipynb").read_text())
refuse("holds no finished adapter", "adapter", "import", bundle)
moved = work / "moved"
bundle.rename(moved)
shards.rename(work / "elsewhere.safetensors")
run = subprocess.run([PEER, moved / "scripts/train.py", moved], capture_output=True, timeout=600)
check(run.returncode == 0, f"the bundle trains where it was moved to: {run.stderr.decode()[-400:]}")
close(losses(one), losses(moved), 2e-2, "a bundle, whose base is in bf16, against one process")


def broken(what: str, pattern: str, change) -> None:
    """The result of a copy that `change` has spoilt is refused."""
    copy = work / "copy"
    shutil.copytree(moved, copy, ignore=shutil.ignore_patterns("base", "data"))
    change(copy)
    refuse(pattern, "adapter", "import", copy)
    check("away" not in gemfill("adapter", "list", "--json").stdout.decode(), f"{what}: nothing is registered")
    shutil.rmtree(copy)


def edit(name: str, change):
    def apply(folder: Path) -> None:
        value = json.loads((folder / name).read_text())
        change(value)
        (folder / name).write_text(json.dumps(value))
    return apply


def cut(folder: Path) -> None:
    file = folder / "result/adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-8])


broken("a card of another base", "base_sha256", edit("result/card.json", lambda card: card.update(base_sha256="0" * 64)))
broken("a card of other data", "data_sha256", edit("result/card.json", lambda card: card["metrics"].update(data_sha256="1")))
broken("a recipe of other targets", "the recipe says", edit("recipe.json", lambda recipe: recipe.update(targets=["q_proj"])))
broken("weights that were cut", "copied whole", cut)
broken("an unknown base", "is not known here", lambda folder: [
    edit(name, change)(folder) for name, change in (
        ("result/card.json", lambda card: card.update(base_sha256="0" * 64)),
        ("recipe.json", lambda recipe: recipe["card"].update(base_sha256="0" * 64)))])
gemfill("adapter", "import", moved, "--quiet")
check("away" in gemfill("adapter", "list", "--json").stdout.decode(), "the bundle's adapter is a candidate")

# ---------------------------------------------------------------- killed at any instant

recipe = json.loads((moved / "recipe.json").read_text())
recipe.update(budget={"steps": 10}, batch_tokens=1024)
recipe["engine"]["checkpoint_seconds"] = 0
(moved / "recipe.json").write_text(json.dumps(recipe))
train = [PEER, str(moved / "scripts/train.py"), str(moved)]
subprocess.run(train, capture_output=True, timeout=300, check=True)
whole = losses(moved), (moved / "result/adapter_model.safetensors").read_bytes()
for instant in range(2):
    shutil.rmtree(moved / "result")
    process = subprocess.Popen(train, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdout.readline(), process.stdout.readline()  # the first step is saved then
    time.sleep(random.random() * 0.4)
    process.kill()
    process.communicate()
    check((moved / "checkpoint.safetensors").exists(), "a killed run leaves a checkpoint")
    subprocess.run([*train, "--resume"], capture_output=True, timeout=300, check=True)
    check((losses(moved), (moved / "result/adapter_model.safetensors").read_bytes()) == whole, "a killed run resumes to the same bits")

# ---------------------------------------------------------------- what is wrong is said in one line

(work / "elsewhere.safetensors").rename(shards)
os.environ["GEMFILL_PYTHON"] = "/bin/false"
refuse("pip install -r", "train", *common, "--name", "nowhere", "--engine", "torch")
os.environ["GEMFILL_PYTHON"] = PEER
refuse("--objective kto is of the native engine", "train", *common, "--name", "nowhere", "--engine", "torch", "--objective", "kto",
       code=2)
refuse("--nproc needs --engine torch", "train", *common, "--nproc", 2, code=2)
recipe = json.loads((moved / "recipe.json").read_text())
for key, value, pattern in (("rank", 0, "'rank'"), ("rannk", 4, "'rannk'"), ("budget", {}, "'budget'"), ("train", ["no"], "no.safetensors")):
    (moved / "recipe.json").write_text(json.dumps({**recipe, key: value}))
    run = subprocess.run([PEER, moved / "scripts/train.py", moved], capture_output=True, timeout=120)
    lines = [line for line in run.stderr.decode().splitlines() if line.startswith("train.py: ")]
    check(run.returncode == 1 and len(lines) == 1 and pattern in lines[0], f"a recipe with {key} {value}: {run.stderr[-300:]}")

shutil.rmtree(work)
print(f"{checks} checks, {len(failures)} failed")
sys.exit(1 if failures else 0)
