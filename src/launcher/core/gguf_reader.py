"""GGUF as bytes: one file's metadata and tensor list, without its tensor data.

The format and the checks follow ``ggml/src/gguf.cpp`` (build 11160): what the engine refuses is
refused here.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from launcher.core.gguf_cursor import Cursor, Source
from launcher.core.header import MetadataValue, SkippedArray, Tensor, TensorType, TensorTypes
from launcher.core.units import pad

MAX_KEYS = 1 << 11
MAX_TENSORS = 1 << 12
MAX_KEPT_ELEMENTS = 1024
NUMBER_BYTES = 32
"""What a number costs in memory."""

UINT32, STRING, ARRAY, UINT64 = 4, 8, 9, 10
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
MAX_NAME = 63
MAX_DIMENSIONS = 4
DEFAULT_ALIGNMENT = 32
SMALLEST_PAIR = 8 + 1 + 4 + 1
SMALLEST_TENSOR = 8 + 4 + 4 + 8
UPGRADE = "a newer gguf package may know it: pip install --upgrade gguf"


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
    cursor = Cursor(source)
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


def _read_preamble(cursor: Cursor) -> tuple[int, int]:
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


def _read_count(cursor: Cursor, what: str, smallest: int, limit: int) -> int:
    begin = cursor.at
    count = cursor.integer("Q", f"the number of {what}")
    if count > limit:
        raise cursor.error(f"{count:,} {what}; at most {limit:,} can be read", at=begin)
    cursor.expect(count * smallest, f"a list of {count:,} {what}")
    return count


def _read_pairs(cursor: Cursor, count: int) -> tuple[tuple[Pair, ...], int]:
    """The metadata, and the alignment that it sets."""
    pairs: dict[str, Pair] = {}
    alignment = DEFAULT_ALIGNMENT
    for index in range(count):
        begin = cursor.at
        key = cursor.text(f"metadata key {index}")
        if not key or key in pairs:
            raise cursor.error(f"{_shown(key)} stands twice" if key else "an empty key", at=begin)
        pair = _read_pair(cursor, key)
        if key == "general.alignment":
            alignment = _check_alignment(cursor, pair, begin)
        pairs[key] = pair
    return tuple(pairs.values()), alignment


def _check_alignment(cursor: Cursor, pair: Pair, begin: int) -> int:
    value = pair.value
    if pair.type != UINT32 or not isinstance(value, int) or value <= 0 or value & (value - 1):
        raise cursor.error("general.alignment: expected a power of two, as uint32", at=begin)
    return value


def _read_pair(cursor: Cursor, key: str) -> Pair:
    begin, shown = cursor.at, _shown(key)
    kind = cursor.integer("I", f"the type of {shown}")
    if kind == ARRAY:
        return _read_array(cursor, key)
    if kind == STRING:
        return Pair(key, kind, cursor.text(shown))
    if kind not in NUMBERS:
        raise cursor.error(f"{shown} has unknown type {kind:,}", at=begin)
    (value,) = cursor.unpack(NUMBERS[kind], shown)
    return Pair(key, kind, value)


def _read_array(cursor: Cursor, key: str) -> Pair:
    begin, shown = cursor.at, _shown(key)
    kind = cursor.integer("I", f"the element type of {shown}")
    count = cursor.integer("Q", f"the length of {shown}")
    small = count <= MAX_KEPT_ELEMENTS
    if kind == STRING:
        if small:
            return Pair(key, kind, tuple(cursor.text(shown) for _ in range(count)))
        cursor.skip_strings(count, shown)
    elif kind in NUMBERS:
        length = count * struct.calcsize("=" + NUMBERS[kind])
        if small:
            cursor.keep(count * NUMBER_BYTES, shown)
            return Pair(key, kind, cursor.unpack(f"{count}{NUMBERS[kind]}", shown))
        cursor.skip(length, shown)
    else:
        problem = "is an array of arrays" if kind == ARRAY else f"has unknown element type {kind:,}"
        raise cursor.error(f"{shown} {problem}", at=begin)
    return Pair(key, kind, SkippedArray(kind, count))


def _shown(key: str) -> str:
    """A key as it may be printed: whatever is in the file, short and without control characters."""
    return repr(key[:MAX_NAME])


def _read_tensors(
    cursor: Cursor, count: int, alignment: int, types: TensorTypes
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


def _read_tensor(cursor: Cursor, index: int, types: TensorTypes) -> tuple[Tensor, int]:
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
