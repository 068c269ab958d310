"""Token shards of `gemfill carve --format tokens`, mapped into memory. Nothing that a file says is believed unchecked."""
import json
import mmap
import pathlib
import struct

import numpy

from refusal import Refusal

FORMAT = "gemfill-tokens-2"
ROWS = {"offsets": "I64", "tokens": "I32", "weights": "F32", "middle_start": "I32", "middle_bytes": "I32"}
TYPES = {"I32": numpy.dtype("<i4"), "I64": numpy.dtype("<i8"), "F32": numpy.dtype("<f4")}
LONGEST_HEADER = 1 << 20
LONGEST_SEQUENCE = 1 << 13


class Shard:
    """One file of sequences."""

    def __init__(self, path):
        self.path = path
        self.rows, self.metadata = _read(path)
        rows = self.rows
        offsets = rows["offsets"]
        if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(rows["tokens"]) or (offsets[1:] < offsets[:-1]).any():
            raise Refusal(f"{path}: its offsets do not go from 0 to the number of its tokens; carve the dataset again")
        count = len(offsets) - 1
        if len(rows["weights"]) != len(rows["tokens"]) or len(rows["middle_start"]) != count \
                or len(rows["middle_bytes"]) != count:
            raise Refusal(f"{path}: tokens, weights and middles do not fit together; carve the dataset again")
        self.lengths = (offsets[1:] - offsets[:-1]).astype(numpy.int64)
        if count and self.lengths.max() > LONGEST_SEQUENCE:
            raise Refusal(f"{path}: has a sequence of {self.lengths.max()} tokens; carve the dataset again")

    def sequence(self, index, vocabulary):
        """(ids, loss weights, first token of the middle, bytes of the middle) of one sequence."""
        begin, end = int(self.rows["offsets"][index]), int(self.rows["offsets"][index + 1])
        ids, weights = self.rows["tokens"][begin:end], self.rows["weights"][begin:end]
        if len(ids) and (ids.min() < 0 or ids.max() >= vocabulary):
            raise Refusal(f"{self.path}: sequence {index} has an id beyond the {vocabulary} of the vocabulary")
        if len(ids) and (not ((weights >= 0) & (weights <= 1000)).all() or weights[0] != 0):
            raise Refusal(f"{self.path}: sequence {index} has loss weights that mean nothing")
        return ids, weights, int(self.rows["middle_start"][index]), int(self.rows["middle_bytes"][index])


class ShardSet:
    """NAME.safetensors, or all files that NAME.safetensors.index.json lists, as one numbered list of sequences."""

    def __init__(self, path, vocabulary):
        self.vocabulary = vocabulary
        self.shards = [Shard(file) for file in _files(path)]
        metadata = self.shards[0].metadata
        for shard in self.shards:
            if shard.metadata != metadata:
                raise Refusal(f"{shard.path}: was made with other settings than {self.shards[0].path}")
        self.metadata = metadata
        self.lengths = numpy.concatenate([shard.lengths for shard in self.shards])
        self.starts = numpy.cumsum([0] + [len(shard.lengths) for shard in self.shards])

    def __len__(self):
        return len(self.lengths)

    def sequence(self, index):
        """As `Shard.sequence`."""
        part = int(numpy.searchsorted(self.starts, index, side="right")) - 1
        return self.shards[part].sequence(int(index - self.starts[part]), self.vocabulary)


def _files(path):
    """The files of a set: the one at `path`, or those that the index there or beside it lists."""
    path = pathlib.Path(path)
    name = path.name.removesuffix(".index.json").removesuffix(".safetensors")
    single, index = path.with_name(name + ".safetensors"), path.with_name(name + ".safetensors.index.json")
    if single.exists():
        return [single]
    try:
        rows = json.loads(index.read_text("utf-8"))["shards"]
        names = [row["file"] for row in rows]
    except OSError:
        raise Refusal(f"{single}: is not there; carve the dataset again") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refusal(f"{index}: is no index of token shards") from None
    if not names or not all(isinstance(name, str) and name and "/" not in name and "\0" not in name for name in names):
        raise Refusal(f"{index}: lists no shards beside it")
    return [path.parent / name for name in names]


def _read(path):
    """(rows by name, metadata) of one safetensors file; the rows are views of the mapped file."""
    try:
        with open(path, "rb") as file:
            view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise Refusal(f"{path}: cannot be read: {error}") from None
    try:
        (size,) = struct.unpack_from("<Q", view)
        if not 2 <= size <= min(len(view) - 8, LONGEST_HEADER):
            raise ValueError("header")
        header = json.loads(view[8:8 + size])
        metadata = header["__metadata__"]
        rows = {}
        for name, kind in ROWS.items():
            start, end = header[name]["data_offsets"]
            (count,) = header[name]["shape"]
            if header[name]["dtype"] != kind or not 0 <= start <= end <= len(view) - 8 - size \
                    or end - start != count * TYPES[kind].itemsize:
                raise ValueError(name)
            rows[name] = numpy.frombuffer(view, TYPES[kind], count, 8 + size + start)
    except (ValueError, KeyError, TypeError, struct.error, RecursionError):
        raise Refusal(f"{path}: is no readable file of token sequences; carve the dataset again") from None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise Refusal(f"{path}: is no file of token sequences of this version ({FORMAT}); carve the dataset again")
    return rows, metadata
