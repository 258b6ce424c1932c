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

    graph_splits_bs1: splits of the generation graph, None is unknown. notes: what the dry run
    leaves out, or had to take otherwise than the server does.
    """

    placement: Placement
    graph_splits_bs1: int | None
    notes: tuple[str, ...] = ()

    @classmethod
    def as_given(cls, load: Load, machine: Machine, notes: tuple[str, ...]) -> Self:
        """Of settings that are measured without a fit."""
        ledger = engine_ledger(load, machine)
        return cls._of(Placement(initial=ledger, fitted=ledger, n_ctx=load.n_ctx or 0), load, notes)

    @classmethod
    def fitted(cls, fit: Fit, load: Load, machine: Machine, notes: tuple[str, ...]) -> Self:
        """Of a fit, and the load that has what it chose."""
        initial = engine_ledger(fit.initial, machine)
        placement = Placement(
            initial=initial,
            fitted=engine_ledger(load, machine),
            n_ctx=load.n_ctx or 0,
            n_gpu_layers=fit.n_gpu_layers,
            tensor_split=fit.tensor_split,
            overrides=fit.overrides,
            changed=[row.usage for row in fit.initial.rows] != [row.usage for row in load.rows],
            gave_up=fit.gave_up,
            pipeline=load.pipeline,
        )
        return cls._of(placement, load, notes)

    @classmethod
    def _of(cls, placement: Placement, load: Load, notes: tuple[str, ...]) -> Self:
        return cls(
            placement=placement,
            graph_splits_bs1=load.splits[1] if load.splits else None,
            notes=notes,
        )

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
