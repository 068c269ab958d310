#!/usr/bin/env python3
"""gemfill train on a tiny base: killed at random instants and resumed it ends at the same bits; what goes wrong is said in
one line and loses nothing; metrics, event files and the curve can be read; merged adapters are served. Needs gemfill on PATH."""

import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from pathlib import Path

# The interpreter with tensorboard, if there is one, is the one that $PYTHON names; continue in it.
if "PYTHON" in os.environ and os.environ.get("GEMFILL_TEST_IN_PYTHON") != "1":
    os.environ["GEMFILL_TEST_IN_PYTHON"] = "1"
    os.execv(os.environ["PYTHON"], [os.environ["PYTHON"], *sys.argv])

sys.path.insert(0, str(Path(__file__).parent / "support"))
import event_file  # noqa: E402
import tiny_base  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("GEMFILL_KILLS", "20"))
STEPS = 30
failures: list[str] = []
checks = 0


def check(condition: bool, what: str) -> None:
    global checks
    checks += 1
    if not condition:
        failures.append(what)
        print("FAILED:", what, flush=True)


def gemfill(*words, code: int = 0, **options) -> subprocess.CompletedProcess:
    reply = subprocess.run(["gemfill", *map(str, words)], capture_output=True, timeout=300, **options)
    check(reply.returncode == code, f"{words[:4]} ended with {reply.returncode}: {reply.stderr[-300:]}")
    return reply


def refuse(pattern: str, *words, code: int = 1, **options) -> str:
    reply = gemfill(*words, "--quiet", code=code, **options)
    lines = reply.stderr.decode().splitlines()
    check(len(lines) == 1 and pattern in lines[0], f"{words[:4]}: expected one line with '{pattern}', got {lines}")
    return lines[0] if lines else ""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


with tempfile.TemporaryDirectory() as temporary:
    work = Path(temporary)
    home = work / "home"
    os.environ["GEMFILL_HOME"] = str(home)
    base = tiny_base.write(work / "base")
    code = work / "code"
    code.mkdir()
    for index, path in enumerate(sorted((ROOT / "Tests/EndToEnd").glob("*.py")) + sorted((ROOT / "scripts").rglob("*.py"))):
        (code / f"{index:02}_{path.name}").write_text(path.read_text())
    data = work / "data.jsonl"
    gemfill("carve", code, "--out", data, "--quiet")
    examples = data.read_text().splitlines(keepends=True)
    data.write_text("".join(examples[:-40]))
    (work / "data.validation.jsonl").write_text("".join(examples[-40:]))

    def words(name: str, *more, dataset: Path = data, steps: int = STEPS, base: Path | None = base) -> list[str]:
        return ["train", "--dataset", str(dataset), *(["--base", str(base)] if base else []), "--name", name, "--steps", str(steps),
                "--rank", "4", "--batch-tokens", "256", "--measure", "1ms", *map(str, more)]

    def adapter(name: str) -> Path:
        return home / "adapters" / name / "adapter_model.safetensors"

    def losses(name: str) -> list[tuple[int, float]]:
        lines = [json.loads(line) for line in (home / "adapters" / name / "metrics.jsonl").read_text().splitlines()]
        return [(line["step"], line["loss"]) for line in lines]

    # ------------------------------------------------------------ an undisturbed run, and what it leaves
    began = time.monotonic()
    gemfill(*words("whole"))
    seconds = time.monotonic() - began
    folder = home / "adapters" / "whole"
    wanted, wanted_losses = sha256(adapter("whole")), losses("whole")
    check([step for step, _ in wanted_losses] == list(range(1, STEPS + 1)), "one line of metrics per step")
    curve = xml.etree.ElementTree.parse(folder / "loss.svg").getroot()
    check(curve.tag.endswith("svg") and len(curve.findall(".//{*}polyline")) == 4, "the curve has its lines")
    seen = event_file.scalars(folder)
    check(sorted(seen) == ["held_out/loss_per_byte", "train/gradient_norm", "train/learning_rate", "train/loss",
                           "train/tokens_per_second"], f"tags of the event file: {sorted(seen)}")
    check(all(abs(seen["train/loss"][step] - loss) < 1e-5 * abs(loss) for step, loss in wanted_losses), "event losses")
    check(not (folder / "checkpoint.safetensors").exists(), "a finished run keeps no checkpoint")
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError:
        print("tensorboard is not installed: its reader is not asked")
    else:
        events = EventAccumulator(str(folder))
        events.Reload()
        check([(event.step, round(event.value, 3)) for event in events.Scalars("train/loss")]
              == [(step, round(loss, 3)) for step, loss in wanted_losses], "TensorBoard reads the losses")

    # ------------------------------------------------------------ killed at random instants
    generator = random.Random(6)
    kills, number, resumed = 0, 0, 0
    while kills < KILLS and number < 50:
        number += 1
        name = f"killed-{number}"
        while True:
            process = subprocess.Popen(
                ["gemfill", *words(name, "--checkpoint", "20ms", "--resume", "--quiet")], stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE)
            try:
                _, error = process.communicate(timeout=generator.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
                resumed += (home / "adapters" / name / "checkpoint.safetensors").exists()
                continue
            check(process.returncode == 0, f"{name} ended with {process.returncode}: {error[-300:]}")
            break
        check(sha256(adapter(name)) == wanted, f"{name} ends at other bits")
        check(losses(name) == wanted_losses, f"{name} has other losses")
        check(sorted(event_file.scalars(home / "adapters" / name)["train/loss"]) == list(range(1, STEPS + 1)),
              f"the event files of {name} lack steps")
        left = [path.name for path in (home / "adapters" / name).iterdir() if path.name.endswith(".part")]
        check(left == [], f"{name} leaves {left}")
    check(kills >= KILLS, f"only {kills} kills")
    check(resumed >= KILLS // 3, f"only {resumed} of {kills} kills came after a checkpoint")
    print(f"{kills} kills in {number} runs, {resumed} of them with a checkpoint to go on from", flush=True)

    # ------------------------------------------------------------ what goes wrong
    def interrupt(name: str) -> Path:
        """A run that is killed as soon as it has a checkpoint."""
        process = subprocess.Popen(["gemfill", *words(name, "--checkpoint", "1ms", "--quiet")])
        path = home / "adapters" / name / "checkpoint.safetensors"
        while process.poll() is None and not path.exists():
            time.sleep(0.005)
        process.kill()
        process.wait()
        return path

    checkpoint = interrupt("stopped")
    check(checkpoint.exists(), "an interrupted run has a checkpoint")
    kept = sha256(checkpoint)
    refuse("continue it with --resume", *words("stopped"))
    refuse("another base", *words("stopped", "--resume", base=tiny_base.write(work / "other", seed=2)))
    refuse("another base", *words("stopped", "--resume", "--learning-rate", "0.1"))

    def little_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    refuse("cannot write", *words("stopped", "--resume", "--checkpoint", "1ms"), preexec_fn=little_space)
    check(sha256(checkpoint) == kept, "a full disk leaves the checkpoint as it was")
    gemfill(*words("stopped", "--resume"))
    check(sha256(adapter("stopped")) == wanted, "after a full disk the run ends at other bits")

    lines = data.read_text().splitlines(keepends=True)
    broken = work / "broken.jsonl"
    broken.write_text("".join(lines[:2] + ["{\"prefix\": \n"] + lines[2:]))
    line = refuse("broken.jsonl", *words("x1", dataset=broken))
    check("line 3" in line or ":3" in line, f"the line's number: {line}")
    empty = work / "empty.jsonl"
    empty.write_text("")
    refuse("no training examples", *words("x3", dataset=empty))
    overflow = tiny_base.write(work / "overflow", scale=0.5, norm=3e38)
    refuse("not a number", *words("x4", base=overflow))
    # The base that comes with gemfill: a random one cannot get much worse.
    refuse("diverges", *words("x5", "--learning-rate", "1", "--checkpoint", "1ms", steps=300, base=None))
    check((home / "adapters" / "x5" / "checkpoint.safetensors").exists(), "a run that diverges keeps its checkpoint")
    check((home / "adapters" / "x5" / "loss.svg").exists(), "a run that diverges has a curve")
    registered = json.loads(gemfill("adapter", "list", "--json").stdout)["adapters"]
    check(not {"x1", "x3", "x4", "x5"} & {entry["name"] for entry in registered}, "failed runs are not registered")

    # ------------------------------------------------------------ prediction
    (home / "config.json").write_text(json.dumps({"gpus": {"rented": {"tokensPerSecond": 1e5, "pricePerHour": 2}}}))
    plan = json.loads(gemfill(*words("later", "--dry-run", "--json")).stdout)
    check(plan["prediction"]["steps"] == STEPS and plan["prediction"]["seconds"] > 0, f"prediction: {plan}")
    check(abs(plan["gpus"][0]["hours"] - plan["prediction"]["tokens"] / 1e5 / 3600) < 1e-9, "hours on a rented machine")
    check(not (home / "adapters" / "later").exists(), "a dry run leaves nothing")
    (home / "config.json").write_text(json.dumps({"gpus": {"rented": {"tokensPerSecond": 1e5}}}))
    refuse("pricePerHour", *words("later", "--dry-run"))

    # ------------------------------------------------------------ merging
    gemfill(*words("second", "--seed", "2"))
    for method in ("linear", "ties", "dare", "cat", "svd", "ties-svd", "peft-linear", "peft-ties"):
        made = json.loads(gemfill("adapter", "merge", "whole", "second", "--weights", ".7,.3", "--method", method, "--name",
                                  "merged-" + method, "--json").stdout)
        merge = made["card"]["merge"]
        check(made["state"] == "candidate" and merge["method"] == method, f"{method}: {made}")
        check([parent["weight"] for parent in merge["parents"]] == [0.7, 0.3], f"{method}: {merge}")
        check(0 < merge["retained_energy_minimum"] <= merge["retained_energy_mean"] <= 1 + 1e-9, f"{method}: {merge}")
        rank = {"linear": 8, "cat": 8}.get(method, 4)
        check(made["card"]["rank"] == rank, f"{method}: rank {made['card']['rank']}")
    gemfill("adapter", "merge", "whole", "second", "--rank", "2", "--name", "small")
    source = code / "00_carve.py"
    gemfill("complete", f"{source}:20:1", "--base", base, "--adapter", "merged-ties", "--quiet")
    refuse("name two or more", "adapter", "merge", "whole", "--name", "x", code=2)
    refuse("2 numbers", "adapter", "merge", "whole", "second", "--weights", "1", "--name", "x", code=2)
    refuse("exists", "adapter", "merge", "whole", "second", "--name", "small")
    refuse("no adapter named", "adapter", "merge", "whole", "missing", "--name", "x")
    other = tiny_base.write(work / "stranger", seed=3)
    gemfill(*words("foreign", base=other, steps=1))
    refuse("only adapters of one base", "adapter", "merge", "whole", "foreign", "--name", "x")

print(f"{checks} checks, {len(failures)} failed")
sys.exit(1 if failures else 0)
