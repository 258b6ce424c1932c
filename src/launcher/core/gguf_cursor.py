"""A position in a GGUF file that may be damaged or hostile.

Every length is held against the bytes that are left before anything of that size is read; what is
fetched, kept and stepped over is bounded, so that a hostile file costs little.
"""

import struct
from functools import lru_cache
from itertools import repeat
from typing import Protocol

from launcher.core.header import DAMAGED, HeaderError, Scalar
from launcher.core.units import MIB

MAX_STRINGS = 900_000
"""The largest vocabulary known, Gemma 4's, has 777,050 with its merges."""
MAX_HEADER_BYTES = 64 * MIB
MAX_KEPT_BYTES = MIB
STRING_BYTES = 64
"""What a string costs in memory, besides its own bytes."""


class Source(Protocol):
    """Random access to one file. `name` is what errors call it, `size` its bytes as a whole."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes:
        """At least `length` bytes from `offset`, and as many more as are cheap to have; fewer
        only if the file has become shorter."""


class Cursor:
    """A position in a source, with the bytes around it at hand."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.at = 0
        self.order = "<"
        self._window = b""
        self._base = 0
        self._fetched = 0
        self._kept = 0
        self._strings = 0

    def error(self, what: str, *, at: int | None = None, hint: str = DAMAGED) -> HeaderError:
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
            self._fetched += len(self._window)
            if len(self._window) < length:
                raise self.error(f"the file ends within {what}")
            if self._fetched > MAX_HEADER_BYTES:
                raise self.error(f"the header is longer than {MAX_HEADER_BYTES:,} bytes")
        return start

    def unpack(self, codes: str, what: str) -> tuple[Scalar, ...]:
        layout = _layout(self.order + codes)
        start = self._ready(layout.size, what)
        self.at += layout.size
        return layout.unpack_from(self._window, start)

    def integer(self, code: str, what: str) -> int:
        (value,) = self.unpack(code, what)
        return int(value)

    def keep(self, length: int, what: str) -> None:
        """Count `length` bytes of memory as taken; refuse them when they are too many."""
        self._kept += length
        if self._kept > MAX_KEPT_BYTES:
            raise self.error(f"{what} brings the metadata above {MAX_KEPT_BYTES:,} bytes of memory")

    def take(self, length: int, what: str) -> bytes:
        start = self._ready(length, what)
        self.at += length
        return self._window[start : start + length]

    def text(self, what: str) -> str:
        begin = self.at
        length = self.integer("Q", f"the length of {what}")
        self.expect(length, what)
        self.keep(length + STRING_BYTES, what)
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


@lru_cache(maxsize=128)
def _layout(codes: str) -> struct.Struct:
    return struct.Struct(codes)


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
