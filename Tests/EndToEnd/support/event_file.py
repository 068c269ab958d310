"""Reads TensorBoard's event files: TFRecord framing with masked CRC-32C, Event messages with scalar summaries."""

import struct
from pathlib import Path

TABLE = []
for byte in range(256):
    value = byte
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    TABLE.append(value)


def masked_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path: Path):
    data = path.read_bytes()
    place = 0
    while place + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        (crc,) = struct.unpack_from("<I", data, place + 8)
        if crc != masked_crc(data[place:place + 8]):
            raise ValueError(f"{path}: the length at {place} is damaged")
        body = data[place + 12:place + 12 + length]
        if len(body) < length or place + 16 + length > len(data):
            return  # cut off by a kill
        (crc,) = struct.unpack_from("<I", data, place + 12 + length)
        if crc != masked_crc(body):
            raise ValueError(f"{path}: the record at {place} is damaged")
        yield body
        place += 16 + length


def fields(data: bytes):
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    while place < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        size = {1: 8, 5: 4}.get(key & 7)
        size = varint() if size is None else size
        yield key >> 3, data[place:place + size]
        place += size


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """Tag → step → value over all files of a run, as TensorBoard shows them: a session that starts at a step makes what
    earlier ones say about it and later steps void."""
    found: dict[str, dict[int, float]] = {}
    for path in sorted(folder.glob("events.out.tfevents.*"), key=lambda path: (path.stat().st_mtime_ns, path.name)):
        for record in records(path):
            event = dict(fields(record))
            step = event.get(2, 0)
            if 7 in event:
                for values in found.values():
                    for old in [old for old in values if old >= step]:
                        del values[old]
            for _, value in fields(event.get(5, b"")):
                part = dict(fields(value))
                found.setdefault(part[1].decode(), {})[step] = struct.unpack("<f", part[2])[0]
    return found
