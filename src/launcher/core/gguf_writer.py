"""GGUF as bytes, the other way: metadata and a tensor list, without tensor data."""

import struct
from collections.abc import Iterable, Sequence

from launcher.core.gguf_reader import ARRAY, DEFAULT_ALIGNMENT, NUMBERS, STRING, Pair
from launcher.core.header import Scalar, SkippedArray, Tensor
from launcher.core.units import pad

VERSION = 3


def write_header(pairs: Sequence[Pair], tensors: Sequence[Tensor]) -> bytes:
    """A little-endian GGUF file up to where its tensor data start, for the default alignment.

    Raises ValueError for an array that was stepped over: its elements are not there to write.
    """
    head = b"GGUF" + struct.pack("<IQQ", VERSION, len(tensors), len(pairs))
    head += b"".join(map(_pair, pairs)) + b"".join(_tensor_list(tensors))
    return head + bytes(pad(len(head), DEFAULT_ALIGNMENT) - len(head))


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(kind: int, value: Scalar) -> bytes:
    return _text(str(value)) if kind == STRING else struct.pack("<" + NUMBERS[kind], value)


def _pair(pair: Pair) -> bytes:
    if isinstance(pair.value, SkippedArray):
        raise ValueError(f"{pair.key} was stepped over, it can't be written")
    if isinstance(pair.value, tuple):
        shape = struct.pack("<IIQ", ARRAY, pair.type, len(pair.value))
        return _text(pair.key) + shape + b"".join(_value(pair.type, item) for item in pair.value)
    return _text(pair.key) + struct.pack("<I", pair.type) + _value(pair.type, pair.value)


def _tensor_list(tensors: Sequence[Tensor]) -> Iterable[bytes]:
    offset = 0
    for tensor in tensors:
        count = len(tensor.shape)
        shape = struct.pack(f"<I{count}QIQ", count, *tensor.shape, tensor.type, offset)
        yield _text(tensor.name) + shape
        offset = pad(offset + tensor.nbytes, DEFAULT_ALIGNMENT)
