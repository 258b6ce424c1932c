"""What the server loads beside the model to draft with: its fit counts it, too.

``common_init_result`` (``common/common.cpp``, build 11160) hands it to the fit as an extra model. The
fit measures it once for each context, with the settings as given, and adds that to all that it tries.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from launcher.core.ledger import Usage
from launcher.core.machine import Machine
from launcher.core.memory.draft import MtpContext, draft_settings
from launcher.core.memory.layout import Layout
from launcher.core.memory.project import Projection
from launcher.core.memory.shared import projector
from launcher.core.model import Model
from launcher.core.settings import Settings

Usages = tuple[Usage, ...]
PlaceAlone = Callable[[Model, Settings, Machine], Usages]
"""Bytes on each device of a model without any fit, GPUs in order and the host last."""


class Beside(Protocol):
    """derived: are its figures exact, or bounds."""

    @property
    def derived(self) -> bool: ...

    def measured(self, n_ctx: int) -> Usages:
        """Bytes on each device as the fit measures them."""

    def placed(self, layout: Layout, projection: Projection) -> Usages:
        """Bytes on each device where the model came to lie so."""


@dataclass(frozen=True, slots=True)
class MtpBeside:
    """A context for the model's own MTP block: it lies where the block does."""

    context: MtpContext
    given: Layout
    pipeline: bool

    @property
    def derived(self) -> bool:
        return self.context.derived

    def measured(self, n_ctx: int) -> Usages:
        return self.context(self.given, n_ctx, pipeline=self.pipeline)

    def placed(self, layout: Layout, projection: Projection) -> Usages:
        return self.context(layout, projection.n_ctx, pipeline=projection.pipeline)


@dataclass(frozen=True, slots=True)
class DraftBeside:
    """Another model, split by what is free: for the fit by all of it, then by what the model left."""

    model: Model
    settings: Settings
    machine: Machine
    place: PlaceAlone
    derived: bool

    def measured(self, n_ctx: int) -> Usages:
        return self.place(self.model, replace(self.settings, n_ctx=n_ctx), self.machine)

    def placed(self, layout: Layout, projection: Projection) -> Usages:
        gpus = tuple(
            replace(gpu, free=max(0, gpu.free - usage.total))
            for gpu, usage in zip(self.machine.gpus, projection.usages[:-1], strict=True)
        )
        settings = replace(self.settings, n_ctx=projection.n_ctx)
        return self.place(self.model, settings, replace(self.machine, gpus=gpus))


def alone(settings: Settings) -> Settings:
    """Of a draft model: placed by its own layer count, and by nothing that is said of the model."""
    return replace(
        draft_settings(settings),
        fit=False,
        split_mode=None if settings.split_mode == "none" else settings.split_mode,
        n_gpu_layers=settings.drafting.n_gpu_layers,
        overrides=(),
        n_cpu_moe=0,
        cpu_moe=False,
    )


class Together:
    """Adds what lies beside, if anything, to projections of the model."""

    def __init__(self, beside: Beside | None) -> None:
        self._beside = beside
        self._known: dict[int, Usages] = {}

    @property
    def derived(self) -> bool:
        return self._beside is None or self._beside.derived

    def measured(self, projection: Projection, n_ctx: int) -> Projection:
        """As the fit measures it: once for each context."""
        if self._beside is None:
            return projection
        found = self._known.get(n_ctx)
        if found is None:
            found = self._known[n_ctx] = self._beside.measured(n_ctx)
        return _added(projection, found)

    def placed(self, projection: Projection, layout: Layout) -> Projection:
        """Where the model came to lie so."""
        if self._beside is None:
            return projection
        return _added(projection, self._beside.placed(layout, projection))


def together(
    model: Model, settings: Settings, machine: Machine, given: Layout, place: PlaceAlone
) -> Together:
    """For a model on those GPUs that the engine uses, with the settings' own layout."""
    drafting, gpus = settings.drafting, len(machine.gpus)
    if drafting.model is not None:
        own = alone(settings)
        derived = projector(drafting.model, own, gpus).derived
        return Together(DraftBeside(drafting.model, own, machine, place, derived))
    if drafting.mtp and model.nextn_layers:
        pipeline = projector(model, settings, gpus).pipeline(given)
        return Together(MtpBeside(MtpContext(model, settings, gpus), given, pipeline))
    return Together(None)


def _added(projection: Projection, more: Sequence[Usage]) -> Projection:
    usages = tuple(own + beside for own, beside in zip(projection.usages, more, strict=True))
    return replace(projection, usages=usages)
