"""Figures with 95 % intervals that `gemfill eval` does not give. Whole files are drawn anew, because holes of one file resemble
each other."""
import collections
import json

import numpy

DRAWS = 1000


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


def pairs(path, other, contender):
    """The holes that two result files share, with the loss of one contender in both. Both name a hole by its number."""
    def losses(results):
        found = {}
        for line in results.read_text().splitlines():
            for outcome in json.loads(line)["outcomes"]:
                if outcome["contender"] == contender:
                    found[outcome["package"], outcome["path"], outcome["example"]] = outcome
        return found

    first, second = losses(path), losses(other)
    return [dict(file=f"{key[0]}/{key[1]}", nats=second[key]["loss"], reference=first[key]["loss"], size=first[key]["middleBytes"])
            for key in first if key in second]


def rounding_cost(rows):
    """Loss in 4 bits against 8 bits on the same holes: the relative cost, with its interval."""
    cost = ratio(rows, lambda row: row["nats"] - row["reference"], lambda row: row["reference"])
    return dict(holes=len(rows), nats_per_byte=ratio(rows, lambda row: row["nats"], lambda row: row["size"]), relative_cost=cost)
