"""GGUF as bytes: one file's metadata and tensor list, without its tensor data.

The format and the checks follow ``ggml/src/gguf.cpp`` (build 11160): what the engine refuses is
refused here. Every count and length is checked against the bytes that are left before anything
of that size is read, and what is kept is bounded, so that a hostile file costs little.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from math import prod
from typing import Protocol

from launcher.core.header import (
    HeaderError,
    MetadataValue,
    Scalar,
    SkippedArray,
    Tensor,
    TensorType,
    TensorTypes,
)
from launcher.core.units import MIB, pad

MAX_KEYS = 1 << 14
MAX_TENSORS = 1 << 15
MAX_STRINGS = 1_500_000
MAX_KEPT_BYTES = 4 * MIB
MAX_KEPT_ELEMENTS = 1024

UINT32, STRING, ARRAY = 4, 8, 9
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
MAX_NAME = 63
MAX_DIMENSIONS = 4
DEFAULT_ALIGNMENT = 32
SMALLEST_PAIR = 8 + 1 + 4 + 1
SMALLEST_TENSOR = 8 + 4 + 4 + 8
UPGRADE = "pip install --upgrade gguf"


class Source(Protocol):
    """Random access to one file. `name` is what errors call it, `size` its bytes as a whole."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes:
        """At least `length` bytes from `offset`, and as many more as are cheap to have; fewer
        only if the file has become shorter."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One metadata entry; `type` is the GGUF type of the value, or of an array's elements."""

    key: str
    type: int
    value: MetadataValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One GGUF file: its metadata in order, its tensors, where their data starts and how long it
    is (the last tensor unpadded)."""

    pairs: tuple[Pair, ...]
    tensors: tuple[Tensor, ...]
    alignment: int
    data_start: int
    data_bytes: int


def read_part(source: Source, types: TensorTypes) -> Part:
    """Read the header of one GGUF file, version 2 or 3, of either byte order.

    Arrays of more than MAX_KEPT_ELEMENTS elements (vocabularies) are stepped over. Raises
    HeaderError; whether the tensor data is all there is for the caller to ask.
    """
    cursor = _Cursor(source)
    tensor_count, pair_count = _read_preamble(cursor)
    pairs, alignment = _read_pairs(cursor, pair_count)
    tensors, data_bytes = _read_tensors(cursor, tensor_count, alignment, types)
    return Part(
        pairs=pairs,
        tensors=tensors,
        alignment=alignment,
        data_start=pad(cursor.at, alignment),
        data_bytes=data_bytes,
    )


class _Cursor:
    """A position in a source, with the bytes around it at hand."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.at = 0
        self.order = "<"
        self._window = b""
        self._base = 0
        self._kept = 0
        self._strings = 0

    def error(self, what: str, *, at: int | None = None, hint: str | None = None) -> HeaderError:
        return HeaderError(self.source.name, self.at if at is None else at, what, hint=hint)

    def expect(self, length: int, what: str) -> None:
        """Refuse `length` bytes that the file doesn't have."""
        left = self.source.size - self.at
        if length > left:
            raise self.error(f"{what} takes {length:,} bytes, but {left:,} are left in the file")

    def _ready(self, length: int, what: str) -> int:
        """Have the next `length` bytes in the window; their index there."""
        start = self.at - self._base
        if start + length > len(self._window):
            self.expect(length, what)
            self._window = self.source.read(self.at, length)
            self._base, start = self.at, 0
            if len(self._window) < length:
                raise self.error(f"the file ends within {what}")
        return start

    def unpack(self, codes: str, what: str) -> tuple[Scalar, ...]:
        layout = struct.Struct(self.order + codes)
        start = self._ready(layout.size, what)
        self.at += layout.size
        return layout.unpack_from(self._window, start)

    def integer(self, code: str, what: str) -> int:
        (value,) = self.unpack(code, what)
        return int(value)

    def keep(self, length: int, what: str) -> None:
        """Count `length` bytes as kept; refuse them when there are too many."""
        self._kept += length
        if self._kept > MAX_KEPT_BYTES:
            raise self.error(f"{what} brings the metadata above {MAX_KEPT_BYTES:,} bytes")

    def take(self, length: int, what: str) -> bytes:
        start = self._ready(length, what)
        self.at += length
        return self._window[start : start + length]

    def text(self, what: str) -> str:
        begin = self.at
        length = self.integer("Q", f"the length of {what}")
        self.expect(length, what)
        self.keep(length, what)
        try:
            return self.take(length, what).decode()
        except UnicodeDecodeError:
            raise self.error(f"{what} is not UTF-8", at=begin) from None

    def skip(self, length: int, what: str) -> None:
        self.expect(length, what)
        self.at += length

    def skip_strings(self, count: int, what: str) -> None:
        """Step over `count` strings by their lengths alone."""
        self._strings += count
        if self._strings > MAX_STRINGS:
            raise self.error(f"{what} brings the strings in arrays above {MAX_STRINGS:,}")
        self.expect(8 * count, what)
        while count:
            start = self._ready(8, what)
            end, count = _walk(self._window, start, count, self.order)
            self.skip(end - start, what)


def _walk(window: bytes, position: int, count: int, order: str) -> tuple[int, int]:
    """Step over `count` strings as far as the window goes: where the next one starts, how many
    are left. This loop is most of the time of reading a header."""
    length_at = struct.Struct(order + "Q").unpack_from
    pending = repeat(None, count)
    try:
        for _ in pending:
            position += 8 + length_at(window, position)[0]
    except (struct.error, OverflowError):
        return position, pending.__length_hint__() + 1
    return position, 0


def _read_preamble(cursor: _Cursor) -> tuple[int, int]:
    """Check magic and version, settle the byte order: (tensor count, pair count)."""
    magic = cursor.take(4, "the magic")
    if magic != b"GGUF":
        raise cursor.error(f"expected b'GGUF', got {magic!r}: not a GGUF file", at=0)
    version = cursor.integer("I", "the version")
    if not version & 0xFFFF:
        cursor.order, cursor.at = ">", 4
        version = cursor.integer("I", "the version")
    if version not in (2, 3):
        raise cursor.error(f"GGUF version {version:,}; versions 2 and 3 can be read", at=4)
    tensor_count = _read_count(cursor, "tensors", SMALLEST_TENSOR, MAX_TENSORS)
    pair_count = _read_count(cursor, "metadata keys", SMALLEST_PAIR, MAX_KEYS)
    return tensor_count, pair_count


def _read_count(cursor: _Cursor, what: str, smallest: int, limit: int) -> int:
    begin = cursor.at
    count = cursor.integer("Q", f"the number of {what}")
    if count > limit:
        raise cursor.error(f"{count:,} {what}; at most {limit:,} can be read", at=begin)
    cursor.expect(count * smallest, f"a list of {count:,} {what}")
    return count


def _read_pairs(cursor: _Cursor, count: int) -> tuple[tuple[Pair, ...], int]:
    """The metadata, and the alignment that it sets."""
    pairs: dict[str, Pair] = {}
    alignment = DEFAULT_ALIGNMENT
    for index in range(count):
        begin = cursor.at
        key = cursor.text(f"metadata key {index}")
        if not key or key in pairs:
            raise cursor.error(f"metadata key {key!r} stands twice" if key else "an empty key", at=begin)
        pair = _read_pair(cursor, key)
        if key == "general.alignment":
            alignment = _check_alignment(cursor, pair, begin)
        pairs[key] = pair
    return tuple(pairs.values()), alignment


def _check_alignment(cursor: _Cursor, pair: Pair, begin: int) -> int:
    value = pair.value
    if pair.type != UINT32 or not isinstance(value, int) or value <= 0 or value & (value - 1):
        raise cursor.error(f"general.alignment: expected a power of two (uint32), got {value!r}", at=begin)
    return value


def _read_pair(cursor: _Cursor, key: str) -> Pair:
    begin = cursor.at
    kind = cursor.integer("I", f"the type of {key}")
    if kind == ARRAY:
        return _read_array(cursor, key)
    if kind == STRING:
        return Pair(key, kind, cursor.text(key))
    if kind not in NUMBERS:
        raise cursor.error(f"{key}: unknown value type {kind:,}", at=begin)
    (value,) = cursor.unpack(NUMBERS[kind], key)
    return Pair(key, kind, value)


def _read_array(cursor: _Cursor, key: str) -> Pair:
    begin = cursor.at
    kind = cursor.integer("I", f"the element type of {key}")
    count = cursor.integer("Q", f"the length of {key}")
    small = count <= MAX_KEPT_ELEMENTS
    if kind == STRING:
        if small:
            return Pair(key, kind, tuple(cursor.text(key) for _ in range(count)))
        cursor.skip_strings(count, key)
    elif kind in NUMBERS:
        length = count * struct.calcsize("=" + NUMBERS[kind])
        if small:
            cursor.keep(length, key)
            return Pair(key, kind, cursor.unpack(f"{count}{NUMBERS[kind]}", key))
        cursor.skip(length, key)
    else:
        problem = "an array of arrays" if kind == ARRAY else f"unknown element type {kind:,}"
        raise cursor.error(f"{key}: {problem}", at=begin)
    return Pair(key, kind, SkippedArray(kind, count))


def _read_tensors(
    cursor: _Cursor, count: int, alignment: int, types: TensorTypes
) -> tuple[tuple[Tensor, ...], int]:
    """The tensor list, and the bytes of data up to the end of the last tensor.

    Data follow each other without gap but for the padding, as the engine demands.
    """
    tensors: dict[str, Tensor] = {}
    end = 0
    for index in range(count):
        begin = cursor.at
        tensor, offset = _read_tensor(cursor, index, types)
        if tensor.name in tensors:
            raise cursor.error(f"tensor {tensor.name!r} stands twice", at=begin)
        expected = pad(end, alignment)
        if offset != expected:
            raise cursor.error(
                f"tensor {tensor.name!r} has offset {offset:,}, expected {expected:,}", at=cursor.at - 8
            )
        tensors[tensor.name] = tensor
        end = offset + tensor.nbytes
    return tuple(tensors.values()), end


def _read_tensor(cursor: _Cursor, index: int, types: TensorTypes) -> tuple[Tensor, int]:
    begin = cursor.at
    name = cursor.text(f"the name of tensor {index}")
    if len(name.encode()) > MAX_NAME:
        raise cursor.error(f"the name of tensor {index} has more than {MAX_NAME} bytes", at=begin)
    dimensions = cursor.integer("I", f"tensor {name!r}")
    if dimensions > MAX_DIMENSIONS:
        raise cursor.error(f"tensor {name!r} has {dimensions:,} dimensions, at most {MAX_DIMENSIONS}")
    *shape, kind, offset = map(int, cursor.unpack(f"{dimensions}QIQ", f"tensor {name!r}"))
    if kind not in types:
        raise cursor.error(f"tensor {name!r} has unknown type {kind:,}", at=cursor.at - 12, hint=UPGRADE)
    try:
        nbytes = tensor_bytes(shape, types[kind])
    except ValueError as error:
        raise cursor.error(f"tensor {name!r}: {error}", at=begin) from None
    return Tensor(name, tuple(shape), kind, nbytes), offset


def tensor_bytes(shape: Sequence[int], kind: TensorType) -> int:
    """Unpadded bytes of a tensor. Raises ValueError for a shape that the type can't have."""
    elements = prod(shape)
    nbytes = elements // kind.block * kind.nbytes
    if not 0 < elements < 1 << 63 or nbytes >= 1 << 63:
        raise ValueError(f"shape {list(shape)} has {elements:,} elements")
    row = shape[0] if shape else 1
    if row % kind.block:
        raise ValueError(f"rows of {row:,} elements, not a multiple of {kind.name}'s block of {kind.block}")
    return nbytes
