"""The engine's account of a profile on a machine, in the same form as the estimate."""

from dataclasses import dataclass
from typing import Self

from launcher.core.dry_run.fits import Fit
from launcher.core.fit import Placement
from launcher.core.ledger import Ledger
from launcher.core.logs import Load, engine_ledger
from launcher.core.machine import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineResult:
    """What the engine would do.

    graph_splits_bs1: splits of the generation graph, None is unknown.
    """

    placement: Placement
    graph_splits_bs1: int | None

    @classmethod
    def as_given(cls, load: Load, machine: Machine, doubts: tuple[str, ...]) -> Self:
        """Of settings that are measured without a fit."""
        ledger = engine_ledger(load, machine)
        placement = Placement(
            initial=ledger, fitted=ledger, n_ctx=_n_ctx(load), pipeline=load.pipeline, doubts=doubts
        )
        return cls(placement=placement, graph_splits_bs1=_splits_bs1(load))

    @classmethod
    def fitted(cls, fit: Fit, load: Load, machine: Machine, doubts: tuple[str, ...]) -> Self:
        """Of a fit, and the load that has what it chose."""
        initial, fitted = engine_ledger(fit.initial, machine), engine_ledger(load, machine)
        placement = Placement(
            initial=initial,
            fitted=fitted,
            n_ctx=_n_ctx(load),
            n_gpu_layers=fit.n_gpu_layers,
            tensor_split=fit.tensor_split,
            overrides=fit.overrides,
            changed=[line.usage for line in initial.gpus] != [line.usage for line in fitted.gpus],
            gave_up=fit.gave_up,
            pipeline=load.pipeline,
            doubts=doubts,
        )
        return cls(placement=placement, graph_splits_bs1=_splits_bs1(load))

    @property
    def initial(self) -> Ledger:
        """With the settings as given."""
        return self.placement.initial

    @property
    def fitted_ledger(self) -> Ledger:
        """After the engine's fit."""
        return self.placement.fitted

    @property
    def graph_splits(self) -> int | None:
        """Splits of the prompt graph."""
        return self.placement.fitted.graph_splits


def _splits_bs1(load: Load) -> int | None:
    return load.splits[1] if load.splits else None


def _n_ctx(load: Load) -> int:
    assert load.n_ctx is not None, "read_load asks for it"
    return load.n_ctx
