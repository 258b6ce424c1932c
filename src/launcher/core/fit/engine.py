"""place(): what llama.cpp makes of a model on a machine (``common/fit.cpp``, build 11160)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from launcher.core.fit.beside import Usages, together
from launcher.core.fit.placement import Placement
from launcher.core.fit.search import bring_back_experts, fill_dense
from launcher.core.fit.shares import Fraction, Layouts, Shares, moved_tensors, moves
from launcher.core.ledger import DeviceLine, Ledger
from launcher.core.machine import Gpu, Machine
from launcher.core.memory.compute import Detail
from launcher.core.memory.layout import HOST, Layout, exceptions_of, homes
from launcher.core.memory.project import Projection
from launcher.core.memory.shared import projector
from launcher.core.memory.sizing import CONTEXT_PAD, MOST_TOKENS, unset_context
from launcher.core.model import Model
from launcher.core.settings import Settings
from launcher.core.units import MIB

NEAR = 25
"""Within this part (1/25) of a device's memory from its margin, buffers are computed exactly."""

DEFAULT_TARGET = 1024 * MIB
"""Bytes to leave free on each device when no FIT_TARGET is given."""


def place(model: Model, settings: Settings, machine: Machine) -> Placement:
    """Where `model` lies on `machine` under `settings`, before and after the engine's fit."""
    return _Fit(model, settings, machine).run()


@dataclass(frozen=True, slots=True)
class _Outcome:
    layout: Layout
    n_ctx: int
    shares: Shares | None = None
    gave_up: str | None = None


class _Fit:
    def __init__(self, model: Model, settings: Settings, machine: Machine) -> None:
        self.model = model
        self.settings = settings
        self.machine = machine
        self.gpus = _visible(machine.gpus, settings)
        self.margins = _margins(settings, self.gpus)
        self.project = projector(model, settings, len(self.gpus))
        counted = model.n_layer_all if settings.drafting.mtp else model.n_layer
        self.n_layers = counted + 1
        seen = replace(machine, gpus=self.gpus)
        self.together = together(model, settings, seen, self._given_layout(), _alone)
        self.layouts = Layouts(model, [gpu.free for gpu in self.gpus])

    def run(self) -> Placement:
        """Both ledgers and what changed between them."""
        layout = self._given_layout()
        initial = self._careful(layout, self.settings.n_ctx)
        outcome = _Outcome(layout, self.settings.n_ctx)
        if self.settings.fit:
            outcome = self._fit(layout, initial)
        fitted = self._careful(outcome.layout, outcome.n_ctx, placed=True)
        shares = outcome.shares
        overrides = () if shares is None else self._overrides(shares)
        return Placement(
            initial=self._ledger(initial, layout, None),
            fitted=self._ledger(fitted, outcome.layout, shares),
            n_ctx=fitted.n_ctx,
            n_gpu_layers=None if shares is None else outcome.layout.offloaded,
            tensor_split=_tensor_split(shares),
            overrides=overrides,
            changed=shares is not None or fitted.n_ctx != initial.n_ctx,
            gave_up=outcome.gave_up,
            doubts=tuple(self._doubts()),
            pipeline=fitted.pipeline,
            layout=outcome.layout,
        )

    def _careful(self, layout: Layout, n_ctx: int, *, placed: bool = False) -> Projection:
        """The projection, exact where a device is so near its margin that some MiB may decide.

        placed: with what lies beside where it ends, and not as the fit measures it.
        """
        close = self._measure(layout, n_ctx, "close", placed=placed)
        rows = zip(self._available(), self._used(close), self.margins, strict=True)
        near = any(abs(free - used - margin) < free // NEAR for free, used, margin in rows)
        return self._measure(layout, n_ctx, "exact", placed=placed) if near else close

    def _measure(self, layout: Layout, n_ctx: int, detail: Detail, *, placed: bool = False) -> Projection:
        projection = self.project(layout, n_ctx, detail)
        if placed:
            return self.together.placed(projection, layout)
        return self.together.measured(projection, n_ctx)

    # the settings as given

    def _given_layout(self) -> Layout:
        asked = self.settings.n_gpu_layers
        offloaded = self.model.n_layer_all + 1 if asked is None or asked < 0 else asked
        split = self.settings.tensor_split
        given = tuple(split[: len(self.gpus)]) if split and any(split) else ()
        shares = given or tuple(float(gpu.free) for gpu in self.gpus)
        exceptions, common = exceptions_of(self.model, self.settings.all_overrides)
        return Layout(
            homes=homes(self.model.n_layer_all, offloaded, shares),
            exceptions=exceptions,
            common=common,
            overridden=bool(self.settings.all_overrides),
            offloaded=offloaded,
        )

    # the fit

    def _fit(self, layout: Layout, initial: Projection) -> _Outcome:
        n_ctx = self.settings.n_ctx
        projected = initial
        if not n_ctx:
            n_ctx = unset_context(self.model, self.settings)
            projected = self._measure(layout, n_ctx, "exact")
        if self._kept(projected):
            return _Outcome(layout, n_ctx)
        if self._surplus(projected) < 0 and not self.settings.n_ctx:
            n_ctx, done = self._reduce_context(layout, projected, n_ctx)
            if done:
                return _Outcome(layout, n_ctx)
        obstacle = self._obstacle()
        if obstacle:
            return _Outcome(layout, n_ctx, gave_up=obstacle)
        shares = self._distribute(layout, n_ctx)
        return _Outcome(self.layouts.of(shares, self.n_layers), n_ctx, shares)

    def _used(self, projection: Projection) -> list[int]:
        """Bytes in use per GPU; without GPUs, of the host."""
        usages = projection.usages[:-1] or projection.usages
        return [usage.total for usage in usages]

    def _available(self) -> list[int]:
        if self.gpus:
            return [gpu.free for gpu in self.gpus]
        return [self.machine.host_memory or 0]

    def _kept(self, projection: Projection) -> bool:
        """Are all margins kept."""
        rows = zip(self._available(), self._used(projection), self.margins, strict=True)
        return all(free - used >= margin for free, used, margin in rows)

    def _surplus(self, projection: Projection) -> int:
        return sum(self._available()) - sum(self._used(projection)) - sum(self.margins)

    def _reduce_context(self, layout: Layout, projected: Projection, largest: int) -> tuple[int, bool]:
        """(context, done): the context that should fit; done when nothing else is to be changed."""
        streams = 1 if self.settings.unified else max(1, self.settings.n_seq_max)
        smallest = min(self.settings.fit_ctx * streams, MOST_TOKENS)
        if largest <= smallest:
            return largest, False
        used, devices = sum(self._used(projected)), len(self.gpus)
        target = sum(self._available()) - sum(self.margins)
        if devices > 1:
            weights = sum(usage.model for usage in projected.usages[:-1])
            per_layer = weights // self._counted_layers()
            target -= (devices + 1) * per_layer // (6 if self.model.moe else 2)
        used_smallest = sum(self._used(self._measure(layout, smallest, "exact")))
        if target <= used_smallest:
            return smallest, False
        n_ctx = smallest + (largest - smallest) * (target - used_smallest) // (used - used_smallest)
        n_ctx = max(n_ctx - n_ctx % (CONTEXT_PAD * streams), smallest)
        return n_ctx, devices <= 1

    def _counted_layers(self) -> int:
        asked, counted = self.settings.n_gpu_layers, self.n_layers - 1
        return counted if asked is None or asked < 0 else min(asked, counted)

    def _obstacle(self) -> str | None:
        """Why the engine may not distribute layers."""
        settings = self.settings
        if not self.gpus:
            return "the model doesn't fit into host memory at the smallest context"
        if settings.n_gpu_layers is not None and settings.n_gpu_layers != -1:
            return f"N_GPU_LAYERS is set to {settings.n_gpu_layers}"
        if len(self.gpus) > 1 and settings.tensor_split and any(settings.tensor_split):
            return "TENSOR_SPLIT is set"
        if len(self.gpus) > 1 and settings.split_mode == "row":
            return "SPLIT_MODE=row can't be fitted"
        return "tensor overrides are set" if settings.all_overrides else None

    def _distribute(self, layout: Layout, n_ctx: int) -> Shares:
        targets = [gpu.free - margin for gpu, margin in zip(self.gpus, self.margins, strict=True)]

        def measure(shares: Shares) -> tuple[int, ...]:
            projection = self._measure(self.layouts.of(shares, self.n_layers), n_ctx, "outline")
            return tuple(usage.total for usage in projection.usages[:-1])

        moe = self.model.moe
        without_experts = moe and self._surplus(self._measure(self._expertless(layout), n_ctx, "outline")) > 0
        shares = fill_dense(measure, targets, self.n_layers, moe=moe)
        return bring_back_experts(measure, targets, shares) if without_experts else shares

    def _expertless(self, layout: Layout) -> Layout:
        """The given layout with all experts in host memory."""
        return Layout(
            homes=layout.homes,
            exceptions=tuple(moved_tensors(layer, Fraction.MOE, HOST) for layer in self.model.layers),
            overridden=True,
            offloaded=layout.offloaded,
        )

    # the result

    def _overrides(self, shares: Shares) -> tuple[tuple[str, str], ...]:
        return tuple(
            (move.fraction.pattern(move.il), "CPU" if move.target == HOST else f"CUDA{move.target}")
            for move in moves(shares, self.n_layers)
        )

    def _ledger(self, projection: Projection, layout: Layout, shares: Shares | None) -> Ledger:
        usages = list(projection.usages)
        usages[0 if self.gpus and self.settings.projector_offload else -1] += self.settings.projector
        lines = [
            DeviceLine(
                name=f"CUDA{index}",
                gpu=gpu.name,
                total=gpu.total,
                free=gpu.free,
                margin=self.margins[index],
                usage=usages[index],
                layers=layout.homes.count(index),
                overflow_layers=_overflowing(layout, index),
            )
            for index, gpu in enumerate(self.gpus)
        ]
        host = DeviceLine(
            name="Host",
            total=self.machine.host_memory,
            free=self.machine.host_free,
            margin=None if self.gpus else self.margins[0],
            usage=usages[-1],
            layers=layout.homes.count(HOST),
        )
        return Ledger(
            source="estimate", devices=(*lines, host), n_ctx=projection.n_ctx, graph_splits=projection.splits
        )

    def _doubts(self) -> Iterator[str]:
        if not self.project.derived:
            yield f"no formula is derived for the compute buffers of {self.model.architecture}"
        if not self.together.derived:
            yield "no formula is derived for the compute buffers of what drafts"


def _alone(model: Model, settings: Settings, machine: Machine) -> Usages:
    return tuple(line.usage for line in place(model, settings, machine).initial.devices)


def _overflowing(layout: Layout, device: int) -> int:
    """Layers of a device with tensors in host memory."""
    rows = zip(layout.homes, layout.exceptions, strict=False)
    return sum(home == device and any(to == HOST for _, to in moved) for home, moved in rows)


def _visible(gpus: Sequence[Gpu], settings: Settings) -> tuple[Gpu, ...]:
    """The GPUs that the engine uses: with SPLIT_MODE=none only MAIN_GPU."""
    if settings.split_mode != "none" or not gpus:
        return tuple(gpus)
    return (gpus[settings.main_gpu],) if 0 <= settings.main_gpu < len(gpus) else ()


def _margins(settings: Settings, gpus: Sequence[Gpu]) -> tuple[int, ...]:
    """Bytes to leave free per device; a single value counts for all.

    The server adds its projector to that of the first GPU (``server-context.cpp``, build 11160).
    """
    given, count = settings.fit_target or (DEFAULT_TARGET,), max(len(gpus), 1)
    first, *others = given * count if len(given) == 1 else (*given, *(DEFAULT_TARGET,) * count)[:count]
    if gpus and settings.projector_offload:
        first += settings.projector.total
    return (first, *others)


def _tensor_split(shares: Shares | None) -> tuple[int, ...] | None:
    if shares is None or len(shares) == 1:
        return None
    return tuple(share.layers for share in shares)
