"""Leaves out layers that repeat: a graph of a few repetitions needs the same buffers as one of many."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby

FEWEST = 3
"""Repetitions to keep at least: one entering, one within and one leaving the steady state."""

LONGEST_PERIOD = 8
"""Layers in the longest pattern that is looked for."""


@dataclass(frozen=True, slots=True)
class Run:
    """A pattern of layers that was shortened.

    steady: kept position at which the last but one repetition starts; leaving: at which the last
    one does. times: how often the repetition between them was left out.
    """

    steady: int
    leaving: int
    times: int


def condense(keys: Sequence[Hashable], repetitions: int) -> tuple[list[int], list[Run]]:
    """Indices to keep of a sequence in which equal keys mean equal layers, and the shortened runs."""
    kept: list[int] = []
    runs: list[Run] = []
    position = 0
    while position < len(keys):
        period, count = _pattern(keys, position, repetitions)
        if count <= repetitions:
            kept.append(position)
            position += 1
            continue
        steady = len(kept) + period * (repetitions - 2)
        runs.append(Run(steady, steady + period, count - repetitions))
        kept += range(position, position + period * (repetitions - 1))
        position += period * count
        kept += range(position - period, position)
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


def outline(keys: Sequence[Hashable], group: Callable[[int], Hashable]) -> list[int]:
    """Indices of a few layers for each group of neighbours: each kind of layer in it, twice.

    Keeps which kinds of layers lie where, not how many nor in which order, so that many
    distributions of layers have the same outline.
    """
    kept: list[int] = []
    for _, members in groupby(range(len(keys)), group):
        firsts: dict[Hashable, list[int]] = {}
        for index in members:
            found = firsts.setdefault(keys[index], [])
            if len(found) < 2:
                found.append(index)
        ordered = sorted(firsts.values(), key=lambda found: str(keys[found[0]]))
        kept += [found[min(turn, len(found) - 1)] for turn in range(2) for found in ordered]
    return kept
