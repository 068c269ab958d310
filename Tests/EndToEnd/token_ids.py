#!/usr/bin/env python3
"""Datasets for trainers that we did not write: the rows of --format hf, tokenised by SentencePiece as a Hugging Face trainer
would, are the ids of our own token shards, and these read back to the examples. Needs gemfill on PATH."""

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

# The interpreter with safetensors and sentencepiece is the one that $PYTHON names; continue in it.
if "PYTHON" in os.environ and os.environ.get("GEMFILL_TEST_IN_PYTHON") != "1":
    os.environ["GEMFILL_TEST_IN_PYTHON"] = "1"
    os.execv(os.environ["PYTHON"], [os.environ["PYTHON"], *sys.argv])

try:
    import sentencepiece
    from safetensors import safe_open
except ImportError:
    print("sentencepiece and safetensors are not installed; see .build/venv in docs/building.md")
    sys.exit(77)

ROOT = Path(__file__).resolve().parents[2]
MODULES = ["argparse", "ast", "csv", "difflib", "inspect", "tarfile", "zipfile"]
pieces = sentencepiece.SentencePieceProcessor(model_file=str(ROOT / "models/gemfill-base/tokenizer.model"))
NAMES = {name: pieces.piece_to_id(name)
         for name in ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|file_separator|>")}
PREFIX, MIDDLE, SUFFIX, SEPARATOR = NAMES.values()


def ids(text: str) -> list[int]:
    """Tokens of a text in which the names of marks stand for the marks."""
    for name in NAMES:
        if name in text:
            before, after = text.split(name, 1)
            return ids(before) + [NAMES[name]] + ids(after)
    return pieces.encode(text) if text else []


def carve(*words: str) -> None:
    subprocess.run(["gemfill", "carve", *map(str, words), "--quiet"], check=True)


def sequences(path: Path) -> list[list[int]]:
    with safe_open(str(path), "numpy") as shard:
        tokens, offsets = shard.get_tensor("tokens").tolist(), shard.get_tensor("offsets").tolist()
    return [tokens[start:end] for start, end in zip(offsets, offsets[1:])]


def parts(tokens: list[int]) -> tuple[str, str, str]:
    """Everything but the middle and its border, as text: head, the text around the border, suffix."""
    body = tokens[1:-1]
    if MIDDLE not in body:
        return pieces.decode(body), "", ""
    start, suffix, middle = body.index(PREFIX), body.index(SUFFIX), body.index(MIDDLE)
    head = pieces.decode([token for token in body[:start] if token != SEPARATOR])
    before = body[start + 1:suffix]
    return head, pieces.decode(before) + pieces.decode(body[middle + 1:]), pieces.decode(body[suffix + 1:middle])


with tempfile.TemporaryDirectory() as name:
    work = Path(name)
    code = work / "code"
    code.mkdir()
    library = Path(sysconfig.get_paths()["stdlib"])
    for module in MODULES:
        (code / f"{module}.py").write_bytes((library / f"{module}.py").read_bytes())
    carve(code, "--out", work / "own.jsonl")
    carve(code, "--out", work / "tokens.safetensors", "--format", "tokens")
    rows = {}
    for order in ("psm", "spm"):
        carve(code, "--out", work / f"{order}.jsonl", "--format", "hf", "--order", order)
        rows[order] = [json.loads(line) for line in (work / f"{order}.jsonl").open()]
    examples = [json.loads(line) for line in (work / "own.jsonl").open()]
    shard = sequences(work / "tokens.safetensors")

    assert len(shard) == len(examples) == len(rows["psm"]) == len(rows["spm"]), (len(shard), len(examples))
    counts = {"psm": 0, "spm": 0, "plain": 0, "with snippets": 0}
    for tokens, example, psm, spm in zip(shard, examples, rows["psm"], rows["spm"]):
        assert tokens[0] == pieces.bos_id() and tokens[-1] == pieces.eos_id()
        counts["with snippets"] += SEPARATOR in tokens
        if example["kind"] == "P":
            counts["plain"] += 1
            assert ids(psm["prompt"]) + ids(psm["completion"]) == tokens[1:-1], example["path"]
            continue
        order = "spm" if tokens[tokens.index(PREFIX) + 1] == SUFFIX else "psm"
        counts[order] += 1
        if order == "psm":
            # Prefix first, prompt and completion never touch: the ids are the same one by one.
            assert [pieces.bos_id()] + ids(psm["prompt"]) + ids(psm["completion"]) + [pieces.eos_id()] == tokens, example
        head, around, suffix = parts(tokens)
        assert around == example["prefix"] + example["middle"] and suffix == example["suffix"], example
        assert head.endswith("/".join(example["path"].split("/")[-3:]) + "\n"), example["path"]
        assert spm["prompt"] + spm["completion"] == psm["prompt"].split("<|fim_prefix|>")[0] + "<|fim_prefix|><|fim_suffix|>" \
            + example["suffix"] + "<|fim_middle|>" + example["prefix"] + example["middle"], example
    assert min(counts.values()) > 20, counts
    print(f"{len(examples)} examples, {counts}: the same ids")
