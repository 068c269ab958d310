"""Micro-batches: how a step's sequences are cut, spread over the processes, and laid out as tensors.

Every process makes the same plan from the same data, so nothing has to be agreed upon. Rows of like length stand together and are padded
behind; with causal attention no token ever sees the padding, so no mask is needed. Packed, they are one row whose positions begin
anew at each border, from which transformers makes the block-diagonal mask.
"""
import numpy
import torch


def plan(items, processes, limit, packing=False):
    """The micro-batches of each process, equally many for all: [[[item]]], an empty list where there is nothing left to do.

    `items` are (set, index, length); a micro-batch has at most `limit` tokens, padding included, unless one sequence alone has more.
    """
    total = sum(length for *_, length in items)
    share = min(limit, -(-total // processes))
    groups, group, size = [], [], 0
    for item in sorted(items, key=lambda item: -item[2]):
        # The first of a group is the longest; its length is that of all rows.
        grown = size + item[2] if packing else (len(group) + 1) * (group or [item])[0][2]
        if group and grown > share:
            groups.append(group)
            group, grown = [], item[2]
        group.append(item)
        size = grown
    groups.append(group)
    loads, shares = [0] * processes, [[] for _ in range(processes)]
    for group in sorted(groups, key=cost, reverse=True):
        least = loads.index(min(loads))
        loads[least] += cost(group)
        shares[least].append(group)
    most = max(map(len, shares))
    return [share + [[]] * (most - len(share)) for share in shares]


def cost(group):
    """Tokens of a padded micro-batch."""
    return len(group) * max((length for *_, length in group), default=0)


class Batch:
    """The tensors of one micro-batch: `ids` and `positions` [rows, length]; and, for every token with a loss weight, the place in the
    flattened rows that predicts it, the token, the weight, and the id that is no alternative there, -1 for none: in the text around a hole, and in a
    document before its end, the end token, the last one of the sequence, is left out, or each token there would teach that nothing ends."""

    def __init__(self, sequences, device, packing=False):
        """`sequences` are (ids, weights, first token of the middle); none gives one token without loss, for a process that has no work left."""
        sequences = [one for one in sequences if len(one[0])] or [(numpy.zeros(1, numpy.int32), numpy.zeros(1, numpy.float32), 1)]
        lengths = [len(ids) for ids, *_ in sequences]
        longest = sum(lengths) if packing else max(lengths)
        shape = (1 if packing else len(sequences), longest)
        ids = numpy.zeros(shape[0] * longest, numpy.int64)
        positions = numpy.zeros(longest, numpy.int64)
        places, targets, weights, excluded = [], [], [], []
        start = 0
        for row, weight, middle in sequences:
            ids[start:start + len(row)] = row
            if packing:
                positions[start:start + len(row)] = numpy.arange(len(row))
            carries = numpy.flatnonzero(weight[1:]) + 1
            places.append(start + carries - 1)
            targets.append(row[carries])
            weights.append(weight[carries])
            excluded.append(numpy.where((carries < middle) & (carries < len(row) - 1), row[-1], -1))
            start += len(row) if packing else longest
        self.tokens = sum(lengths)

        def tensor(parts, kind):
            return torch.from_numpy(numpy.concatenate(parts).astype(kind)).to(device, non_blocking=True)

        self.ids = torch.from_numpy(ids.reshape(shape)).to(device, non_blocking=True)
        self.positions = torch.from_numpy(positions[None]).to(device, non_blocking=True) if packing else None
        self.places, self.targets = tensor(places, numpy.int64), tensor(targets, numpy.int64)
        self.weights, self.excluded = tensor(weights, numpy.float32), tensor(excluded, numpy.int64)
