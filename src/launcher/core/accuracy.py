"""How close the estimate comes to the engine, and the engine to itself: recorded dry runs compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from launcher.core.dry_run import EngineResult
from launcher.core.fit import Placement
from launcher.core.ledger import DeviceLine, Usage
from launcher.core.machine import Machine
from launcher.core.model import Model
from launcher.core.settings import Settings
from launcher.core.units import MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the engine said. Usages: GPUs in order, Host last.

    n_gpu_layers and tensor_split: what its fit chose, None where it changed nothing. overrides:
    patterns that its fit added. splits: of the prompt graph, and of the generation graph.
    """

    initial: tuple[Usage, ...]
    fitted: tuple[Usage, ...]
    n_ctx: int
    n_gpu_layers: int | None
    tensor_split: tuple[int, ...] | None
    overrides: tuple[str, ...]
    splits: tuple[int | None, int | None]

    @classmethod
    def of(cls, result: EngineResult) -> Self:
        """What the engine says now."""
        placement = result.placement
        return cls(
            initial=tuple(line.usage for line in placement.initial.devices),
            fitted=tuple(line.usage for line in placement.fitted.devices),
            n_ctx=placement.n_ctx,
            n_gpu_layers=placement.n_gpu_layers,
            tensor_split=placement.tensor_split,
            overrides=tuple(f"{pattern}={buffer}" for pattern, buffer in placement.overrides),
            splits=(result.graph_splits, result.graph_splits_bs1),
        )

    @property
    def in_mib(self) -> Self:
        """The same in whole MiB, each part rounded down, as the engine prints it."""
        return replace(self, initial=_whole(self.initial), fitted=_whole(self.fitted))


def _whole(usages: Sequence[Usage]) -> tuple[Usage, ...]:
    def down(nbytes: int) -> int:
        return nbytes // MIB * MIB

    return tuple(
        Usage(model=down(each.model), context=down(each.context), compute=down(each.compute))
        for each in usages
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleCase:
    """One dry run of the engine: the model's header by its file name, machine, settings, result.

    command: the settings as words of the engine's command line.
    """

    name: str
    model: str
    architecture: str
    gguf: str
    machine: Machine
    command: tuple[str, ...]
    settings: Settings
    truth: Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One case, and somebody else's account of it: errors are that one's figures minus the case's.

    stored_errors: weights and context, relative, per device and part, before the fit.
    initial_errors: bytes of the total per device before the fit. fitted_errors: relative, after.
    same_layers, near_layers: the fit chose the same layers, or within one on each device.
    same_splits: of the graphs that the other one speaks of. promised, held: the other one, and the
    case, put all on the GPUs with all margins kept.
    """

    case: OracleCase
    stored_errors: tuple[float, ...]
    initial_errors: tuple[int, ...]
    fitted_errors: tuple[float, ...]
    same_layers: bool
    near_layers: bool
    same_splits: bool
    promised: bool
    held: bool

    @property
    def is_exact(self) -> bool:
        """No figure differs."""
        errors = (*self.stored_errors, *self.initial_errors, *self.fitted_errors)
        return not any(errors) and self.same_layers and self.same_splits


def compare(case: OracleCase, model: Model, placement: Placement) -> Comparison:
    """The estimate, `placement` of the case's model on its machine, against what the engine said."""
    fitted = placement.fitted
    return _compare(
        case,
        [line.usage for line in placement.initial.devices],
        [line.usage for line in fitted.devices],
        layers=_layers(placement),
        same_splits=fitted.graph_splits == case.truth.splits[0],
        promised=_promised(placement),
        held=_held(case, case.truth, model, fitted.gpus),
    )


def compare_again(case: OracleCase, model: Model, again: Truth, gpus: Sequence[DeviceLine]) -> Comparison:
    """What the engine says of a case when it is asked `again`, in whole MiB, against what it said.

    gpus: with what is free and the margins of the case's machine.
    """
    known = replace(case, truth=case.truth.in_mib)
    return _compare(
        known,
        again.initial,
        again.fitted,
        layers=_true_layers(again, len(gpus)),
        same_splits=again.splits == known.truth.splits,
        promised=_held(case, again, model, gpus),
        held=_held(case, known.truth, model, gpus),
    )


def _compare(
    case: OracleCase,
    initial: Sequence[Usage],
    fitted: Sequence[Usage],
    *,
    layers: tuple[int, ...],
    same_splits: bool,
    promised: bool,
    held: bool,
) -> Comparison:
    truth = case.truth
    pairs = list(zip(initial, truth.initial, strict=True))
    theirs = _true_layers(truth, len(fitted) - 1)
    return Comparison(
        case=case,
        stored_errors=tuple(
            relative(one, engine)
            for mine, his in pairs
            for one, engine in ((mine.model, his.model), (mine.context, his.context))
        ),
        initial_errors=tuple(mine.total - his.total for mine, his in pairs),
        fitted_errors=tuple(
            relative(mine.total, his.total) for mine, his in zip(fitted, truth.fitted, strict=True)
        ),
        same_layers=layers == theirs,
        near_layers=all(abs(one - other) <= 1 for one, other in zip(layers, theirs, strict=True)),
        same_splits=same_splits,
        promised=promised,
        held=held,
    )


def relative(estimate: int, engine: int) -> float:
    """The error of an estimate as a share of what it should be; 1 where that is nothing."""
    return (estimate - engine) / engine if engine else float(estimate != engine)


def _layers(placement: Placement) -> tuple[int, ...]:
    """Per GPU the layers that it has in full, then the number of partial ones."""
    partial = len(placement.overrides)
    if placement.n_gpu_layers is None:
        return (*(0,) * len(placement.fitted.gpus), 0)
    return (*(placement.tensor_split or (placement.n_gpu_layers,)), partial)


def _true_layers(truth: Truth, gpus: int) -> tuple[int, ...]:
    """The same of the engine, which leaves out devices without layers at the end."""
    if truth.n_gpu_layers is None:
        return (*(0,) * gpus, 0)
    split = truth.tensor_split if gpus > 1 and truth.tensor_split else (truth.n_gpu_layers,)
    return (*split, *(0,) * (gpus - len(split)), len(truth.overrides))


def _promised(placement: Placement) -> bool:
    fitted = placement.fitted
    complete = not fitted.host.layers and not any(line.overflow_layers for line in fitted.gpus)
    kept = all(line.left is not None and line.left >= (line.margin or 0) for line in fitted.gpus)
    return bool(fitted.gpus) and complete and kept and not placement.doubts


def _held(case: OracleCase, truth: Truth, model: Model, gpus: Sequence[DeviceLine]) -> bool:
    """Did the engine put all layers on GPUs and keep the margins."""
    asked, chosen = case.settings.n_gpu_layers, truth.n_gpu_layers
    count = chosen if chosen is not None else asked
    complete = count is None or count < 0 or count > model.n_layer_all
    moved = case.settings.all_overrides or any(rule.endswith("=CPU") for rule in truth.overrides)
    rows = zip(gpus, truth.fitted[:-1], strict=True)
    kept = all((line.free or 0) - usage.total >= (line.margin or 0) for line, usage in rows)
    return bool(gpus) and complete and not moved and kept
