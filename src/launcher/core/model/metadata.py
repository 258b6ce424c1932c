"""Typed access to the metadata of a GGUF header, with errors that name the key."""

from collections.abc import Mapping
from dataclasses import dataclass

from launcher.core.errors import failure
from launcher.core.header import MetadataValue, vocabulary_size


@dataclass(frozen=True, slots=True)
class Metadata:
    """The keys of one architecture: ``integer("block_count")`` reads ``llama.block_count``."""

    architecture: str
    values: Mapping[str, MetadataValue]

    def _key(self, name: str) -> str:
        return f"{self.architecture}.{name}"

    def integer(self, name: str, default: int | None = None) -> int:
        """A scalar; without `default` a missing key is an error."""
        value = self.values.get(self._key(name))
        if value is None:
            if default is None:
                raise failure(
                    f"the header lacks {self._key(name)}",
                    hint="the file is damaged or was made by an unsupported converter",
                )
            return default
        if not isinstance(value, int | float):
            raise failure(f"{self._key(name)}: expected a number, found {type(value).__name__}")
        if not 0 <= value < 1 << 63:
            raise failure(f"{self._key(name)}: expected a positive number, found {value}")
        return int(value)

    def optional(self, name: str) -> int | None:
        """A scalar, or None when the key is absent or holds an array."""
        value = self.values.get(self._key(name))
        return int(value) if isinstance(value, int | float) else None

    def number(self, name: str, default: float) -> float:
        """A scalar as a float."""
        value = self.values.get(self._key(name))
        return float(value) if isinstance(value, int | float) else default

    def array(self, name: str) -> tuple[int, ...] | None:
        """An array of numbers or truth values; None when the key is absent or a scalar."""
        value = self.values.get(self._key(name))
        if not isinstance(value, tuple):
            return None
        if not all(isinstance(item, int | float) for item in value):
            raise failure(f"{self._key(name)}: expected an array of numbers")
        return tuple(int(item) for item in value)

    def per_layer(self, name: str, count: int, default: int) -> tuple[int, ...]:
        """One number for each of `count` layers, from a scalar or an array of that length."""
        found = self.array(name)
        if found is None:
            return (self.integer(name, default),) * count
        if len(found) < count:
            raise failure(f"{self._key(name)}: expected {count} numbers, found {len(found)}")
        return found[:count]

    def vocabulary(self) -> int | None:
        """Number of tokens: the tokenizer's list or, without one, ``vocab_size``."""
        return vocabulary_size(self.values)
