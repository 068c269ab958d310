"""tree/ -> token shards by `gemfill carve`: hygiene, near-duplicates, licences, secrets, holes, context and formats are the
program's own. One set of shards for each share of the mix, one of held-out packages, and shards/summary.json."""
import argparse
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys

import shards
from tokenizer import MIX

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LANGUAGES = {"python": ["python"], "typescript": ["typescript", "tsx", "javascript"], "rust": ["rust"], "go": ["go"],
             "cpp": ["c", "cpp"], "java": ["java"], "swift": ["swift"], "other": ["ruby", "bash", "lua"]}
DENIED = ["GPL-", "AGPL-", "LGPL-", "MPL-", "EPL-", "CDDL-", "EUPL-", "CC-BY-", "SSPL-", "BUSL-", "Elastic-"]
HELD_OUT = 2000  # examples of held-out packages
TOKENS_OF_EXAMPLE = 330  # with the smallest windows; more only makes larger shards


def program():
    """The gemfill that carves: $GEMFILL, the build of this repository, or the one on PATH."""
    for path in (os.environ.get("GEMFILL"), ROOT / ".build/release/gemfill", shutil.which("gemfill")):
        if path and pathlib.Path(path).exists():
            return str(path)
    sys.exit("carve: no gemfill; build it (docs/building.md) or name it in $GEMFILL")


def carve(options, name, paths, languages, limit, epoch=0, held_out=False):
    """The shards NAME.safetensors, of later epochs NAME.epoch-E.safetensors; the program's report. What is there is kept."""
    name += f".epoch-{epoch}" if epoch else ""
    folder = options.dir / "shards"
    report = folder / f"{name}.report.json"
    if report.exists():
        return json.loads(report.read_text())
    arguments = [program(), "carve", *map(str, paths), "--format", "tokens", "--base", str(options.base), "--json", "--quiet",
                 "--out", str(folder / f"{name}.safetensors"), "--languages", ",".join(languages), "--seed", "1", "--epoch", str(epoch)]
    arguments += [word for licence in DENIED for word in ("--deny-licence", licence)]
    arguments += ["--limit", str(limit)] if limit else []
    arguments += ["--weights", str(options.settings)] if options.settings else []
    if not held_out and options.heldout.exists():
        arguments += ["--decontaminate", str(options.heldout)]
    environment = dict(os.environ, GEMFILL_HOME=str(options.dir / "home"))
    done = subprocess.run(arguments, env=environment, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"carve: {name} failed with exit code {done.returncode}")
    part = report.with_suffix(".part")
    part.write_bytes(done.stdout)
    part.replace(report)
    print(f"carved {name}", file=sys.stderr, flush=True)
    return json.loads(done.stdout)


def summary(reports, folder):
    """What the shards hold, and what was left out of the first epoch and why."""
    totals = {key: collections.Counter() for key in ("skipped", "dropped", "by_class", "redactions", "licences")}
    bytes_by_language, tokens, sequences = {}, {}, {}
    for name in dict.fromkeys(name for name, _ in reports):
        report = reports[name, 0]
        for key in totals:
            for what, value in report[key].items():
                totals[key][what] += value["bytes"] if isinstance(value, dict) else value
        bytes_by_language.update({language: row["bytes"] for language, row in report["languages"].items()})
        found = shards.ShardSet.named(folder, name)
        tokens[name], sequences[name] = int(found.lengths.sum()), len(found)
    # Files of languages that another set holds are no loss.
    totals["skipped"].pop("other-language", None)
    return dict(bytes=sum(bytes_by_language.values()), bytes_by_language=bytes_by_language, tokens=tokens, sequences=sequences,
                shares=MIX, files_by_reason=dict(totals["skipped"].most_common()), holes_by_reason=dict(totals["dropped"].most_common()),
                examples_by_class=dict(totals["by_class"]), redactions=dict(totals["redactions"]),
                bytes_by_file_licence=dict(totals["licences"].most_common()), denied=DENIED,
                settings_hash=next(iter(reports.values()))["settings"]["hash"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--tokens", type=float, default=40e6, help="about so many tokens in all; 0 takes every hole of an epoch")
    parser.add_argument("--epochs", type=int, default=1, help="how often other holes are cut in the same files")
    parser.add_argument("--settings", type=pathlib.Path, help="settings of the carver (carving-cpu.json)")
    parser.add_argument("--base", type=pathlib.Path, default=ROOT / "models/gemfill-base/gemfill-base-q8_0.gguf", help="model whose tokenizer counts")
    options = parser.parse_args()
    options.dir = options.dir.resolve()
    options.heldout = options.dir / "heldout-tree"
    folder = options.dir / "shards"
    folder.mkdir(exist_ok=True)
    packages = sorted(path for path in (options.dir / "tree").iterdir() if path.is_dir())
    there = json.loads((options.dir / "tree.json").read_text())["bytes_by_language"]
    reports = {}
    for name, languages in LANGUAGES.items():
        if not any(there.get(language) for language in languages):
            continue
        limit = int(options.tokens * MIX[name] / sum(MIX.values()) / TOKENS_OF_EXAMPLE)
        for epoch in range(options.epochs):
            reports[name, epoch] = carve(options, name, packages, languages, limit, epoch)
    if options.heldout.exists():
        held = sorted(path for path in options.heldout.iterdir() if path.is_dir())
        carve(options, "heldout", held, [language for group in LANGUAGES.values() for language in group], HELD_OUT, held_out=True)
    text = json.dumps(summary(reports, folder), indent=1)
    (folder / "summary.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
