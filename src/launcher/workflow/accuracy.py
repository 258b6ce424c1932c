"""Use case: measure the estimate, and the engine itself, against recorded dry runs of the engine."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from launcher.core.accuracy import Comparison, OracleCase, Truth, compare, compare_again
from launcher.core.evidence import Evidence
from launcher.core.fit import place
from launcher.core.header import Header
from launcher.core.model import Model
from launcher.core.promises import Bar, Start, bars
from launcher.workflow.engine import Engine, ask_engine


class Oracle(Protocol):
    """Where recorded dry runs come from; may be asked by several threads."""

    def cases(self) -> Iterable[OracleCase]: ...

    def header(self, gguf: str) -> Header: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyReport:
    """All comparisons and the promises about them.

    comparisons: of the estimate. again: of the engine, asked again; nothing without one. starts: of
    servers that ran, with the plans they were started with.
    """

    comparisons: tuple[Comparison, ...]
    again: tuple[Comparison, ...]
    starts: tuple[Start, ...]
    bars: tuple[Bar, ...]

    @property
    def kept(self) -> bool:
        return all(bar.kept for bar in self.bars)


def measure_accuracy(
    oracle: Oracle,
    *,
    every: int = 1,
    engine: Engine | None = None,
    jobs: int = 1,
    records: Iterable[Evidence] = (),
) -> AccuracyReport:
    """Compare each case, or each `every`-th, with the estimate, and with `engine`, `jobs` dry runs at a
    time; and the plans in `records` with what was measured.

    Raises LauncherError where a dry run fails.
    """
    cases = [case for index, case in enumerate(oracle.cases()) if index % every == 0]
    comparisons, again = [], []
    models: dict[str, Model] = {}
    with ThreadPoolExecutor(jobs) as pool:
        for case, truth in zip(cases, _answers(pool, oracle, cases, engine), strict=True):
            if case.gguf not in models:
                models[case.gguf] = Model.of(oracle.header(case.gguf))
            model = models[case.gguf]
            placement = place(model, case.settings, case.machine)
            comparisons.append(compare(case, model, placement))
            if truth is not None:
                again.append(compare_again(case, model, truth, placement.fitted.gpus))
    starts = tuple(start for record in records if (start := Start.of(record)))
    return AccuracyReport(
        comparisons=tuple(comparisons),
        again=tuple(again),
        starts=starts,
        bars=bars(comparisons, again, starts),
    )


def _answers(
    pool: ThreadPoolExecutor, oracle: Oracle, cases: Sequence[OracleCase], engine: Engine | None
) -> Iterator[Truth | None]:
    def ask(case: OracleCase) -> Truth | None:
        if engine is None:
            return None
        return Truth.of(ask_engine(engine, oracle.header(case.gguf), {}, case.command, case.machine))

    return pool.map(ask, cases)
