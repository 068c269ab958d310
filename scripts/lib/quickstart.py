"""The program behind scripts/quickstart, run after scripts/setup."""
import argparse
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARIES = ROOT / ".build/release"
WORK = ROOT / ".build/quickstart"
HOLDOUT = 0.9  # share of the first-parent commits that lie before the split

# textual (MIT): what its authors wrote between the two releases is the test. Neither is in the base's training data.
PACKAGE = "textual"
OLDER = ("0.79.1", "2aaa9778beac5e56957794ee492bd8d281d39516ccb0e507e726484a1327d8b2")
NEWER = ("1.0.0", "bec9fe63547c1c552569d1b75d309038b7d456c03f86dfa3706ddb099b151399")


class Failure(Exception):
    """An error whose text is meant for the person who ran the script."""


def say(text):
    print(f"quickstart: {text}", file=sys.stderr, flush=True)


# ------------------------------------------------------------------ data

def fetch_release(version, digest):
    """The unpacked source distribution; the archive is checked against its pinned hash each time."""
    loader = importlib.machinery.SourceFileLoader("grammars", str(ROOT / "scripts/grammars"))
    grammars = importlib.util.module_from_spec(importlib.util.spec_from_loader("grammars", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(grammars)
    stem = f"{PACKAGE}-{version}"
    source = {"package": PACKAGE, "version": version, "file": stem + ".tar.gz", "sha256": digest}
    try:
        archive = grammars.fetch(source, ROOT / ".build/downloads")
    except grammars.Failure as error:
        raise Failure(error) from error
    return unpack(archive, WORK / stem, strip=stem)


def unpack(archive, target, strip=""):
    """Unpacks regular files only, whole or not at all."""
    if target.is_dir():
        return target
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    with tarfile.open(archive) as tar:
        for member in tar:
            path = pathlib.PurePosixPath(member.name)
            if strip:
                path = path.relative_to(strip)
            if not member.isfile() or path.is_absolute() or ".." in path.parts:
                continue
            file = part / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(tar.extractfile(member).read())
    if not part.is_dir():
        raise Failure(f"{archive} holds no files")
    part.rename(target)
    return target


def git(repository, *words):
    reply = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, text=True, errors="replace")
    if reply.returncode != 0:
        raise Failure(f"git {' '.join(words)}: {reply.stderr.strip() or 'failed'}")
    return reply.stdout.strip()


def split_repository(path):
    """(tree of the commit at the split, that commit, number of later commits)"""
    if not path.is_dir():
        raise Failure(f"{path} is not a folder")
    try:
        top = pathlib.Path(git(path, "rev-parse", "--show-toplevel"))
    except Failure as error:
        raise Failure(
            f"{path} is not a git repository, so there is no older state to train on and no newer one to test on; "
            f"to train without a test, use: {shown(BINARIES / 'fim-train')} {path}") from error
    if top != path.resolve():
        raise Failure(f"{path} lies inside the git repository {top}; name the repository itself")
    commits = git(path, "rev-list", "--first-parent", "--reverse", "HEAD").split()
    if len(commits) < 10:
        raise Failure(f"{path} has only {len(commits)} commits; at least 10 are needed to split them by time")
    split = int(len(commits) * HOLDOUT) - 1
    commit = commits[split]
    WORK.mkdir(parents=True, exist_ok=True)
    archive = WORK / f"{commit}.tar"
    git(path, "archive", "--format=tar", "-o", str(archive), commit)
    target = WORK / f"{path.resolve().name}-{commit[:12]}"
    try:
        return unpack(archive, target), commit, len(commits) - split - 1
    finally:
        archive.unlink(missing_ok=True)


# ------------------------------------------------------------------ steps

def shown(path):
    """The path as a person in the current folder would type it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def run(words, capture):
    """Runs one of our programs: talk goes to the terminal; the JSON object is returned where it was asked for."""
    say("$ " + " ".join([shown(words[0]), *map(str, words[1:])]))
    words = [str(word) for word in words] + (["--json"] if capture else [])
    started = time.monotonic()
    reply = subprocess.run(words, stdout=subprocess.PIPE if capture else None)
    if reply.returncode != 0:
        raise Failure(f"{pathlib.Path(words[0]).name} ended with exit code {reply.returncode} (its reason is above)")
    return (json.loads(reply.stdout) if capture else None), round(time.monotonic() - started, 1)


def free_name(wanted):
    """`wanted`, or `wanted-2`, `wanted-3`, … : an adapter of an earlier run is left alone."""
    reply = subprocess.run([BINARIES / "gemfill", "adapter", "list", "--json"], stdout=subprocess.PIPE)
    if reply.returncode != 0:
        raise Failure("the registry of adapters can't be read (its reason is above)")
    taken = {adapter["name"] for adapter in json.loads(reply.stdout)["adapters"]}
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def count_examples(file):
    with open(file, "rb") as lines:
        return sum(1 for _ in lines)


def pick_samples(file):
    """Three holes of different files: one that is right, one that begins right and one that is wrong, as far as there
    are such; the rest of the three are those that begin right the longest."""
    candidates = []
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            hole = json.loads(line)
            ours = hole["outcomes"][-1].get("completion")
            if not ours or not 8 <= len(hole["middle"].strip()) <= 200 or not ours["text"].strip():
                continue
            begins = ours["matchingPrefixBytes"] >= 8 + len(hole["middle"]) - len(hole["middle"].lstrip())
            verdict = "right" if ours["matchesExactly"] else "begins right" if begins else "wrong"
            candidates.append({
                "verdict": verdict, "path": hole["path"], "prefix": hole["prefix"], "suffix": hole["suffix"],
                "middle": hole["middle"], "completion": ours["text"],
                "agreeing": ours["matchingPrefixBytes"]})
    candidates.sort(key=lambda sample: -sample["agreeing"])
    chosen = []

    def choose(fits):
        taken = {sample["path"] for sample in chosen}
        sample = next((s for s in candidates if s["path"] not in taken and fits(s)), None)
        if sample is not None and len(chosen) < 3:
            chosen.append(sample)

    for verdict in ("right", "begins right", "wrong"):
        choose(lambda sample: sample["verdict"] == verdict)
    while len(chosen) < 3 and len({s["path"] for s in candidates}) > len(chosen):
        choose(lambda sample: True)
    return sorted(chosen, key=lambda sample: ("right", "begins right", "wrong").index(sample["verdict"]))


def paint(text, code):
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return "\n".join(f"\x1b[{code}m{line}\x1b[0m" if line else line for line in text.split("\n"))


def show(sample):
    before = "\n".join(sample["prefix"].split("\n")[-4:])
    after = "\n".join(sample["suffix"].split("\n")[:2])
    ghost = sample["completion"].rstrip("\n")
    plain = not sys.stdout.isatty()
    ghost = f"\u27e6{ghost}\u27e7" if plain else paint(ghost, "3;36")
    print(f"\n{paint(sample['path'], 1)}  ({sample['verdict']})")
    print(paint(before, 2) + ghost + paint(after, 2))
    print(paint("what was really there: ", 1) + paint(sample["middle"].strip("\n"), 32))


def show_editor(name):
    print(f"""
The adapter '{name}' is registered ({shown(BINARIES / 'gemfill')} adapter show {name}).

To see its completions while typing in Neovim, add to your init.lua:

    vim.opt.runtimepath:append("{ROOT / 'editors/neovim'}")
    require("gemfill").setup({{ command = {{ "{BINARIES / 'fim-lsp'}" }}, adapter = "{name}" }})

Any other editor with LSP 3.18 inline completion: start {BINARIES / 'fim-lsp'} --adapter {name} as a server over stdio.""")


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/quickstart", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Carve a repository, train an adapter on its past, and measure it on what was written later.\n"
        f"Without PATH: the package {PACKAGE}, trained on {OLDER[0]}, tested on what is new in {NEWER[0]}.")
    parser.add_argument("path", nargs="?", type=pathlib.Path, metavar="PATH", help="a git repository")
    parser.add_argument("--budget", default="4m", help="training time, such as 90s or 10m (default 4m)")
    parser.add_argument("--eval-budget", default="75s", help="evaluation time (default 75s)")
    parser.add_argument("--name", default="quickstart", help="name of the adapter (default quickstart)")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    options = parser.parse_args()
    started = time.monotonic()
    WORK.mkdir(parents=True, exist_ok=True)

    if options.path is None:
        older, newer = fetch_release(*OLDER), fetch_release(*NEWER)
        data = {"package": PACKAGE, "older": OLDER[0], "newer": NEWER[0]}
        say(f"{PACKAGE}: training on {OLDER[0]}, testing on what is new in {NEWER[0]}")
        source, target = [older], [newer, "--older", older]
    else:
        older, commit, later = split_repository(options.path)
        data = {"repository": str(options.path.resolve()), "commit": commit, "laterCommits": later}
        say(f"training on commit {commit[:12]}, testing on the {later} commits after it")
        source, target = [options.path, "--at", commit], [options.path, "--split", commit]

    name = free_name(options.name)
    seconds = {}
    examples = WORK / "examples.jsonl"
    carved, seconds["carve"] = run(
        [BINARIES / "gemfill", "carve", older, "--out", examples, "--stats"], options.json)
    if count_examples(examples) == 0:
        raise Failure(f"no code was found in {options.path or older}: nothing to learn from")
    trained, seconds["train"] = run(
        [BINARIES / "fim-train", *source, "--budget", options.budget, "--name", name], options.json)
    outcomes = WORK / "outcomes.jsonl"
    evaluated, seconds["evaluate"] = run(
        [BINARIES / "gemfill", "eval", *target, "--adapter", name, "--served", "--budget", options.eval_budget,
         "--out", outcomes], options.json)
    samples = pick_samples(outcomes)
    seconds["total"] = round(time.monotonic() - started, 1)

    if options.json:
        for sample in samples:
            del sample["agreeing"]
        print(json.dumps({
            "data": data, "carve": carved, "train": trained, "evaluation": evaluated, "samples": samples,
            "adapter": name, "seconds": seconds}))
        return 0
    print("\nHeld-out holes, as an editor would have shown them with the adapter:")
    for sample in samples:
        show(sample)
    show_editor(name)
    say(f"done in {seconds['total']:.0f} s (carve {seconds['carve']:.0f}, train {seconds['train']:.0f}, "
        f"evaluate {seconds['evaluate']:.0f})")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"quickstart: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
