"""How close the estimate comes to the engine: comparison of placements with recorded dry runs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from launcher.core.fit import Placement
from launcher.core.ledger import DeviceLine, Usage
from launcher.core.machine import Machine
from launcher.core.model import Model
from launcher.core.settings import Settings
from launcher.core.units import MIB

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the engine said. Usages: GPUs in order, Host last.

    n_gpu_layers and tensor_split: what its fit chose, None where it changed nothing. overrides:
    patterns that its fit added.
    """

    initial: tuple[Usage, ...]
    fitted: tuple[Usage, ...]
    n_ctx: int
    n_gpu_layers: int | None
    tensor_split: tuple[int, ...] | None
    overrides: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleCase:
    """One dry run of the engine: the model's header by its file name, machine, settings, result."""

    name: str
    model: str
    architecture: str
    gguf: str
    machine: Machine
    settings: Settings
    truth: Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One case: errors are estimate minus engine.

    stored_errors: weights and context, relative, per device and part, before the fit.
    initial_errors: bytes of the total per device before the fit. fitted_errors: relative, after.
    same_layers, near_layers: the fit chose the same layers, or within one on each device.
    promised, held: the estimate, and the engine, put all on the GPUs with all margins kept.
    """

    case: OracleCase
    stored_errors: tuple[float, ...]
    initial_errors: tuple[int, ...]
    fitted_errors: tuple[float, ...]
    same_layers: bool
    near_layers: bool
    promised: bool
    held: bool


def compare(case: OracleCase, model: Model, placement: Placement) -> Comparison:
    """`placement` of the case's model on its machine against what the engine said."""
    truth = case.truth
    initial = [line.usage for line in placement.initial.devices]
    fitted = [line.usage for line in placement.fitted.devices]
    pairs = list(zip(initial, truth.initial, strict=True))
    ours, theirs = _layers(placement), _true_layers(truth, len(fitted) - 1)
    return Comparison(
        case=case,
        stored_errors=tuple(
            _relative(estimate, engine)
            for mine, his in pairs
            for estimate, engine in ((mine.model, his.model), (mine.context, his.context))
        ),
        initial_errors=tuple(mine.total - his.total for mine, his in pairs),
        fitted_errors=tuple(
            _relative(mine.total, his.total) for mine, his in zip(fitted, truth.fitted, strict=True)
        ),
        same_layers=ours == theirs,
        near_layers=all(abs(one - other) <= 1 for one, other in zip(ours, theirs, strict=True)),
        promised=_promised(placement),
        held=_held(case, model, placement.fitted.gpus),
    )


def _relative(estimate: int, engine: int) -> float:
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


def _held(case: OracleCase, model: Model, gpus: Sequence[DeviceLine]) -> bool:
    """Did the engine put all layers on GPUs and keep the margins."""
    asked, chosen = case.settings.n_gpu_layers, case.truth.n_gpu_layers
    count = chosen if chosen is not None else asked
    complete = count is None or count < 0 or count > model.n_layer_all
    moved = case.settings.all_overrides or any(rule.endswith("=CPU") for rule in case.truth.overrides)
    rows = zip(gpus, case.truth.fitted[:-1], strict=True)
    kept = all((line.free or 0) - usage.total >= (line.margin or 0) for line, usage in rows)
    return bool(gpus) and complete and not moved and kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A promise about accuracy: what is measured, its limit, and whether it is kept."""

    name: str
    measured: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def kept(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def bars(comparisons: Sequence[Comparison]) -> tuple[Bar, ...]:
    """The promises over all comparisons; those about the fit over cases that were fitted."""
    fits = [found for found in comparisons if found.case.settings.fit]
    stored = [abs(error) for found in comparisons for error in found.stored_errors]
    initial = [abs(error) / MIB for found in comparisons for error in found.initial_errors]
    fitted = [abs(error) for found in fits for error in found.fitted_errors]
    held = [found for found in comparisons if found.held]
    return (
        Bar(name="weights and context exact", measured=_share(stored, lambda error: error == 0),
            limit=98, unit="%", at_least=True),
        Bar(name="weights and context, largest error", measured=100 * max(stored, default=0),
            limit=1, unit="%"),
        Bar(name="total before the fit, median error", measured=percentile(initial, 50), limit=2, unit="MiB"),
        Bar(name="total before the fit, 95th percentile", measured=percentile(initial, 95),
            limit=64, unit="MiB"),
        Bar(name="same layers after the fit", measured=_share(fits, lambda found: found.same_layers),
            limit=95, unit="%", at_least=True),
        Bar(name="within one layer on each device", measured=_share(fits, lambda found: found.near_layers),
            limit=97, unit="%", at_least=True),
        Bar(name="total after the fit, median error", measured=100 * percentile(fitted, 50),
            limit=1, unit="%"),
        Bar(name="total after the fit, 95th percentile", measured=100 * percentile(fitted, 95),
            limit=4, unit="%"),
        Bar(name="fits, where the engine doesn't place it so",
            measured=sum(found.promised and not found.held for found in comparisons), limit=0, unit="cases"),
        Bar(name="another verdict, where the engine places all on GPUs",
            measured=_share(held, lambda found: not found.promised), limit=2, unit="%"),
    )  # fmt: skip


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
    """Accuracy of one model or machine: devices, those exact to the byte, errors of the total in MiB."""

    name: str
    devices: int
    exact: int
    worst_mib: float


def group_scores(
    comparisons: Sequence[Comparison], group: Callable[[Comparison], str]
) -> tuple[GroupScore, ...]:
    """One score per group, by name; of the totals before the fit."""
    errors: dict[str, list[int]] = {}
    for found in comparisons:
        errors.setdefault(group(found), []).extend(found.initial_errors)
    return tuple(
        GroupScore(
            name=name,
            devices=len(found),
            exact=sum(error == 0 for error in found),
            worst_mib=max(map(abs, found), default=0) / MIB,
        )
        for name, found in sorted(errors.items())
    )
