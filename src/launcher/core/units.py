"""Sizes: integers of bytes inside, MiB only at the door."""

import re

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

_FACTORS = {
    "B": 1,
    "KIB": KIB, "MIB": MIB, "GIB": GIB, "TIB": 1024 * GIB,
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
}  # fmt: skip
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z]+)")


def parse_size(text: str) -> int:
    """Bytes of a size such as ``23600MiB``, ``64 GiB`` or ``1.5GB``; a unit is required.

    Raises ValueError on anything else.
    """
    match = _SIZE.fullmatch(text.strip())
    factor = _FACTORS.get(match["unit"].upper()) if match else None
    if match is None or factor is None:
        raise ValueError(f"expected a size with a unit, such as 23600MiB or 64GiB, got {text!r}")
    return round(float(match["number"]) * factor)


def mib_up(amount: int) -> int:
    """Whole MiB that hold `amount` bytes: for demand."""
    return -(-amount // MIB)


def mib_down(amount: int) -> int:
    """Whole MiB contained in `amount` bytes: for supply."""
    return amount // MIB


def pad(amount: int, alignment: int) -> int:
    """`amount` rounded up to a multiple of `alignment` (both in the same unit)."""
    return -(-amount // alignment) * alignment
