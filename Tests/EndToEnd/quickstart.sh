#!/usr/bin/env bash
# scripts/quickstart on a small git repository with a short budget: every step runs, the JSON is whole, the adapter is
# registered, and unusable paths are refused with one clear line. How good the adapter is, is not judged here.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A history out of real code: modules of Python's standard library, first without and then with some of their lines.
python3 - "$work/history" <<'PYTHON'
import os, pathlib, subprocess, sys, sysconfig
root = pathlib.Path(sys.argv[1])
root.mkdir()
library = pathlib.Path(sysconfig.get_paths()["stdlib"])
modules = ["argparse.py", "ast.py", "bdb.py", "configparser.py", "csv.py", "dataclasses.py", "difflib.py", "ftplib.py",
           "inspect.py", "mailbox.py", "pdb.py", "pickle.py", "shutil.py", "tarfile.py", "textwrap.py", "zipfile.py"]
identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Test"), ("EMAIL", "test@example.org"), ("DATE", "2024-01-01T00:00:00Z"))}

def git(*words):
    subprocess.run(["git", "-C", root, *words], check=True, stdout=subprocess.DEVNULL, env={**os.environ, **identity})

def commit(message):
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", message)

git("init", "-q")
texts = {}
for name in modules:
    if not (library / name).is_file():
        continue
    lines = (library / name).read_text("utf-8").splitlines(keepends=True)
    held = set()
    for start in range(40, len(lines) - 10, 60):
        held.update(range(start, start + 1 + start % 3))
    (root / name).write_text("".join(line for number, line in enumerate(lines) if number not in held), "utf-8")
    texts[name] = "".join(lines)
    commit("Add " + name)
early = 18 - len(texts)
for number in range(early):
    commit(f"Step {number}")
for half in (0, 1):
    for name in list(texts)[half::2]:
        (root / name).write_text(texts[name], "utf-8")
    commit(f"Complete half {half}")
PYTHON

scripts/quickstart "$work/history" --budget 15s --eval-budget 20s --name smoke --json >"$work/out.json"
python3 - "$work/out.json" <<'PYTHON'
import json, sys
result = json.load(open(sys.argv[1]))
assert result["adapter"] == "smoke", result["adapter"]
assert result["data"]["laterCommits"] == 2, result["data"]
names = [row["name"] for row in result["evaluation"]["contenders"]]
assert names == ["n-gram", "base", "smoke", "base, as served", "smoke, as served"], names
assert result["evaluation"]["scored"] >= 10, result["evaluation"]["scored"]
losses = {row["name"]: row["lossPerByte"]["estimate"] for row in result["evaluation"]["contenders"]}
assert all(0 < loss < 5.6 for loss in losses.values()), losses
assert {c["reference"] for c in result["evaluation"]["comparisons"]} == {"base", "n-gram"}
assert result["seconds"]["total"] > 0 and result["samples"] is not None
print("loss per byte:", losses)
PYTHON
gemfill adapter show smoke --json | grep -q '"smoke"'

# A second run leaves the first adapter alone; a person gets text.
scripts/quickstart "$work/history" --budget 3s --eval-budget 3s --name smoke >"$work/out.txt"
grep -q "smoke-2" "$work/out.txt"
grep -q "what was really there" "$work/out.txt"

refuses() { # PATTERN PATH
  local status=0
  scripts/quickstart "$2" --budget 3s >"$work/refusal.out" 2>"$work/refusal.err" || status=$?
  [ $status -eq 1 ] || { echo "expected exit code 1 for $2, got $status"; cat "$work/refusal.err"; exit 1; }
  grep -q "$1" "$work/refusal.err" || { echo "expected '$1' for $2, got:"; cat "$work/refusal.err"; exit 1; }
}
mkdir "$work/plain"
echo "x = 1" >"$work/plain/a.py"
refuses "is not a git repository" "$work/plain"
refuses "is not a folder" "$work/missing"
git init -q "$work/empty"
refuses "quickstart:" "$work/empty"
git init -q "$work/prose"
for number in $(seq 12); do
  echo "line $number" >>"$work/prose/notes.bin"
  git -C "$work/prose" add -A
  git -C "$work/prose" -c user.name=Test -c user.email=test@example.org commit -q -m "$number"
done
refuses "no source\|no code\|nothing to learn" "$work/prose"
echo "quickstart: all steps and refusals as expected"
