"""Leaves out layers that repeat: a graph of a few repetitions needs the same buffers as one of many."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

FEWEST = 3
"""Repetitions to keep at least: one entering, one within and one leaving the steady state."""

LONGEST_PERIOD = 8
"""Layers in the longest pattern that is looked for."""


@dataclass(frozen=True, slots=True)
class Run:
    """A pattern of layers that was shortened.

    leaving: kept position at which the last repetition starts; steady: at which one some repetitions
    before it does. times: how often what lies between them was left out.
    """

    steady: int
    leaving: int
    times: int


def condense(keys: Sequence[Hashable], repetitions: int, period: int = 1) -> tuple[list[int], list[Run]]:
    """Indices to keep of a sequence in which equal keys mean equal layers, and the shortened runs.

    repetitions: how many of a pattern are kept at least. period: what is left out is a multiple of
    so many repetitions.
    """
    kept: list[int] = []
    runs: list[Run] = []
    position = 0
    while position < len(keys):
        length, count = _pattern(keys, position, repetitions + period - 1)
        if count < repetitions + period:
            kept.append(position)
            position += 1
            continue
        times = (count - repetitions) // period
        left = count - times * period
        steady = len(kept) + length * (left - 1 - period)
        runs.append(Run(steady, steady + length * period, times))
        kept += range(position, position + length * (left - 1))
        position += length * count
        kept += range(position - length, position)
    return kept, runs


def _pattern(keys: Sequence[Hashable], position: int, repetitions: int) -> tuple[int, int]:
    """(period, repetitions) of the shortest pattern from `position` on that repeats often enough."""
    longest = min(LONGEST_PERIOD, (len(keys) - position) // (repetitions + 1))
    for period in range(1, longest + 1):
        end = position + period
        while end < len(keys) and keys[end] == keys[end - period]:
            end += 1
        count = (end - position) // period
        if count > repetitions:
            return period, count
    return 1, 1


def outline(keys: Sequence[Hashable]) -> list[int]:
    """Indices of a few layers: each kind twice.

    Keeps which kinds of layers there are, not how many nor in which order, so that many
    distributions of layers have the same outline.
    """
    firsts: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        found = firsts.setdefault(key, [])
        if len(found) < 2:
            found.append(index)
    ordered = sorted(firsts.values(), key=lambda found: str(keys[found[0]]))
    return [found[min(turn, len(found) - 1)] for turn in range(2) for found in ordered]
