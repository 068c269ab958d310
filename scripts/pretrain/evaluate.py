"""Held-out scores by `gemfill eval`: what later commits of the held-out repositories inserted, answered by the n-gram model, the base,
and the base with an adapter that `gemfill train` made from the part before; the same holes scored with the base in 4 bits; and
the loss by class of hole on carved holes of the same repositories. Writes evaluation.json; takes about --minutes."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import carve
import export
import measure
import shards
from model import Gemma3
from tokenizer import EOS, PREFIX, SUFFIX

HERE = pathlib.Path(__file__).resolve().parent
# Shares of the time: adapters, holes with completions, holes in 4 bits; the rest is for carved holes and starting up.
ADAPTER, HOLES, FOUR_BITS = 0.40, 0.36, 0.08


class Runner:
    """gemfill in a home of its own, so that nobody's adapters are touched."""

    def __init__(self, folder):
        self.home, self.results = folder / "evaluation-home", folder / "evaluation"
        for place in (self.home, self.results):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()

    def __call__(self, *arguments):
        command = [carve.program(), *map(str, arguments), "--json", "--quiet"]
        done = subprocess.run(command, env=dict(os.environ, GEMFILL_HOME=str(self.home)), capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"evaluate: {' '.join(command[1:4])}: {done.stderr.strip()[-400:]}", file=sys.stderr)
            return None
        return json.loads(done.stdout)


def history(run, repository, place, base, small, seconds, limit):
    """(result file, result file in 4 bits, what the adapter learnt) of one repository; None for what failed."""
    name = repository["name"]
    trained = run("train", place, "--at", "split", "--base", base, "--name", "adapter", "--budget", f"{max(5, int(seconds * ADAPTER))}s")
    out, small_out = run.results / f"{name}.jsonl", run.results / f"{name}.q4_0.jsonl"
    report = trained and run("eval", place, "--base", base, "--adapter", "adapter", "--mixture", "--served", "--limit", limit,
                             "--budget", f"{max(5, int(seconds * HOLES))}s", "--out", out)
    run("adapter", "remove", "adapter")
    if not report:
        return None, None, None
    scored = small and run("eval", place, "--base", small, "--limit", limit, "--completions", 0, "--out", small_out,
                           "--budget", f"{max(4, int(seconds * FOUR_BITS))}s")
    return out, small_out if scored else None, dict(steps=trained["steps"], tokens=trained["tokens"], commit=trained["data_commit"])


def kinds_of(folder, base, settings, run):
    """Classes of the held-out sequences: the same holes as JSON lines, in the same order."""
    out = run.results / "carved.jsonl"
    held = sorted(path for path in (folder / "heldout-tree").iterdir() if path.is_dir())
    languages = ",".join(language for group in carve.LANGUAGES.values() for language in group)
    arguments = ["carve", *held, "--format", "jsonl", "--out", out, "--languages", languages, "--seed", 1, "--epoch", 0, "--limit", carve.HELD_OUT]
    arguments += [word for licence in carve.DENIED for word in ("--deny-licence", licence)]
    if not run(*arguments, *(["--weights", settings] if settings else [])):
        return []
    return [json.loads(line) for line in out.read_text().splitlines()]


def carved(folder, examples, seconds):
    """Loss of the middle and of its end by class and prompt order, in float32; until the time is over."""
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(os.cpu_count() or 1)
    held = shards.ShardSet.named(folder / "shards", "heldout")
    if held is None or len(held) != len(examples):
        return None
    config, weights, _ = export.load_checkpoint(folder)
    model, until, rows = Gemma3(config).eval(), time.monotonic() + seconds, []
    model.load_state_dict(weights)
    for number in shards.numpy.random.default_rng(3).permutation(len(held)):
        ids, _, middle, size = held.sequence(int(number))
        example = examples[int(number)]
        if not size or middle >= len(ids) or len(ids) > 1024 or ids[-1] != EOS:
            continue
        if size != len(example["middle"].encode()):
            return None  # not the same holes: better no figure than a wrong one
        if time.monotonic() > until:
            break
        row = torch.from_numpy(shards.numpy.array(ids, shards.numpy.int64))[None]
        with torch.no_grad():
            logits = model.logits(model.model(row)[0, middle - 1:-1])
            nats = F.cross_entropy(logits, row[0, middle:], reduction="none")
        mark = int(shards.numpy.flatnonzero(ids == PREFIX)[0])
        rows.append(dict(file=example["path"], kind=example["kind"], language=example["language"], size=size,
                         order="spm" if ids[mark + 1] == SUFFIX else "psm", nats=float(nats[:-1].sum()),
                         end=float(nats[-1]), stops=int(logits[-1].argmax()) == EOS))
    def of(part):
        return dict(holes=len(part), nats_per_byte=measure.ratio(part, lambda r: r["nats"], lambda r: r["size"]),
                    end_nats=measure.ratio(part, lambda r: r["end"], lambda r: 1.0), ends=measure.ratio(part, lambda r: float(r["stops"]), lambda r: 1.0))
    return {key: {value: of([r for r in rows if r[key] == value]) for value in sorted({r[key] for r in rows})}
            for key in ("order", "kind", "language")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--base", type=pathlib.Path, required=True, help="the base in 8 bits; one in 4 bits beside it is scored too")
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--limit", type=int, default=300, help="most holes of a repository")
    parser.add_argument("--settings", type=pathlib.Path, help="settings that the held-out sequences were carved with")
    options = parser.parse_args()
    folder, began = options.dir.resolve(), time.monotonic()
    run, base = Runner(folder), options.base.resolve()
    small = base.with_name(base.name.replace("q8_0", "q4_0"))
    small = small if small != base and small.exists() else None
    listed = {row["name"]: row for row in json.loads((HERE / "corpus.json").read_text())["held_out"]}
    places = sorted(path for path in (folder / "heldout").glob("*") if (path / ".git").exists() or (path / "HEAD").exists())
    results, adapters, pairs = [], {}, []
    for number, place in enumerate(places):
        left = options.minutes * 60 - (time.monotonic() - began) - options.minutes * 6
        repository = dict(listed.get(place.name, {}), name=place.name)
        out, small_out, adapter = history(run, repository, place, base, small, max(10.0, left / (len(places) - number)), options.limit)
        results += [out] if out else []
        pairs += measure.pairs(out, small_out, "base") if small_out else []
        adapters[place.name] = adapter
        print(f"evaluated {place.name}: {(time.monotonic() - began) / 60:.1f} minutes", file=sys.stderr, flush=True)
    pooled = run("eval", *(word for path in results for word in ("--results", path))) if results else None
    if pooled is None:
        sys.exit("evaluate: no repository could be measured")
    spare = max(10.0, options.minutes * 60 - (time.monotonic() - began))
    result = dict(
        commands=["gemfill train REPOSITORY --at split --name adapter", "gemfill eval REPOSITORY --adapter adapter --mixture --served --out F.jsonl",
                  "gemfill eval --results F.jsonl --results …"],
        seconds=None, adapters=adapters, scored=pooled["scored"], completed=pooled["completed"], files=pooled["files"],
        contenders=pooled["contenders"], comparisons=pooled["comparisons"], by=pooled["by"], four_bits=measure.rounding_cost(pairs),
        carved=carved(folder, kinds_of(folder, base, options.settings, run), min(spare, options.minutes * 6)))
    result["seconds"] = round(time.monotonic() - began)
    (folder / "evaluation.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(dict(contenders=result["contenders"], four_bits=result["four_bits"]), indent=1))


if __name__ == "__main__":
    main()
