"""A GGUF header as a value: metadata and tensor list, no tensor data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from launcher.core.errors import LauncherError, Problem

HeaderSource = Literal["file", "url", "snapshot", "reconstructed"]


@dataclass(frozen=True, slots=True)
class SkippedArray:
    """A metadata array that was stepped over (a vocabulary): its GGUF element type and length."""

    element_type: int
    length: int


@dataclass(frozen=True, slots=True)
class TensorType:
    """A ggml_type: its name (``Q4_K``), and `nbytes` for each block of `block` elements."""

    name: str
    block: int
    nbytes: int


TensorTypes = Mapping[int, TensorType]


DAMAGED = "the file is damaged or was cut short: fetch it again"


class HeaderError(LauncherError):
    """A GGUF header that can't be read: which file, at which byte, and why."""

    def __init__(self, name: str, offset: int, what: str, *, hint: str = DAMAGED) -> None:
        super().__init__(Problem(where=f"{name}, byte {offset:,}", what=what, hint=hint))
        self.offset = offset


Scalar = int | float | bool | str
MetadataValue = Scalar | tuple[Scalar, ...] | SkippedArray


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor. `shape` in ggml's order (ne0 first: the contiguous dimension), `type` is the
    ggml_type number, `nbytes` its unpadded size."""

    name: str
    shape: tuple[int, ...]
    type: int
    nbytes: int

    @property
    def elements(self) -> int:
        count = 1
        for extent in self.shape:
            count *= extent
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a GGUF file, or all parts of a split one, says before its tensor data.

    file_bytes: size of all parts together on disk. source: where the header came from.
    """

    metadata: Mapping[str, MetadataValue]
    tensors: tuple[Tensor, ...]
    file_bytes: int
    source: HeaderSource

    @property
    def architecture(self) -> str:
        """``general.architecture``."""
        return str(self.metadata["general.architecture"])


def vocabulary_size(metadata: Mapping[str, MetadataValue]) -> int | None:
    """Tokens in the vocabulary: of the tokenizer's list, else ``<architecture>.vocab_size``."""
    tokens = metadata.get("tokenizer.ggml.tokens")
    if isinstance(tokens, SkippedArray):
        return tokens.length
    if isinstance(tokens, tuple):
        return len(tokens)
    size = metadata.get(f"{metadata.get('general.architecture')}.vocab_size")
    return size if isinstance(size, int) else None
