"""GGUF files as bytes, written independently of the code under test, right or wrong at will."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from launcher.core.header import TensorType

U8, U32, F32, BOOL, STRING, ARRAY, U64 = 0, 4, 6, 7, 8, 9, 10
CODES = {U8: "B", U32: "I", F32: "f", BOOL: "?", U64: "Q"}
TYPES = {
    0: TensorType("F32", 1, 4),
    1: TensorType("F16", 1, 2),
    8: TensorType("Q8_0", 32, 34),
    12: TensorType("Q4_K", 256, 144),
}


@dataclass(frozen=True, slots=True)
class MemorySource:
    """A file in memory; `window` is how many bytes a read gives at least."""

    data: bytes
    name: str = "model.gguf"
    window: int = 1 << 16
    length: int | None = None

    @property
    def size(self) -> int:
        return len(self.data) if self.length is None else self.length

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + max(length, self.window)]


class Writer:
    """Encodes parts of a GGUF file in one byte order."""

    def __init__(self, order: str = "<") -> None:
        self.order = order

    def number(self, code: str, *values: object) -> bytes:
        return struct.pack(f"{self.order}{len(values)}{code}", *values)

    def text(self, value: str | bytes) -> bytes:
        raw = value.encode() if isinstance(value, str) else value
        return self.number("Q", len(raw)) + raw

    def pair(self, key: str | bytes, kind: int, value: object) -> bytes:
        body = self.text(str(value)) if kind == STRING else self.number(CODES[kind], value)
        return self.text(key) + self.number("I", kind) + body

    def array(self, key: str, kind: int, values: Iterable[object]) -> bytes:
        items = list(values)
        body = (
            b"".join(self.text(str(item)) for item in items)
            if kind == STRING
            else self.number(CODES[kind], *items)
        )
        return (
            self.text(key)
            + self.number("I", ARRAY)
            + self.number("I", kind)
            + self.number("Q", len(items))
            + body
        )

    def tensor(self, name: str | bytes, shape: Iterable[int], kind: int, offset: int) -> bytes:
        extents = list(shape)
        return (
            self.text(name)
            + self.number("I", len(extents))
            + self.number("Q", *extents)
            + self.number("I", kind)
            + self.number("Q", offset)
        )

    def file(
        self,
        pairs: Iterable[bytes],
        tensors: Iterable[bytes] = (),
        *,
        version: int = 3,
        data: int = 0,
        alignment: int = 32,
    ) -> bytes:
        """The file with `data` zero bytes for its tensors."""
        pairs, tensors = list(pairs), list(tensors)
        head = b"GGUF" + self.number("I", version) + self.number("Q", len(tensors), len(pairs))
        head += b"".join(pairs) + b"".join(tensors)
        return head + bytes(-len(head) % alignment) + bytes(data)


def small_file(order: str = "<", version: int = 3) -> bytes:
    """Two tensors, some metadata of each kind, a vocabulary of 2,000 tokens."""
    write = Writer(order)
    return write.file(
        [
            write.pair("general.architecture", STRING, "llama"),
            write.pair("llama.block_count", U32, 2),
            write.pair("llama.rope.freq_base", F32, 0.5),
            write.pair("llama.some_flag", BOOL, True),
            write.array("llama.attention.head_count_kv", U32, [8, 4]),
            write.array("tokenizer.ggml.tokens", STRING, (f"t{index}" for index in range(2000))),
            write.array("tokenizer.ggml.scores", F32, [0.0] * 2000),
        ],
        [
            write.tensor("token_embd.weight", [64, 3], 8, 0),
            write.tensor("output_norm.weight", [64], 0, 224),
        ],
        version=version,
        data=224 + 256,
    )
