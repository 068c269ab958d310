"""Held-out scores of the weights as they are served (Q8_0): loss per byte of the middle in both orders, and greedy
single-line completion. Held out: 2 % of the corpus's files, and whole packages excluded by name."""
import argparse
import collections
import difflib
import hashlib
import json
import math
import multiprocessing
import pathlib
import random
import sys

import sentencepiece
import torch
import torch.nn.functional as F

import examples
import export
from model import Gemma3, Past
from tokenizer import EOS, PAD

LONGEST_ANSWER = 48


def wilson(hits, count, z=1.96):
    if not count:
        return [0.0, 1.0]
    share, d = hits / count, 1 + z * z / count
    middle, half = (share + z * z / 2 / count) / d, z * math.sqrt(share * (1 - share) / count + z * z / 4 / count ** 2) / d
    return [round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)]


def rows_of(path):
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows.sort(key=lambda row: hashlib.sha256(f"{row['package']}/{row['path']}".encode()).digest())
    return rows


def holes(rows, count, most, only=None, seed=11):
    """Holes in held-out files, at most `most` windows of a file, files taken in a fixed shuffled order."""
    generator, chosen = random.Random(seed), []
    for row in rows:
        tiles = list(examples.windows(row["text"], generator))
        for window in generator.sample(tiles, min(most, len(tiles))):
            for _ in range(6 if only else 1):
                kind, start, end = examples.choose_hole(window, generator)
                if (kind == only and end - start >= 2) if only else end > start:
                    chosen.append(dict(package=row["package"], language=row["language"], path=row["path"], kind=kind,
                                       prefix=window[:start], middle=window[start:end], suffix=window[end:]))
                    break
        if len(chosen) >= count:
            break
    return chosen[:count]


def batches(items, length, tokens=6000):
    group = []
    for item in sorted(items, key=length):
        if group and (len(group) + 1) * length(item) > tokens:
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def padded(rows):
    width = max(map(len, rows))
    return torch.tensor([row + [PAD] * (width - len(row)) for row in rows])


@torch.no_grad()
def middle_loss(model, pieces, items, order):
    """Adds `order` to each item: [nats of the middle, nats of the end token, bytes]."""
    for item in items:
        path = examples.path_line(item["path"])
        ids = examples.assemble(pieces.encode, path, item["prefix"], item["middle"], item["suffix"], order, joint=False)
        item["ids"], item["count"] = ids, len(pieces.encode(item["middle"]))
    for group in batches([i for i in items if len(i["ids"]) <= 1200], lambda i: len(i["ids"])):
        ids = padded([item["ids"] for item in group])
        hidden = model.model(ids)
        for n, item in enumerate(group):
            last = len(item["ids"]) - 1
            at = torch.arange(last - item["count"], last + 1)
            nats = F.cross_entropy(model.logits(hidden[n, at - 1]), ids[n, at], reduction="none")
            item[order] = [float(nats[:-1].sum()), float(nats[-1]), len(item["middle"].encode())]


def per_byte(items, order):
    scored = [item for item in items if order in item]
    size = sum(item[order][2] for item in scored)
    generator, draws = random.Random(5), []
    for _ in range(300):
        sample = generator.choices(scored, k=len(scored))
        draws.append(sum(i[order][0] for i in sample) / max(1, sum(i[order][2] for i in sample)))
    draws.sort()
    return dict(holes=len(scored), bytes=size, nats_per_byte=round(sum(i[order][0] for i in scored) / size, 4),
                interval=[round(draws[7], 4), round(draws[292], 4)],
                end_token_nats=round(sum(i[order][1] for i in scored) / len(scored), 3))


@torch.no_grad()
def complete(model, pieces, items, order):
    """Greedy continuation to the end token or a newline; sets `answer` and `ended` (an end token came in time)."""
    for item in items:
        ids = examples.assemble(pieces.encode, examples.path_line(item["path"]), item["prefix"], "", item["suffix"], order, False)
        past, out, ended = [Past() for _ in model.model.layers], [], False
        hidden = model.model(torch.tensor([ids[:-1]]), 0, past)[0, -1]
        while len(out) < LONGEST_ANSWER:
            token = int(model.logits(hidden).argmax())
            ended = token == EOS
            if ended:
                break
            out.append(token)
            if "\n" in pieces.decode([token]):
                break
            hidden = model.model(torch.tensor([[token]]), len(ids) - 2 + len(out), past)[0, -1]
        item.update(answer=pieces.decode(out).split("\n")[0], ended=ended)


def line_scores(items):
    hits = sum(item["answer"] == item["middle"] for item in items)
    similar = sum(difflib.SequenceMatcher(None, item["answer"], item["middle"], False).ratio() for item in items)
    ended = sum(item["ended"] for item in items)
    return dict(holes=len(items), exact_match=round(hits / len(items), 4), interval=wilson(hits, len(items)),
                edit_similarity=round(similar / len(items), 4), end_token_rate=round(ended / len(items), 4))


def score(job):
    """All scores of one held-out set."""
    folder, name, most, count, line_count = job
    torch.set_num_threads(1)
    config, weights, _ = export.load_checkpoint(folder)
    model = Gemma3(config).eval()
    model.load_state_dict(export.dequantised(weights))
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    rows = rows_of(folder / f"heldout-{name}.jsonl")
    items = holes(rows, count, most)
    lines = holes(rows, line_count, max(3, most // 2), only="tail", seed=12)
    part = dict(middle_loss={}, single_line={})
    for order in ("psm", "spm"):
        middle_loss(model, pieces, items, order)
        part["middle_loss"][order] = per_byte(items, order)
        complete(model, pieces, lines, order)
        part["single_line"][order] = line_scores(lines)
        print(f"{name} {order}: {part['middle_loss'][order]} {part['single_line'][order]}", file=sys.stderr, flush=True)
    for key in ("language", "kind"):
        groups = collections.defaultdict(list)
        for item in items:
            groups[item[key]].append(item)
        part["middle_loss_spm_by_" + key] = {
            value: per_byte(group, "spm")["nats_per_byte"] for value, group in sorted(groups.items()) if len(group) >= 8}
    part["samples"] = [dict(path=i["path"], before=i["prefix"].rpartition("\n")[2], truth=i["middle"], answer=i["answer"])
                       for i in lines[:60:5]]
    return "held_out_" + name, part


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--holes", type=int, default=400)
    parser.add_argument("--lines", type=int, default=200)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    jobs = [(options.dir, name, most, options.holes, options.lines) for name, most in (("files", 3), ("packages", 12))]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        result = dict(pool.map(score, jobs, chunksize=1))
    text = json.dumps(result, indent=1, ensure_ascii=False)
    if options.out:
        options.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
