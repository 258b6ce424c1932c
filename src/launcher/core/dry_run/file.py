"""The file that a dry run of the engine loads: a model's shapes, without vocabulary and weights.

Only shapes matter to a dry run. A vocabulary costs the engine most of its time and no device
memory; where tensors lie on disk changes none of its figures, so a split file becomes one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from launcher.core.gguf_reader import DEFAULT_ALIGNMENT, STRING, UINT32, UINT64, Pair
from launcher.core.gguf_writer import write_header
from launcher.core.header import Header, Scalar, SkippedArray, vocabulary_size
from launcher.core.snapshot import is_kept
from launcher.core.units import pad

INT32, FLOAT32, BOOL = 5, 6, 7


@dataclass(frozen=True, slots=True, kw_only=True)
class DryFile:
    """`header`: the bytes before the tensor data. `size`: bytes of the whole file; the rest of it
    may be a hole."""

    header: bytes
    size: int


def dry_file(header: Header) -> DryFile:
    """The file that stands for the model of `header` in a dry run."""
    pairs = [Pair(key, _kind(value), value) for key, value in _metadata(header)]
    head = write_header(pairs, header.tensors)
    data = sum(pad(tensor.nbytes, DEFAULT_ALIGNMENT) for tensor in header.tensors)
    return DryFile(header=head, size=len(head) + data)


def _metadata(header: Header) -> Iterator[tuple[str, Scalar | tuple[Scalar, ...]]]:
    size_key = f"{header.architecture}.vocab_size"
    for key, value in header.metadata.items():
        if key == size_key or value == () or isinstance(value, SkippedArray):
            continue
        if is_kept(key, value):
            yield key, value
    size = vocabulary_size(header.metadata)
    if size is not None:
        yield size_key, size
    yield "tokenizer.ggml.model", "none"


def _kind(value: Scalar | tuple[Scalar, ...]) -> int:
    """The GGUF type that the engine's loader expects: counts are uint32
    (src/llama-model-loader.cpp, build 11160, refuses other types)."""
    match value:
        case tuple():
            return max(map(_kind, value))
        case bool():
            return BOOL
        case str():
            return STRING
        case float():
            return FLOAT32
        case _ if value < 0:
            return INT32
        case _:
            return UINT32 if value < 1 << 32 else UINT64
