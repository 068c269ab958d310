#!/usr/bin/env python3
"""gemfill carve on a repository that has everything in it that goes wrong: the counts agree with the files, no secret reaches
any output, shards concatenate to the whole, only what changed is parsed again, and readers that we did not write read what
was written. Needs gemfill on PATH; the readers are those of the environment that scripts/test makes."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from pathlib import Path

# The interpreter with safetensors and sentencepiece is the one that $PYTHON names; continue in it.
if "PYTHON" in os.environ and os.environ.get("GEMFILL_TEST_IN_PYTHON") != "1":
    os.environ["GEMFILL_TEST_IN_PYTHON"] = "1"
    os.execv(os.environ["PYTHON"], [os.environ["PYTHON"], *sys.argv])

sys.path.insert(0, str(Path(__file__).parent / "support"))
from troubled_repository import Repository, git  # noqa: E402

CHECKED = Path(__file__).resolve().parents[2]
failures: list[str] = []
checks = 0
said: list[bytes] = []


def check(condition: bool, what: str) -> None:
    global checks
    checks += 1
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def run(*words, code: int = 0) -> subprocess.CompletedProcess:
    """Runs gemfill carve; what it says is kept, to be searched for secrets."""
    reply = subprocess.run(["gemfill", "carve", *map(str, words)], capture_output=True, timeout=300)
    said.extend([reply.stdout, reply.stderr])
    check(reply.returncode == code, f"carve {words} ended with {reply.returncode}: {reply.stderr[-300:]}")
    return reply


def carve(*words) -> dict:
    reply = run(*words, "--json")
    return json.loads(reply.stdout) if reply.returncode == 0 else {}


def refuse(pattern: str, *words, code: int = 1) -> None:
    """One line on stderr that says why."""
    reply = run(*words, "--quiet", code=code)
    lines = reply.stderr.decode().splitlines()
    check(len(lines) == 1 and pattern in lines[0], f"carve {words}: expected one line with '{pattern}', got {lines}")
    check(reply.stdout == b"", f"carve {words}: a failure writes nothing to stdout")


def examples_in(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


work = Path(tempfile.mkdtemp())
os.environ.setdefault("GEMFILL_HOME", str(work / "home"))
seed = random.SystemRandom().randrange(1 << 32)
print("seed", seed)
repository = Repository(work / "repository", seed)
root = repository.root
out = work / "out"
out.mkdir()

# ---------------------------------------------------------------- counts, files and the data card agree

locked = repository.hide_from_reading()
whole = carve(root, "--out", out / "all.jsonl", "--stats")
examples = examples_in(out / "all.jsonl")
check(len(examples) > 300, f"{len(examples)} examples are few")
check(whole.get("examples") == len(examples), f"{whole.get('examples')} counted, {len(examples)} written")
for key, member in (("by_class", "kind"), ("by_language", "language")):
    counted = {name: count if isinstance(count, int) else sum(count.values()) for name, count in whole[key].items()}
    written = Counter(example[member] for example in examples)
    check({k: v for k, v in counted.items() if v} == dict(written), f"{key}: counted {counted}, written {written}")
check(whole["modifiers"] == dict(Counter(m for e in examples for m in e.get("modifiers", [])))
      or {k: v for k, v in whole["modifiers"].items() if v} == dict(Counter(m for e in examples for m in e.get("modifiers", []))),
      f"modifiers: counted {whole['modifiers']}")
card = json.loads((out / "all.card.json").read_text())
check((out / "all.card.md").read_text().startswith("#"), "the Markdown card has no title")
check(card["exampleCount"] == len(examples), f"the card counts {card['exampleCount']}")
check(git(root, "rev-parse", "HEAD") in json.dumps(card), "the card does not name the commit")
hashes = {example["contentHash"] for example in examples}
check(hashes <= {file["hash"] for file in card["files"]}, "the card lacks content hashes of files that were carved")
check(sorted(hashes) == sorted(hashes, key=[e["contentHash"] for e in examples].index), "not in the order of content hashes")

clean = {}
for example in examples:
    place = root / example["path"]
    content = clean.setdefault(example["path"], place.read_bytes())
    text = (example["prefix"] + example["middle"] + example["suffix"]).encode()
    if example["path"].endswith(".ipynb") or example["path"] in ("src/settings.py", "web/client.js", "deploy/deploy.sh"):
        continue
    check(hashlib.sha256(content).hexdigest() == example["contentHash"], f"{example['path']}: another content hash")
    if "dangling-suffix" in example.get("modifiers", []):
        middle = content[example["middleStart"]:example["middleEnd"]]
        check(middle == example["middle"].encode(), f"{example['path']}: the middle is not the file's")
    else:
        window = content[example["windowStart"]:example["windowStart"] + len(text)]
        check(window == text, f"{example['path']}: the parts are not the file's window")
paths = {example["path"] for example in examples}
for path in ("src/windows.py", "src/settings.py", "web/client.js", "deploy/deploy.sh", "page/index.html", "notes/study.ipynb",
             "src/copyleft.py", "src/marked.py"):
    check(path in paths, f"{path} was not carved")
check(any("\r\n" in e["prefix"] for e in examples if e["path"] == "src/windows.py"), "CRLF was lost")
check({"javascript", "css"} & {e["language"] for e in examples if e["path"] == "page/index.html"} != set(),
      "the page's script and style were not carved as such")
check(not [e for e in examples if e["path"].endswith(".ipynb") and e["kind"] != "P" and "# %%" in e["middle"]],
      "a middle reaches from one cell of a notebook into another")
check({e["language"] for e in examples if e["path"] == "notes/study.ipynb"} == {"python"}, "the notebook's code is Python")

# ---------------------------------------------------------------- what was left out, and why

skipped = run(root, "--skipped").stdout.decode()
reasons = dict(line.rsplit("  ", 1) for line in skipped.splitlines() if "  " in line)
for path, reason in {
    "src/wide.py": "utf-16", "src/binary.py": "binary", "src/broken_utf8.py": "invalid-utf8", "src/long_line.js": "too-large",
    "vendor": "vendored", "package-lock.json": "lock-file", "src/made_pb2.py": "generated", "build": "ignored",
    "loop": "symlink", "src/up": "symlink", "src/pipe.py": "not-regular", **{path: "unreadable" for path in locked},
}.items():
    check(reasons.get(path) == reason, f"{path} was left out as {reasons.get(path)}, not {reason}")
check("unreadable" in reasons.values(), "the name that is no text was not counted")
copies = {path: reason for path, reason in reasons.items() if reason in ("duplicate", "near-duplicate")}
check(len(copies) == 2 and set(copies) < {"src/same.py", "src/nearly.py", "src/textwrap.py"}, f"copies: {copies}")
check(Counter(reasons.values()) == Counter({k: v for k, v in whole["skipped"].items() if v}),
      f"--skipped lists {Counter(reasons.values())}, --stats counts {whole['skipped']}")

strict = carve(root, "--deny-licence", "GPL-3.0-only", "--out", out / "strict.jsonl")
check(strict["skipped"].get("denied-licence") == 1, f"--deny-licence: {strict['skipped']}")
check("src/copyleft.py" not in {e["path"] for e in examples_in(out / "strict.jsonl")}, "a denied licence was carved")
copyleft = work / "copyleft"
copyleft.mkdir()
(copyleft / "COPYING").write_text("GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n\nTERMS AND CONDITIONS\n0. Definitions.\n")
for name in ("csv.py", "bdb.py", "shutil.py"):
    (copyleft / name).write_text("".join(repository.texts[name]))
refuse("3 denied-licence", copyleft, "--deny-licence", "GPL-3.0", "--out", work / "none.jsonl")
(copyleft / "csv.py").write_text("# SPDX-License-Identifier: MIT\n\n" + (copyleft / "csv.py").read_text())
own = carve(copyleft, "--deny-licence", "GPL-3.0", "--out", out / "own.jsonl")
check({e["path"] for e in examples_in(out / "own.jsonl")} == {"csv.py"}, "a file's own licence does not win")
check(own["skipped"].get("denied-licence") == 2 and list(own["licences"]) == ["MIT"], f"{own['skipped']} {own['licences']}")
check(carve(copyleft)["licences"].get("GPL-3.0-only", {}).get("files") == 2, "the card's licences lack the one of COPYING")
held = work / "held-out.txt"
held.write_text("".join(repository.texts["csv.py"]))
decontaminated = carve(root, "--decontaminate", held, "--out", out / "decontaminated.jsonl")
check(decontaminated["dropped"].get("contaminated", 0) >= 1, f"--decontaminate: {decontaminated['dropped']}")
check("src/csv.py" not in {e["path"] for e in examples_in(out / "decontaminated.jsonl")}, "held-out text was carved")

# ---------------------------------------------------------------- shards, seeds, threads

parts = b""
for number in (1, 2, 3):
    carve(root, "--out", out / f"part{number}.jsonl", "--shard", f"{number}/3")
    parts += (out / f"part{number}.jsonl").read_bytes()
check(parts == (out / "all.jsonl").read_bytes(), "the shards do not concatenate to the whole")
carve(root, "--out", out / "again.jsonl", "--threads", "1", "--no-cache")
check(sha(out / "again.jsonl") == sha(out / "all.jsonl"), "one thread without a cache wrote other bytes")
carve(root, "--out", out / "seed.jsonl", "--seed", "2")
carve(root, "--out", out / "epoch.jsonl", "--epoch", "1")
check(len({sha(out / f"{name}.jsonl") for name in ("all", "seed", "epoch")}) == 3, "seed and epoch change nothing")
both = carve(root, "--out", out / "few.jsonl", "--limit", "60", "--splits")
check(both["by_split"]["train"] == 60 and both["by_split"]["test"] > 5, f"--limit 60 --splits: {both['by_split']}")
check(both["dropped"].get("limit", 0) > 100, f"--limit 60 --splits: {both['dropped']}")
limited = carve(root, "--out", out / "limited.jsonl", "--limit", "25")
check(limited["examples"] == 25 == len(examples_in(out / "limited.jsonl")), "--limit 25 wrote another number")
bare = carve(root, "--out", out / "bare.jsonl", "--no-context")
check(all(not e.get("context") for e in examples_in(out / "bare.jsonl")), "--no-context wrote context")
with_context = [e for e in examples if e.get("context")]
check(0.2 < len(with_context) / len(examples) < 0.8, f"{len(with_context)} of {len(examples)} have context")
check(whole["context"]["examples"] == len(with_context), f"context: counted {whole['context']}")

# ---------------------------------------------------------------- the cache: only what changed is parsed

second = carve(root, "--out", out / "second.jsonl")
check(second["cache"]["parsed"] == 0 and second["cache"]["reused"] > 0, f"a second run: {second['cache']}")
check(sha(out / "second.jsonl") == sha(out / "all.jsonl"), "a cached run wrote other bytes")
repository.write("src/windows.py", (root / "src/windows.py").read_bytes() + b"\r\ndef last(record):\r\n    return record\r\n")
repository.commit("One file more")
third = carve(root, "--out", out / "third.jsonl")
check(third["cache"]["parsed"] == 1, f"after one commit: {third['cache']}")

# ---------------------------------------------------------------- explain, preview

explained = carve(root, "--explain", "src/windows.py")["explanations"][0]
check(explained["path"] == "src/windows.py" and explained["examples"] >= 1, f"explain: {list(explained)}")
told = run(root, "--explain", "src/windows.py", "--explain", "src/wide.py", "--explain", "src/settings.py").stdout.decode()
check("windows.py" in told and "utf-16" in told, "--explain does not say what became of the files")
check("aws" in told.lower(), "--explain does not name the rule that found a secret")
refuse("nowhere.py", root, "--explain", "src/nowhere.py")
shown = run(root, "--preview", "40").stdout.decode()
check("⟦" in shown and "class " in shown, "--preview shows no holes")
check(not any(ord(c) < 32 and c not in "\n\t" for c in shown), "--preview lets control characters through")
table = run(root, "--stats").stdout.decode()
check(all(word in table for word in ("python", "javascript", "left out", "near-duplicate")), "--stats lacks tables")

# ---------------------------------------------------------------- splits

split = carve(root, "--splits", "--out", out / "split.jsonl")
train, validation, test = (examples_in(out / name) for name in ("split.jsonl", "split.validation.jsonl", "split.test.jsonl"))
check(len(train) > 200 and len(test) > 5, f"{len(train)} examples to train on, {len(test)} to test on")
check(split["by_split"] == {"train": len(train), "validation": len(validation), "test": len(test)}, f"{split['by_split']}")
check({e["kind"] for e in test} == {"H"}, "the test is made of other things than history")
check(not {e["path"] for e in train} & {e["path"] for e in validation}, "a file is in train and validation")
middles = [{e["middle"] for e in part if len(e["middle"].encode()) >= 20} for part in (train, validation, test)]
for left, right in ((0, 1), (0, 2), (1, 2)):
    check(not middles[left] & middles[right], f"splits {left} and {right} share middles")
seen = "\0".join(e["prefix"] + e["middle"] + e["suffix"] for e in train)
check(not [m for m in middles[2] if m in seen], "a middle of the test stands in what is trained on")
at_split = carve(root, "--at", "split", "--out", out / "at_split.jsonl")
check({e["contentHash"] for e in train} <= {e["contentHash"] for e in examples_in(out / "at_split.jsonl")},
      "--splits trains on other files than --at split")
older, newer = work / "older", work / "newer"
for folder, commit in ((older, "HEAD~6"), (newer, "HEAD")):
    folder.mkdir()
    archive = subprocess.run(["git", "-C", root, "archive", commit], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
releases = carve(newer, "--older", older, "--splits", "--out", out / "releases.jsonl")
check(releases["by_split"]["test"] > 5, f"releases: {releases['by_split']}")

# ---------------------------------------------------------------- the card alone makes the same bytes again


def rebuild(name: str, folder: Path) -> dict:
    """Follows a card's own arguments in another place, with nothing that the first run knew but the card."""
    suffix = ".safetensors" if (out / f"{name}.safetensors").exists() else ".jsonl"
    card = json.loads((out / f"{name}.card.json").read_text())
    words = [str(folder) if word == str(root) else word for word in card["rebuild"]]
    target_file = work / "rebuilt" / (name + suffix)
    words[words.index("--out") + 1] = str(target_file)
    reply = subprocess.run(["gemfill", *words], capture_output=True, timeout=300,
                           env={**os.environ, "GEMFILL_HOME": str(work / "rebuilding-home")})
    said.extend([reply.stdout, reply.stderr])
    check(reply.returncode == 0, f"rebuilding {name}: {reply.stderr[-300:]}")
    for split in ("", ".validation", ".test"):
        file = out / (name + split + suffix)
        if not file.exists():
            continue
        again = target_file.parent / file.name
        check(again.exists() and sha(again) == sha(file), f"rebuilding {name}: {file.name} has other bytes")
    return card


(work / "rebuilt").mkdir()
(work / "weights.json").write_text('{"plainShare": 0.3, "classes": {"N": 60}, "context": {"emptyShare": 0.2}}')
carve(root, "--at", "HEAD~2", "--out", out / "chosen.jsonl", "--languages", "python,javascript", "--seed", "5", "--epoch", "2",
      "--limit", "150", "--weights", work / "weights.json", "--deny-licence", "GPL-", "--decontaminate", held)
carve(root, "--at", "HEAD", "--out", out / "chosen_hf.jsonl", "--format", "hf", "--order", "spm", "--no-context", "--shard", "2/3")
carve(root, "--at", "HEAD", "--out", out / "chosen_ids.safetensors", "--format", "tokens", "--seed", "3")
carve(root, "--splits", "--out", out / "chosen_splits.jsonl")
carve(root, "--out", out / "chosen_disk.jsonl", "--hardness", "--limit", "30")
disk_state = git(root, "rev-parse", "HEAD")
repository.write("src/later.py", "def later(first, second):\n    return first.join(second)\n" * 9)
repository.commit("What the card does not know")
fresh = work / "fresh"
git(work, "clone", "-q", root.as_uri(), fresh)
card = rebuild("chosen", fresh)
check(card["languages"] == ["javascript", "python"] and card["limit"] == 150, "the card lacks languages or limit")
check(card["heldOutFiles"][0]["hash"] == sha(held), "the card lacks the hash of what was held out")
rebuild("chosen_hf", fresh)
check(rebuild("chosen_ids", fresh)["form"]["recipe"]["maximum_length"].isdigit(), "the card lacks how token ids were made")
card = rebuild("chosen_splits", fresh)
check(card["test"]["until"] == disk_state and card["splits"]["test"]["bytes"] > 0, f"the card's test: {card['test']}")
git(fresh, "checkout", "-q", disk_state)
check(rebuild("chosen_disk", fresh)["hardness"]["model"] != "", "the card lacks the model that was asked")
for name in ("chosen", "chosen_splits", "chosen_disk"):
    card = json.loads((out / f"{name}.card.json").read_text())
    written = [e for split in ("", ".validation", ".test") for e in examples_in(out / f"{name}{split}.jsonl")]
    counted = Counter(e["contentHash"] for e in written)
    listed = Counter()
    for file in card["files"]:
        listed[file["hash"]] += file["examples"]
    check(+listed == counted, f"{name}: the card counts other examples of files than there are")
    pieces = Counter(snippet["path"] for e in written for snippet in e.get("context", []))
    listed = Counter({f["path"]: f["snippets"] for f in card["files"] if f["snippets"]})
    check(pieces == listed, f"{name}: the card counts pieces of {listed}, shown are {pieces}")

# What follows compares with the repository as it is now.
carve(root, "--out", out / "third.jsonl")

# ---------------------------------------------------------------- the team's own prior

prior = carve(root, "--prior", "--save-weights", out / "weights.json", "--out", out / "prior.jsonl")
check(prior["prior"]["insertions"] > 20, f"prior: {prior['prior'].get('insertions')} insertions")
carve(root, "--weights", out / "weights.json", "--out", out / "weighted.jsonl")
check(sha(out / "prior.jsonl") == sha(out / "weighted.jsonl"), "--weights of a saved prior carves other examples")
check("insertions" in run(root, "--prior").stdout.decode(), "--prior prints no histogram")

# ---------------------------------------------------------------- hardness

hard = carve(root, "--hardness", "--limit", "40", "--out", out / "hard.jsonl")
scored = [e for e in examples_in(out / "hard.jsonl") if e["kind"] != "P"]
check(0 < len(scored) and all(e["difficulty"] > 0 for e in scored), "--hardness wrote examples without a difficulty")
check(hard["examples"] == len(examples_in(out / "hard.jsonl")), f"--hardness: {hard['examples']} counted")
found = sum(band["found"] for bands in hard["hardness"].values() for band in bands.values())
check(len(scored) <= found <= 40, f"--hardness: {found} scored, {len(scored)} kept")
carve(root, "--hardness", "--limit", "40", "--out", out / "hard_again.jsonl")
check(sha(out / "hard.jsonl") == sha(out / "hard_again.jsonl"), "--hardness writes other bytes when scores are known")

# ---------------------------------------------------------------- formats, read by others

for order in ("psm", "spm"):
    carve(root, "--out", out / f"{order}.jsonl", "--format", "hf", "--order", order)
    rows = examples_in(out / f"{order}.jsonl")
    check(len(rows) == len(examples_in(out / "third.jsonl")), f"hf {order}: {len(rows)} rows")
    check(all(set(row) >= {"prompt", "completion"} for row in rows), f"hf {order}: keys {set(rows[0])}")
    for row, example in zip(rows, examples_in(out / "third.jsonl")):
        if example["kind"] == "P":
            continue
        text = row["prompt"] + row["completion"]
        check(row["completion"].endswith(example["middle"]) and example["suffix"] in row["prompt"],
              f"hf {order}: middle and suffix of an example are not in its row")
        if order == "spm":
            check(text.endswith(example["prefix"] + example["middle"]), "hf spm: prefix and middle do not meet")
        else:
            check(example["prefix"] in row["prompt"], "hf psm: no prefix in the prompt")
            if len(example["prefix"]) > 100 and len(example["suffix"]) > 100:
                check(row["prompt"].rfind(example["prefix"]) < row["prompt"].rfind(example["suffix"]), "hf psm: order")

base = os.environ.get("GEMFILL_BASE", str(CHECKED / "models/gemfill-base/gemfill-base-q8_0.gguf"))
tokens = carve(root, "--out", out / "tokens.safetensors", "--format", "tokens")
try:
    import sentencepiece
    from safetensors import safe_open
except ImportError as problem:
    print(f"token shards were not read: {problem}")
else:
    subprocess.run(["gemfill", "model", "export", base, "--out", str(work / "folder")], check=True, capture_output=True)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(work / "folder/tokenizer.model"))
    with safe_open(str(out / "tokens.safetensors"), "numpy") as shard:
        ids, weights, offsets, middles = (shard.get_tensor(key) for key in ("tokens", "weights", "offsets", "middle_bytes"))
        metadata = shard.metadata()
    check(len(ids) == len(weights) == offsets[-1] and offsets[0] == 0, "token shard: lengths do not fit")
    check(len(middles) == len(offsets) - 1 == tokens["examples"] == sum(tokens["by_class"].values()), f"{len(middles)} sequences")
    counted = json.loads((out / "tokens.card.json").read_text())
    check(counted["splits"]["train"]["statistics"]["examples"] == counted["exampleCount"] == len(middles)
          == sum(file["examples"] for file in counted["files"]), "token shard: the card counts what is not in it")
    check(any("tokenizer" in key for key in metadata), f"token shard: metadata {list(metadata)}")
    texts = [pieces.decode(ids[a:b].tolist()) for a, b in zip(offsets, offsets[1:])]
    left = iter(texts)
    found = sum(any(example["middle"].strip() in text for text in left) for example in examples_in(out / "third.jsonl"))
    check(found >= 0.95 * len(texts), f"token shard: {found} of {len(texts)} middles stand in their sequences, in order")
    said.extend(text.encode() for text in texts)

# ---------------------------------------------------------------- no secret in anything

for path in [*out.iterdir(), *Path(os.environ["GEMFILL_HOME"]).rglob("*")]:
    if path.is_file():
        said.append(path.read_bytes())
for name, secret in repository.secrets.items():
    check(not any(secret.encode() in text for text in said), f"the secret '{name}' is in an output")
check(len(whole["redactions"]) >= 6, f"few rules found secrets: {whole['redactions']}")

# ---------------------------------------------------------------- interruption leaves nothing

big, target = work / "big", work / "interrupted"
big.mkdir()
target.mkdir()
for number, file in enumerate(sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py"))):
    if "site-packages" not in file.parts and "dist-packages" not in file.parts and file.stat().st_size < 1_000_000:
        (big / f"m{number}.py").write_bytes(file.read_bytes())
for wait in (0.3, 1.0, 2.0):
    process = subprocess.Popen(["gemfill", "carve", str(big), "--out", str(target / "x.jsonl"), "--no-cache"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(wait)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    check(process.returncode == 130, f"interrupted after {wait} s: exit code {process.returncode}")
    check(not list(target.iterdir()), f"interrupted after {wait} s: left {list(target.iterdir())}")

# ---------------------------------------------------------------- repositories that are none, and clear lines

empty, shallow, plain = work / "empty", work / "shallow", work / "plain"
empty.mkdir()
git(empty, "init", "-q")
plain.mkdir()
(plain / "a.py").write_text("def area(width, height):\n    return width * height\n" * 20)
git(work, "clone", "-q", "--depth", "1", root.as_uri(), shallow)
refuse("empty", empty, "--out", target / "none.jsonl")
refuse("empty", empty, "--splits", "--out", target / "none.jsonl")
refuse("is a shallow clone: it has 1 commit,", shallow, "--splits", "--out", target / "none.jsonl")
refuse("git fetch --unshallow", shallow, "--at", "HEAD~3", "--out", target / "none.jsonl")
run(shallow, "--prior", code=1)
reply = run(shallow, "--out", out / "shallow.jsonl", "--json")
check(b"is a shallow clone: all its files count as equally old" in reply.stderr, f"shallow: {reply.stderr[-300:]}")
check(json.loads(reply.stdout)["warnings"] == {"shallow-clone": 1}, "the shallow clone was not counted")
shallow_card = json.loads((out / "shallow.card.json").read_text())
check(shallow_card["origins"][0]["isShallow"] and "oldestChange" not in shallow_card, "the card gives the border as age")
whole_again = carve(root, "--at", "HEAD", "--out", out / "old_and_new.jsonl")
check(whole_again["warnings"] == {}, f"warnings about a whole clone: {whole_again['warnings']}")
check(len(examples_in(out / "shallow.jsonl")) > 200, "a shallow clone cannot be carved")
refuse("plain", plain, "--prior")
refuse("plain", plain, "--at", "split", "--out", target / "none.jsonl")
refuse("0123456789", root, "--at", "0123456789", "--out", target / "none.jsonl")
(plain / ".gemfill.json").write_text('{"carving": {"nonsense": 1}}')
refuse(".gemfill.json: carving.nonsense: no such setting", plain)
(plain / ".gemfill.json").write_text('{"carving": {"caps": {"nodeByte": 1}}}')
refuse("did you mean caps.nodeBytes?", plain)
(plain / ".gemfill.json").write_text('{"carving": {"modifiers": {"midToken": 3}}}')
refuse("carving.modifiers.midToken: is 3; must be a number from 0 to 1", plain)
(plain / ".gemfill.json").write_text('{"carving": ')
refuse(".gemfill.json", plain)
refuse("--order", root, "--out", target / "none.jsonl", "--order", "spm", code=2)
refuse("--out", root, "--splits", code=2)

# ---------------------------------------------------------------- no output destroys anything

tricky = target / "tricky"
tricky.mkdir()
os.mkfifo(tricky / "pipe.jsonl")
(tricky / "aim.jsonl").write_text("kept\n")
(tricky / "link.jsonl").symlink_to("aim.jsonl")
(tricky / "folder.jsonl").mkdir()
for name, word in {"pipe": "named pipe", "link": "symbolic link", "folder": "folder"}.items():
    refuse(word, root, "--out", tricky / f"{name}.jsonl")
    refuse(word, root, "--prior", "--save-weights", tricky / f"{name}.jsonl")
os.mkfifo(tricky / "new.card.json")
refuse("named pipe", root, "--out", tricky / "new.jsonl")
refuse("name a file", root, "--out", "-")
before = sha(root / "src/textwrap.py")
refuse("source file", root, "--out", root / "src/windows.py")
check((tricky / "pipe.jsonl").is_fifo() and (tricky / "link.jsonl").is_symlink(), "a refused target was replaced")
check((tricky / "aim.jsonl").read_text() == "kept\n" and sha(root / "src/textwrap.py") == before, "a refused target was written")
subprocess.run(["rm", "-r", str(tricky)], check=True)

# ---------------------------------------------------------------- revisions as git names them

head = git(root, "rev-parse", "HEAD")
git(root, "tag", "a-release", "HEAD~1")
for name in ("HEAD", "HEAD~1", "a-release", head[:9]):
    carve(root, "--at", name, "--out", out / "revision.jsonl")
    wanted = git(root, "rev-parse", name + "^{commit}")
    check(json.loads((out / "revision.card.json").read_text())["origins"][0]["commit"] == wanted, f"--at {name}: not {wanted}")
refuse("names no commit", root, "--at=--help", "--out", target / "none.jsonl")

# ---------------------------------------------------------------- old held-out files, and a cache that cannot be used

carve(root, "--splits", "--out", out / "again.jsonl")
check((out / "again.validation.jsonl").exists(), "--splits wrote no validation file")
carve(root, "--out", out / "again.jsonl")
check(not list(out.glob("again.validation.*")) and not list(out.glob("again.test.*")), "held-out files of another data set stayed")
home = work / "home-without-cache"
(home / "cache/surveys.sqlite").mkdir(parents=True)
carve(root, "--no-cache", "--out", out / "afresh.jsonl")
reply = subprocess.run(["gemfill", "carve", str(root), "--out", str(out / "uncached.jsonl")], capture_output=True,
                       env={**os.environ, "GEMFILL_HOME": str(home)}, timeout=300)
check(reply.returncode == 0 and b"without the cache" in reply.stderr, f"a cache that cannot be opened: {reply.stderr[-300:]}")
check(sha(out / "uncached.jsonl") == sha(out / "afresh.jsonl"), "without the cache other examples were written")

check(not list(target.iterdir()), f"refusals left {list(target.iterdir())}")

subprocess.run(["chmod", "-R", "u+rwx", str(work)], check=False)
subprocess.run(["rm", "-rf", str(work)], check=False)
print(f"carve: {checks} checks, {len(failures)} failed")
sys.exit(1 if failures else 0)
