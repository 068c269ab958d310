"""Figures with 95 % intervals of holes that `gemfill eval --out` answered. Whole files are drawn anew, because holes of one
file resemble each other."""
import collections
import json
import statistics

import numpy

CLASSES = {"line tail": "the rest of a line that was begun", "whole line": "one line", "several lines": "more lines than one"}
DRAWS = 1000


def class_of(hole):
    if "\n" in hole["middle"].strip("\n"):
        return "several lines"
    return "line tail" if hole["prefix"].rpartition("\n")[2].strip() else "whole line"


def answers(path, package):
    """One dictionary for each hole and contender of a result file."""
    rows = []
    for line in path.read_text().splitlines():
        hole = json.loads(line)
        for outcome in hole["outcomes"]:
            done = outcome.get("completion")
            row = dict(package=package, file=f"{package}/{hole['path']}", language=hole["language"], kind=class_of(hole),
                       contender=outcome["contender"], nats=outcome["loss"], size=outcome["middleBytes"])
            if done:
                row.update(exact=done["matchesExactly"], similarity=done["editSimilarity"], ends=done["endedItself"],
                           parses=done.get("parses"), milliseconds=done["milliseconds"])
            rows.append(row)
    return rows


def ratio(rows, top, bottom):
    """sum(top) / sum(bottom) with its interval; None without rows."""
    files = collections.defaultdict(lambda: [0.0, 0.0])
    for row in rows:
        files[row["file"]][0] += top(row)
        files[row["file"]][1] += bottom(row)
    sums = numpy.array(list(files.values())).reshape(-1, 2)
    if not len(sums) or not sums[:, 1].sum():
        return None
    figure = dict(estimate=round(float(sums[:, 0].sum() / sums[:, 1].sum()), 4))
    if len(sums) >= 5:
        drawn = sums[numpy.random.default_rng(1).integers(0, len(sums), (DRAWS, len(sums)))].sum(1)
        low, high = numpy.percentile(drawn[:, 0] / numpy.maximum(drawn[:, 1], 1e-9), [2.5, 97.5])
        figure.update(low=round(float(low), 4), high=round(float(high), 4))
    return figure


def figures(rows):
    """All figures of the rows of one contender."""
    done = [row for row in rows if "exact" in row]
    lines = [row for row in done if row["kind"] != "several lines"]
    judged = [row for row in done if row["parses"] is not None]
    share = lambda key, over: ratio(over, lambda row: float(row[key]), lambda row: 1.0)
    return dict(scored=len(rows), completed=len(done), files=len({row["file"] for row in rows}),
                nats_per_byte=ratio(rows, lambda row: row["nats"], lambda row: row["size"]),
                single_lines=len(lines), single_line_exact=share("exact", lines), single_line_similarity=share("similarity", lines),
                exact=share("exact", done), similarity=share("similarity", done), stops=share("ends", done),
                parses=share("parses", judged),
                median_milliseconds=round(statistics.median(row["milliseconds"] for row in done), 1) if done else None)


def table(rows, key=None):
    """{value of `key`: {contender: figures}}, or {contender: figures} of all."""
    groups = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in rows:
        groups[row[key] if key else None][row["contender"]].append(row)
    result = {value: {name: figures(part) for name, part in contenders.items()} for value, contenders in sorted(groups.items(), key=lambda g: str(g[0]))}
    return result if key else result.get(None, {})


def rounding_cost(rows, reference):
    """Loss of the base in 4 bits against the base in 8 on the same holes: the relative cost, with its interval."""
    known = {(row["file"], index): row for index, row in enumerate(reference)}
    pairs = [dict(row, other=known[row["file"], index]["nats"]) for index, row in enumerate(rows) if (row["file"], index) in known]
    cost = ratio(pairs, lambda row: row["nats"] - row["other"], lambda row: row["other"])
    return dict(holes=len(pairs), nats_per_byte=ratio(pairs, lambda row: row["nats"], lambda row: row["size"]), relative_cost=cost)
