"""corpus.jsonl + tokenizer.model -> training examples (shards/*.npy): FIM in both orders, and plain text.

A file is tiled by windows cut at line borders (so no text is read twice), then a hole is chosen inside each
window. The mix of holes approximates the carver's without a parser.
"""
import argparse
import hashlib
import json
import math
import multiprocessing
import pathlib
import random
import re

import numpy
import sentencepiece

from tokenizer import BOS, EOS, MIDDLE, MIX, PREFIX, SUFFIX

FIM_RATE, PATH_RATE, LONGEST = 0.85, 0.90, 1024
HOLES = {"tail": 30, "span": 15, "lines": 25, "block": 15, "random": 13, "empty": 2}
TRIGGER = re.compile(r"(?<=\w)(?=\W)|(?<=\s)(?=\S)|(?<=[(.\[{,])|(?<== )|(?<=\w\w)(?=\w)")
LANGUAGE, CHARACTERS_PER_TOKEN = re.compile(r'"language": "(\w+)"'), 3.4
OPEN, CLOSE = "([{", ")]}"


def path_line(path):
    return "/".join(path.split("/")[-3:]) + "\n"


def windows(text, generator):
    """Consecutive pieces of a text, 400 to 3500 characters (log-uniform), at line borders."""
    lines, start = text.splitlines(keepends=True), 0
    while start < len(lines):
        want = math.exp(generator.uniform(math.log(400), math.log(3500)))
        end, size = start, 0
        while end < len(lines) and (size < want or end == start):
            size += len(lines[end])
            end += 1
        rest = sum(map(len, lines[end:end + 12]))
        if rest < 150 and end + 12 >= len(lines):
            end = len(lines)
        yield "".join(lines[start:end])
        start = end


def line_bounds(text):
    starts = [0] + [i + 1 for i, c in enumerate(text[:-1]) if c == "\n"]
    return [(s, (starts[n + 1] - 1 if n + 1 < len(starts) else len(text.rstrip("\n")) if s < len(text.rstrip("\n")) else len(text)))
            for n, s in enumerate(starts)]


def indent(line):
    return len(line) - len(line.lstrip()) if line.strip() else None


def hole_tail(text, bounds, generator):
    lines = [(s, e) for s, e in bounds if text[s:e].strip()]
    s, e = generator.choices(lines, [e - s for s, e in lines])[0]
    body = s + indent(text[s:e])
    points = [m.start() for m in TRIGGER.finditer(text, s, e) if body <= m.start() < e]
    strong = [p for p in points if p == body or text[p - 1] in "(. =[{,"]
    chosen = strong if strong and generator.random() < 0.6 else points
    return (generator.choice(chosen), e) if chosen else None


def hole_span(text, bounds, generator):
    """A word, an argument or a bracket's content inside one line."""
    lines = [(s, e) for s, e in bounds if len(text[s:e].strip()) > 8]
    if not lines:
        return None
    s, e = generator.choice(lines)
    starts = [m.start() for m in re.finditer(r"(?<=[(\[{,= .\"'])\S|\b\w", text[s:e])]
    if not starts:
        return None
    start, depth, ends = s + generator.choice(starts), 0, []
    for at in range(start, e):
        c = text[at]
        if c in OPEN:
            depth += 1
        elif c in CLOSE:
            if depth == 0:
                ends += [at] * 3
                break
            depth -= 1
        if depth == 0 and at > start and c in ",:; ":
            ends.append(at)
    else:
        ends.append(e)
    ends = [x for x in ends if x > start]
    return (start, generator.choice(ends)) if ends else None


def hole_lines(text, bounds, generator):
    """1 to 6 whole lines that begin at one indentation; the first line's indentation mostly stays in the prefix."""
    indents = [indent(text[s:e]) for s, e in bounds]
    candidates = [n for n, value in enumerate(indents) if value is not None]
    first = generator.choice(candidates)
    count = min(generator.choices(range(1, 7), [40, 22, 14, 10, 8, 6])[0], len(bounds) - first)
    last = first
    while last + 1 < first + count and (indents[last + 1] is None or indents[last + 1] >= indents[first]):
        last += 1
    while last > first and indents[last] is None:
        last -= 1
    start, end = bounds[first][0], bounds[last][1]
    if generator.random() < 0.8:
        return start + indents[first], end
    return start, min(end + 1, len(text))


def hole_block(text, bounds, generator):
    """From a place in a line to the end of its block or the next blank line, at most 20 lines."""
    indents = [indent(text[s:e]) for s, e in bounds]
    first = generator.choice([n for n, value in enumerate(indents) if value is not None])
    last, deep = first, generator.random() < 0.6
    while last + 1 < len(bounds) and last - first < 19:
        following = indents[last + 1]
        if following is None:
            if not deep or last + 2 >= len(bounds) or (indents[last + 2] or 0) < indents[first]:
                break
        elif following < indents[first]:
            break
        last += 1
    while last > first and indents[last] is None:
        last -= 1
    s, e = bounds[first]
    points = [s + indents[first]] * 3 + [m.start() for m in TRIGGER.finditer(text, s, e) if m.start() >= s + indents[first]]
    return generator.choice(points), bounds[last][1]


def hole_random(text, bounds, generator):
    size = int(math.exp(generator.uniform(0, math.log(256))))
    start = generator.randrange(0, max(1, len(text) - size))
    return start, min(len(text), start + size)


def hole_empty(text, bounds, generator):
    at = generator.choice(generator.choice(bounds))
    return at, at


def choose_hole(text, generator):
    """(kind, start, end) of a hole in the window; falls back to a random span."""
    bounds = line_bounds(text)
    if any(text[s:e].strip() for s, e in bounds):
        kind = generator.choices(list(HOLES), list(HOLES.values()))[0]
        hole = globals()["hole_" + kind](text, bounds, generator)
        if hole and 0 <= hole[0] <= hole[1] <= len(text) and (hole[0] < hole[1] or kind == "empty"):
            return (kind, *hole)
    return ("random", *hole_random(text, None, generator))


def assemble(encode, path, prefix, middle, suffix, order, joint):
    """Token ids of one example, ending with the middle and the end token. order: psm or spm (suffix first, variant 2)."""
    head = [BOS] + (encode(path) if path else []) + [PREFIX]
    if order == "psm":
        return head + encode(prefix) + [SUFFIX] + encode(suffix) + [MIDDLE] + encode(middle) + [EOS]
    tail = encode(prefix + middle) if joint else encode(prefix) + encode(middle)
    return head + [SUFFIX] + encode(suffix) + [MIDDLE] + tail + [EOS]


def of_file(row, encode, seed=0):
    """All examples of one file: (ids, tokens of the middle), at most LONGEST ids each. Where prefix and middle were
    tokenised together the number may be one off; plain text has no middle."""
    key = hashlib.sha256(f"{seed}/{row['package']}/{row['path']}".encode()).digest()
    generator = random.Random(int.from_bytes(key[:8], "big"))
    for window in windows(row["text"], generator):
        path = path_line(row["path"]) if generator.random() < PATH_RATE else ""
        fim = generator.random() < FIM_RATE
        order = generator.choice(["psm", "spm"])
        joint = generator.random() < 0.5
        while True:
            if fim:
                _, start, end = choose_hole(window, generator)
                prefix, suffix = window[:start], window[end:]
                dangle = generator.random()
                if dangle < 0.04:
                    suffix = ""
                elif dangle < 0.06:
                    prefix = prefix[prefix.rfind("\n") + 1:]
                ids = assemble(encode, path, prefix, window[start:end], suffix, order, joint)
            else:
                ids = [BOS] + (encode(path) if path else []) + encode(window) + [EOS]
            if len(ids) <= LONGEST:
                middle = len(encode(window[start:end])) if fim else 0
                break
            window = window[:int(len(window) * 0.9 * LONGEST / len(ids))]
            window = window[:window.rfind("\n") + 1] or window
        yield ids, middle


_PIECES = None


def _start(model):
    global _PIECES
    _PIECES = sentencepiece.SentencePieceProcessor(model_file=model)


def _job(lines):
    out = []
    for line in lines:
        row = json.loads(line)
        out += [(row["language"], numpy.array(ids, numpy.uint16), middle) for ids, middle in of_file(row, _PIECES.encode)]
    return out


def enough(lines, tokens):
    """A random part of the corpus that gives each language its share of so many tokens, and a little more."""
    left = {language: tokens * share / 100 * CHARACTERS_PER_TOKEN * 1.15 for language, share in MIX.items()}
    random.Random(3).shuffle(lines)
    chosen = []
    for line in lines:
        language = LANGUAGE.search(line).group(1)
        if left[language] > 0:
            left[language] -= len(line)
            chosen.append(line)
    return chosen


def main():
    """Writes tokens.npy (all examples end to end), offsets.npy and middles.npy; shuffled, languages mixed as in MIX."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--tokens", type=float, default=40e6, help="stop the mix at about this many tokens")
    options = parser.parse_args()
    folder = options.dir
    lines = enough((folder / "corpus.jsonl").read_text().splitlines(), options.tokens)
    chunks = [lines[n:n + 64] for n in range(0, len(lines), 64)]
    by_language = {}
    with multiprocessing.Pool(2, _start, (str(folder / "tokenizer.model"),)) as pool:
        for result in pool.imap(_job, chunks):
            for language, *example in result:
                by_language.setdefault(language, []).append(example)
    generator = random.Random(7)
    have = {language: sum(len(ids) for ids, _ in items) for language, items in by_language.items()}
    chosen, used = [], {}
    for language, items in by_language.items():
        generator.shuffle(items)
        left = options.tokens * MIX[language] / 100
        for ids, middle in items:
            if left <= 0:
                break
            left -= len(ids)
            used[language] = used.get(language, 0) + len(ids)
            chosen.append((ids, middle))
    generator.shuffle(chosen)
    (folder / "shards").mkdir(exist_ok=True)
    numpy.save(folder / "shards/tokens.npy", numpy.concatenate([ids for ids, _ in chosen]))
    numpy.save(folder / "shards/offsets.npy", numpy.cumsum([0] + [len(ids) for ids, _ in chosen]))
    numpy.save(folder / "shards/middles.npy", numpy.array([middle for _, middle in chosen], numpy.uint16))
    summary = dict(examples=len(chosen), tokens=sum(used.values()), tokens_by_language=used, tokens_available=have)
    (folder / "shards/summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
