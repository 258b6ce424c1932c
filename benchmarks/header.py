"""How long reading a GGUF header takes: `python benchmarks/header.py` (bars: 60 ms cold, 5 ms warm).

The file is made on the fly, as large as the largest vocabulary known (Gemma 4: 262,144 tokens with
scores, types and 514,906 merges). Cold means not in the launcher's cache; the bytes are in the page
cache. CPU time of this process, best of several runs.
"""

import random
import struct
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import Row, best, seconds, table

from launcher.core.gguf_cursor import MAX_STRINGS
from launcher.core.gguf_reader import ARRAY, MAX_KEYS, MAX_TENSORS, STRING, UINT32, Pair, read_part
from launcher.core.gguf_writer import write_header
from launcher.core.header import HeaderError, Tensor
from launcher.edges.files import write_atomic
from launcher.edges.headers.cache import HeaderCache
from launcher.edges.headers.file import read_file
from launcher.edges.headers.types import tensor_types

TOKENS, MERGES = 262_144, 514_906
INT32, FLOAT32, F16 = 5, 6, 1
LAYERS, RUNS = 48, 7
WINDOW = 1 << 16


def strings(key: str, count: int, length: int) -> bytes:
    """A metadata entry with `count` strings of about `length` bytes."""
    chance = random.Random(key)
    lengths = (max(1, round(chance.gauss(length, 3))) for _ in range(count))
    body = b"".join(struct.pack("<Q", size) + b"x" * size for size in lengths)
    return entry(key, STRING, count, body)


def numbers(key: str, kind: int, count: int) -> bytes:
    return entry(key, kind, count, bytes(4 * count))


def entry(key: str, kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("<Q", len(key)) + key.encode() + struct.pack("<IIQ", ARRAY, kind, count) + body


def gemma_size_file() -> bytes:
    """A GGUF file with a vocabulary of that size, a tensor list of 48 layers, and no data."""
    vocabulary = [
        strings("tokenizer.ggml.tokens", TOKENS, 7),
        numbers("tokenizer.ggml.scores", FLOAT32, TOKENS),
        numbers("tokenizer.ggml.token_type", INT32, TOKENS),
        strings("tokenizer.ggml.merges", MERGES, 11),
    ]
    pairs = [
        Pair("general.architecture", STRING, "gemma4"),
        Pair("launcher.snapshot.kind", STRING, "file"),
        Pair("launcher.snapshot.name", STRING, "benchmark.gguf"),
        Pair("launcher.snapshot.file_bytes", UINT32, 1 << 30),
    ]
    tensors = [
        Tensor(f"blk.{layer}.part_{part}.weight", (64, 64), F16, 64 * 64 * 2)
        for layer in range(LAYERS)
        for part in range(14)
    ]
    plain = write_header(pairs, tensors)
    start = plain[:16] + struct.pack("<Q", len(pairs) + len(vocabulary))
    whole = start + b"".join(vocabulary) + plain[24:]
    return whole + bytes(64)


def hostile_file() -> bytes:
    """A header that comes as near to all limits at once as it can, and whose last tensor stands twice."""
    keys, tensors = MAX_KEYS - 1, MAX_TENSORS - 1
    body = strings("a", MAX_STRINGS, 0)
    body += b"".join(entry(f"k{index}", STRING, 6, bytes(48)) for index in range(keys - 1))
    rows = [Tensor(f"t{index}", (32,), F16, 64) for index in range(tensors)]
    plain = write_header([], [*rows, replace(rows[0])])
    return plain[:16] + struct.pack("<Q", keys) + body + plain[24:]


def refuse(data: bytes) -> None:
    with suppress(HeaderError):
        read_part(Memory(data), tensor_types())


@dataclass(frozen=True, slots=True)
class Memory:
    """A file in memory."""

    data: bytes
    name: str = "hostile.gguf"

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + max(length, WINDOW)]


def rows() -> list[Row]:
    types = 1000 * seconds(tensor_types)
    with TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "gemma.gguf"
        file.write_bytes(gemma_size_file())
        off, on = (HeaderCache(path, write_atomic) for path in (Path("/dev/null/off"), folder / "cache"))
        cold = 1000 * best(lambda: read_file(file, off))
        read_file(file, on)
        warm = 1000 * best(lambda: read_file(file, on))
    data = hostile_file()
    hostile = 1000 * best(lambda: refuse(data))
    vocabulary = f"a vocabulary of {TOKENS:,} and {MERGES:,} merges:"
    return [
        Row(what="table of tensor types, once per process", measured=types, unit="ms"),
        Row(what=f"{vocabulary} first reading", measured=cold, unit="ms", limit=60),
        Row(what=f"{vocabulary} again", measured=warm, unit="ms", limit=5),
        Row(what="a hostile header near all limits at once: refused", measured=hostile, unit="ms", limit=100),
    ]


if __name__ == "__main__":
    print(table("Reading a header", rows()))
