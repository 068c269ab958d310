"""Token shards of `gemfill carve --format tokens`, mapped into memory, mixed by language and made into batches.

Nothing here depends on the clock: the same shards and shares give the same batches, and a position that was saved gives
the rest of them."""
import json
import mmap
import pathlib
import queue
import struct
import threading

import numpy
import torch

from tokenizer import EOS, MIDDLE, PAD, PREFIX, SEPARATOR, SUFFIX

FORMAT = "gemfill-tokens-2"
TYPES = {"I32": numpy.int32, "I64": numpy.int64, "F32": numpy.float32}
POOL = 2048  # sequences sorted by length together, so that rows of a micro-batch need little padding
MARKS = (PREFIX, MIDDLE, SUFFIX, SEPARATOR)


def read_safetensors(path):
    """(tensors by name, metadata) of one file; the arrays are views of the mapped file."""
    with open(path, "rb") as file:
        view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    (size,) = struct.unpack_from("<Q", view)
    if size > len(view) - 8:
        raise ValueError(f"{path}: is cut short")
    header = json.loads(view[8:8 + size])
    metadata, tensors = header.pop("__metadata__", {}), {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        kind = numpy.dtype(TYPES[entry["dtype"]])
        if not 0 <= start <= end <= len(view) - 8 - size:
            raise ValueError(f"{path}: {name} lies outside")
        tensors[name] = numpy.frombuffer(view, kind, (end - start) // kind.itemsize, 8 + size + start)
    return tensors, metadata


class ShardSet:
    """Several sets of shards as one, each NAME.safetensors or all files of NAME.safetensors.index.json."""

    def __init__(self, *paths):
        files = []
        for path in map(pathlib.Path, paths):
            index = path.with_name(path.name + ".index.json")
            listed = [] if path.exists() else json.loads(index.read_text())["shards"]
            files += [path.parent / row["file"] for row in listed] or [path]
        self.parts, self.starts, self.metadata = [], [0], None
        for file in files:
            tensors, metadata = read_safetensors(file)
            if metadata.get("format") != FORMAT:
                raise ValueError(f"{file}: is no file of token sequences of this version; carve it anew")
            if self.metadata and metadata["tokenizer_sha256"] != self.metadata["tokenizer_sha256"]:
                raise ValueError(f"{file}: was made with another vocabulary; carve it anew")
            if tensors["offsets"][-1] != len(tensors["tokens"]) or len(tensors["weights"]) != len(tensors["tokens"]):
                raise ValueError(f"{file}: offsets, tokens and weights do not fit together")
            self.metadata = self.metadata or metadata
            self.parts.append(tensors)
            self.starts.append(self.starts[-1] + len(tensors["offsets"]) - 1)
        self.lengths = numpy.concatenate([numpy.diff(part["offsets"]) for part in self.parts])

    @classmethod
    def named(cls, folder, name):
        """The set NAME of a folder with all its epochs; None where there is none."""
        stems = [name] + sorted(path.name.split(".safetensors")[0] for path in folder.glob(f"{name}.epoch-*.report.json"))
        stems = [stem.removesuffix(".report.json") for stem in stems]
        paths = [folder / f"{stem}.safetensors" for stem in stems]
        there = [path for path in paths if path.exists() or path.with_name(path.name + ".index.json").exists()]
        return cls(*there) if there else None

    def __len__(self):
        return self.starts[-1]

    def sequence(self, number):
        """(ids, loss weights, first token of the middle, bytes of the middle)."""
        which = int(numpy.searchsorted(self.starts, number, "right")) - 1
        part, at = self.parts[which], number - self.starts[which]
        piece = slice(int(part["offsets"][at]), int(part["offsets"][at + 1]))
        return part["tokens"][piece], part["weights"][piece], int(part["middle_start"][at]), int(part["middle_bytes"][at])


def weights_of(ids, weights, middle, end=None):
    """(loss weights, whether a token belongs to a middle or ends it) of one sequence.

    Middles have the shard's weight (their end `end`, if given), prefix, suffix and plain text 1, which the trainer scales; the
    shard has a weight for a sample of those only, enough to tune an adapter but wasteful here. Marks, paths and snippets have
    none, nor has the end of a plain text, which is only where a window was cut."""
    result, inside = numpy.ones(len(ids), numpy.float32), numpy.zeros(len(ids), bool)
    marks = numpy.flatnonzero(ids == PREFIX)
    if len(marks):
        result[:marks[0]] = 0
    result[0] = 0
    result[numpy.isin(ids, MARKS)] = 0
    if middle < len(ids):
        inside[middle:] = True
        result[middle:] = weights[middle:]
        if end is not None:
            result[-1] = end
    elif ids[-1] == EOS:
        result[-1] = 0
    return result, inside


class Mix:
    """An endless stream of micro-batches of about `size` tokens from several sets, each with its share of the tokens."""

    def __init__(self, sets, shares, size, longest, end=None, seed=1, position=None, multiple=1):
        self.names = [name for name in sets if shares.get(name, 0) > 0]
        self.sets, self.size, self.end, self.seed = sets, size, end, seed
        self.usable = {name: numpy.flatnonzero(sets[name].lengths <= longest) for name in self.names}
        total = sum(shares[name] for name in self.names)
        self.shares = {name: shares[name] / total for name in self.names}
        position = position or dict(pool=0, index=0, taken={}, tokens={})
        self.pool, self.index = position["pool"], position["index"]
        self.taken = {name: position["taken"].get(name, 0) for name in self.names}
        self.tokens = {name: position["tokens"].get(name, 0) for name in self.names}
        self.orders, self.multiple = {}, multiple
        self.plan = self.plan_pool()

    def position(self):
        return dict(pool=self.pool, index=self.index, taken=dict(self.before[0]), tokens=dict(self.before[1]))

    def number(self, name, count):
        """The count-th sequence of a set, which is shuffled anew each time it has been read."""
        epoch, at = divmod(count, len(self.usable[name]))
        if self.orders.get(name, (None,))[0] != epoch:
            seed = [self.seed, epoch, *name.encode()]
            self.orders[name] = (epoch, numpy.random.default_rng(seed).permutation(self.usable[name]))
        return int(self.orders[name][1][at])

    def plan_pool(self):
        """The next POOL sequences, always from the set that is furthest behind its share, cut into groups of like length."""
        self.before = (dict(self.taken), dict(self.tokens))
        chosen = []
        for _ in range(POOL):
            total = sum(self.tokens.values()) + 1
            name = max(self.names, key=lambda n: self.shares[n] * total - self.tokens[n])
            number = self.number(name, self.taken[name])
            self.taken[name] += 1
            length = int(self.sets[name].lengths[number])
            self.tokens[name] += length
            chosen.append((length, name, number))
        chosen.sort()
        groups, group = [], []
        for item in chosen:
            if group and (len(group) + 1) * item[0] > self.size:
                groups.append(group)
                group = []
            group.append(item)
        groups.append(group)
        order = numpy.random.default_rng([self.seed, self.pool]).permutation(len(groups))
        return [groups[n] for n in order]

    def next(self):
        if self.index >= len(self.plan):
            self.pool, self.index = self.pool + 1, 0
            self.plan = self.plan_pool()
        group = self.plan[self.index]
        self.index += 1
        rows = []
        for _, name, number in group:
            ids, weights, middle, _ = self.sets[name].sequence(number)
            rows.append((ids, *weights_of(ids, weights, middle, self.end)))
        return to_tensors(rows, self.multiple)

    def epochs(self):
        return {name: round(self.taken[name] / len(self.usable[name]), 3) for name in self.names}


def to_tensors(rows, multiple=1):
    """(ids, targets, weights, inside) of [rows, longest]: padded, and shifted so that a place's target is the token after it."""
    length = max(len(ids) for ids, *_ in rows)
    length = -(-length // multiple) * multiple
    ids = numpy.full((len(rows), length), PAD, numpy.int64)
    targets = numpy.full((len(rows), length), -1, numpy.int64)
    weights = numpy.zeros((len(rows), length), numpy.float32)
    inside = numpy.zeros((len(rows), length), bool)
    for n, (row, weight, middle) in enumerate(rows):
        ids[n, :len(row)] = row
        targets[n, :len(row) - 1] = numpy.where(weight[1:] > 0, row[1:], -1)
        weights[n, :len(row) - 1] = weight[1:]
        inside[n, :len(row) - 1] = middle[1:]
    return tuple(map(torch.from_numpy, (ids, targets, weights, inside)))


class Prefetch:
    """Batches made ahead by a thread, so that the device never waits for them; page-locked where it is a GPU."""

    def __init__(self, mix, depth=8, pin=False):
        self.queue, self.ended, self.position = queue.Queue(depth), threading.Event(), mix.position()
        self.mix, self.pin, self.epochs = mix, pin, mix.epochs()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        try:
            while not self.ended.is_set():
                batch = self.mix.next()
                if self.pin:
                    batch = tuple(tensor.pin_memory() for tensor in batch)
                item = (batch, self.mix.position(), self.mix.epochs())
                while not self.ended.is_set():
                    try:
                        self.queue.put(item, timeout=1)
                        break
                    except queue.Full:
                        continue
        except Exception as error:  # the reader must hear of it, not wait
            self.queue.put(error)

    def next(self):
        item = self.queue.get()
        if isinstance(item, Exception):
            raise item
        batch, self.position, self.epochs = item
        return batch

    def close(self):
        self.ended.set()
        self.thread.join()


def heldout(held, count, longest, seed=3):
    """`count` infilling sequences for the held-out loss: [(ids, first token of the middle, bytes of the middle)]."""
    chosen = []
    for number in numpy.random.default_rng(seed).permutation(len(held)):
        ids, _, middle, size = held.sequence(int(number))
        if size > 0 and middle < len(ids) <= longest and ids[-1] == EOS:
            chosen.append((numpy.array(ids, numpy.int64), middle, size))
        if len(chosen) == count:
            break
    return chosen
