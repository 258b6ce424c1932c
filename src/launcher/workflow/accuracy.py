"""Use case: measure the estimate against recorded dry runs of the engine."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from launcher.core.accuracy import Bar, Comparison, OracleCase, bars, compare
from launcher.core.fit import place
from launcher.core.header import Header
from launcher.core.model import Model


class Oracle(Protocol):
    """Where recorded dry runs come from."""

    def cases(self) -> Iterable[OracleCase]: ...

    def header(self, gguf: str) -> Header: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyReport:
    """All comparisons and the promises about them."""

    comparisons: tuple[Comparison, ...]
    bars: tuple[Bar, ...]

    @property
    def kept(self) -> bool:
        return all(bar.kept for bar in self.bars)


def measure_accuracy(oracle: Oracle, every: int = 1) -> AccuracyReport:
    """Compare each case, or each `every`-th, with the estimate."""
    models: dict[str, Model] = {}
    comparisons = []
    for index, case in enumerate(oracle.cases()):
        if index % every:
            continue
        if case.gguf not in models:
            models[case.gguf] = Model.of(oracle.header(case.gguf))
        model = models[case.gguf]
        comparisons.append(compare(case, model, place(model, case.settings, case.machine)))
    return AccuracyReport(comparisons=tuple(comparisons), bars=bars(comparisons))
