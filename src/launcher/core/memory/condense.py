"""Leaves out layers that repeat: a graph of a few repetitions needs the same buffers as one of many."""

from collections.abc import Hashable, Sequence

REPETITIONS = 2
"""How often a layer is kept with the same neighbours: entering a steady state, and in it."""


def condense(keys: Sequence[Hashable], repetitions: int = REPETITIONS) -> tuple[list[int], list[int]]:
    """(indices to keep, for each index the kept position that stands for it).

    Equal keys mean equal layers. A layer is left out when layers like it, between neighbours like
    its own, were kept `repetitions` times already; the first and the last stay.
    """
    kept: list[int] = []
    stands: list[int] = []
    seen: dict[tuple[Hashable, ...], list[int]] = {}
    last = len(keys) - 1
    for index in range(len(keys)):
        around = tuple(keys[max(index - 1, 0) : index + 2]) + ((index,) if index in {0, last} else ())
        positions = seen.setdefault(around, [])
        if len(positions) < repetitions:
            positions.append(len(kept))
            kept.append(index)
        stands.append(positions[-1])
    return kept, stands
