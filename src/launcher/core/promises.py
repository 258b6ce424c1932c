"""The promises about accuracy, and what they are measured by: recorded dry runs, and servers that ran."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypeVar

from launcher.core.accuracy import Comparison, relative
from launcher.core.evidence import Evidence, side_by_side
from launcher.core.ledger import Ledger
from launcher.core.units import MIB

ValueT = TypeVar("ValueT")
Unit = Literal["%", "MiB", "cases"]
Figures = Mapping[str, float]

LOG_STEP = MIB // 100 + 1
"""Bytes by which a size in a server's log may be off: it has two digits after the point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A promise about accuracy: its limit, and the figures that are held against it.

    estimate: of the estimate against recorded dry runs. engine: of the engine, asked again, against the
    same; None when it was not asked. measured: of the estimate against what servers allocated, None where
    none of them says anything; no promise is made about it.
    """

    name: str
    estimate: float | None
    engine: float | None
    measured: float | None
    limit: float
    unit: Unit
    at_least: bool = False

    @property
    def kept(self) -> bool:
        return all(self._keeps(figure) for figure in (self.estimate, self.engine) if figure is not None)

    def _keeps(self, figure: float) -> bool:
        return figure >= self.limit if self.at_least else figure <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A server that ran, and the plan that it was started with.

    machine: its name. stored_errors, total_errors: of the plan, relative, per device, in weights and
    context, and in all. layers_apart: most layers by which a GPU differs from the plan, None without GPUs.
    """

    machine: str
    stored_errors: tuple[float, ...]
    total_errors: tuple[float, ...]
    layers_apart: int | None

    @classmethod
    def of(cls, record: Evidence) -> Self | None:
        """None of a record that lacks the plan or the measurement, or is not of a whole start."""
        if not record.complete or record.predicted is None or record.measured is None:
            return None
        compared = side_by_side(record)
        planned, found = _layers(record.predicted), _layers(record.measured)
        apart = [abs(planned.get(name, 0) - found.get(name, 0)) for name in {*planned, *found}]
        return cls(
            machine=record.machine,
            stored_errors=tuple(
                _error(each.estimate or 0, each.measured or 0)
                for each in compared
                if each.part in ("model", "context")
            ),
            total_errors=tuple(
                _error(each.estimate or 0, each.measured or 0) for each in compared if each.part == "total"
            ),
            layers_apart=max(apart, default=None),
        )


def _layers(ledger: Ledger) -> dict[str, int]:
    return {line.name: line.layers or 0 for line in ledger.gpus}


def _error(planned: int, measured: int) -> float:
    return 0.0 if abs(planned - measured) <= LOG_STEP else relative(planned, measured)


STORED, STORED_WORST = "weights and context exact", "weights and context, largest error"
INITIAL_MEDIAN = "total before the fit, median error"
INITIAL_TAIL = "total before the fit, 95th percentile"
SAME_LAYERS, NEAR_LAYERS = "same layers after the fit", "within one layer on each device"
FITTED_MEDIAN, FITTED_TAIL = "total after the fit, median error", "total after the fit, 95th percentile"
SPLITS = "same graph splits"
TOO_HOPEFUL = "fits, where the engine doesn't place it so"
TOO_FEARFUL = "another verdict, where the engine places all on GPUs"
AGAIN = "asked again, the same to the MiB, with graph splits"


def bars(
    estimates: Sequence[Comparison], again: Sequence[Comparison] = (), starts: Sequence[Start] = ()
) -> tuple[Bar, ...]:
    """The promises. estimates: against recorded dry runs; again: the engine asked again; starts: servers
    that ran."""
    columns = figures(estimates), figures(again), figures_of_starts(starts)

    def bar(name: str, limit: float, unit: Unit, *, at_least: bool = False) -> Bar:
        estimate, engine, measured = (column.get(name) for column in columns)
        return Bar(name=name, estimate=estimate, engine=engine, measured=measured,
                   limit=limit, unit=unit, at_least=at_least)  # fmt: skip

    exact = 100 * sum(each.is_exact for each in again) / len(again) if again else None
    return (
        bar(STORED, 98, "%", at_least=True),
        bar(STORED_WORST, 1, "%"),
        bar(INITIAL_MEDIAN, 2, "MiB"),
        bar(INITIAL_TAIL, 64, "MiB"),
        bar(SAME_LAYERS, 95, "%", at_least=True),
        bar(NEAR_LAYERS, 97, "%", at_least=True),
        bar(FITTED_MEDIAN, 1, "%"),
        bar(FITTED_TAIL, 4, "%"),
        bar(SPLITS, 95, "%", at_least=True),
        bar(TOO_HOPEFUL, 0, "cases"),
        bar(TOO_FEARFUL, 2, "%"),
        Bar(name=AGAIN, estimate=None, engine=exact, measured=None, limit=100, unit="%", at_least=True),
    )


def figures(comparisons: Sequence[Comparison]) -> Figures:
    """What the promises are about, by their names, over all comparisons; those about the fit over cases
    that were fitted. Nothing of nothing."""
    if not comparisons:
        return {}
    fits = [found for found in comparisons if found.case.settings.fit]
    stored = [abs(error) for found in comparisons for error in found.stored_errors]
    initial = [abs(error) / MIB for found in comparisons for error in found.initial_errors]
    fitted = [abs(error) for found in fits for error in found.fitted_errors]
    held = [found for found in comparisons if found.held]
    return {
        STORED: _share(stored, lambda error: error == 0),
        STORED_WORST: 100 * max(stored, default=0),
        INITIAL_MEDIAN: percentile(initial, 50),
        INITIAL_TAIL: percentile(initial, 95),
        SAME_LAYERS: _share(fits, lambda found: found.same_layers),
        NEAR_LAYERS: _share(fits, lambda found: found.near_layers),
        FITTED_MEDIAN: 100 * percentile(fitted, 50),
        FITTED_TAIL: 100 * percentile(fitted, 95),
        SPLITS: _share(comparisons, lambda found: found.same_splits),
        TOO_HOPEFUL: sum(found.promised and not found.held for found in comparisons),
        TOO_FEARFUL: _share(held, lambda found: not found.promised),
    }


def figures_of_starts(starts: Sequence[Start]) -> Figures:
    """The same of servers that ran, as far as they tell."""
    if not starts:
        return {}
    stored = [abs(error) for start in starts for error in start.stored_errors]
    totals = [abs(error) for start in starts for error in start.total_errors]
    apart = [start.layers_apart for start in starts if start.layers_apart is not None]
    layers = {
        SAME_LAYERS: _share(apart, lambda count: count == 0),
        NEAR_LAYERS: _share(apart, lambda count: count <= 1),
    }
    return {
        **(layers if apart else {}),
        STORED: _share(stored, lambda error: error == 0),
        STORED_WORST: 100 * max(stored, default=0),
        FITTED_MEDIAN: 100 * percentile(totals, 50),
        FITTED_TAIL: 100 * percentile(totals, 95),
    }


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that at least `percent` of all are not above; 0 of nothing."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * int(percent) // 100) - 1))]


def _share(values: Sequence[ValueT], wanted: Callable[[ValueT], bool]) -> float:
    return 100 * sum(map(wanted, values)) / len(values) if values else 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupScore:
    """Accuracy of one model or machine: devices, those exact to the byte, errors of the total in MiB.

    again: how many of the devices that the engine was asked about again are the same to the MiB, and how
    many those are; None when there are none.
    """

    name: str
    devices: int
    exact: int
    worst_mib: float
    again: tuple[int, int] | None


def group_scores(
    comparisons: Sequence[Comparison], again: Sequence[Comparison], group: Callable[[Comparison], str]
) -> tuple[GroupScore, ...]:
    """One score per group, by name; of the totals before the fit."""
    errors, repeated = _grouped(comparisons, group), _grouped(again, group)
    return tuple(
        GroupScore(
            name=name,
            devices=len(found),
            exact=found.count(0),
            worst_mib=max(map(abs, found), default=0) / MIB,
            again=(repeated[name].count(0), len(repeated[name])) if name in repeated else None,
        )
        for name, found in sorted(errors.items())
    )


def _grouped(comparisons: Sequence[Comparison], group: Callable[[Comparison], str]) -> dict[str, list[int]]:
    errors: dict[str, list[int]] = {}
    for found in comparisons:
        errors.setdefault(group(found), []).extend(found.initial_errors)
    return errors
