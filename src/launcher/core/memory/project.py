"""project(): what a model takes on each device under a layout, as the engine's dry run says."""

from dataclasses import dataclass

from launcher.core.ledger import Usage
from launcher.core.memory.bound import bound
from launcher.core.memory.compute import Compute, Computer, Detail, Row, Subject, Switches
from launcher.core.memory.context import context_bytes, window_cells
from launcher.core.memory.graph.architectures import builder_of
from launcher.core.memory.graph.builder import Ground
from launcher.core.memory.layout import HOST, Layout
from launcher.core.memory.sizing import Sizing
from launcher.core.memory.weights import WeightSums
from launcher.core.model import Model
from launcher.core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """Bytes per device, GPUs in order and the host last.

    n_ctx: tokens in all sequences after rounding. splits: of the prompt graph, None when no
    graph is derived for the architecture.
    """

    usages: tuple[Usage, ...]
    n_ctx: int
    pipeline: bool
    splits: int | None


class Projector:
    """Projects one model under one set of settings; remembers what repeats between projections."""

    def __init__(self, model: Model, settings: Settings, gpus: int) -> None:
        self.model = model
        self.settings = settings
        self.gpus = gpus
        self._weights = WeightSums(model, mtp=settings.drafting.mtp)
        build = builder_of(model)
        self._computer = None if build is None else Computer(build, model)

    @property
    def derived(self) -> bool:
        """Is the architecture's graph known; compute bytes are a bound otherwise."""
        return self._computer is not None

    def __call__(self, layout: Layout, n_ctx: int, detail: Detail = "exact") -> Projection:
        """The projection for `n_ctx` tokens (0: the model's own); less detail is faster."""
        sizing = Sizing.of(self.model, self.settings, n_ctx)
        weights = self._weights(layout, self.gpus)
        context = context_bytes(self.model, sizing, self.settings, layout.homes, self.gpus)
        pipeline = self.pipeline(layout)
        computed = self._compute(layout, sizing, pipeline, detail)
        return Projection(
            usages=tuple(
                Usage(model=model, context=cache, compute=buffer)
                for model, cache, buffer in zip(weights, context, computed.bytes, strict=True)
            ),
            n_ctx=sizing.n_ctx,
            pipeline=pipeline,
            splits=computed.splits if self.derived else None,
        )

    def pipeline(self, layout: Layout) -> bool:
        """Pipeline parallelism: several devices, all layers on them, nothing moved (``llama_context``)."""
        return (
            self.gpus > 1
            and layout.full_offload
            and self.settings.split_mode in (None, "layer")
            and self.settings.kv_offload
            and not layout.overridden
        )

    def _compute(self, layout: Layout, sizing: Sizing, pipeline: bool, detail: Detail) -> Compute:
        if self._computer is None:
            return bound(self.model, sizing, self.gpus, pipeline=pipeline, offloading=layout.may_offload)
        subject = Subject(
            sizing=sizing,
            rows=self._rows(layout),
            ground=self._ground(layout, sizing),
            switches=Switches(pipeline=pipeline, op_offload=self.settings.op_offload),
        )
        return self._computer(subject, detail)

    def _ground(self, layout: Layout, sizing: Sizing) -> Ground:
        return Ground(
            gpus=self.gpus,
            first=layout.homes[0],
            output=layout.homes[-1],
            kv_offload=self.settings.kv_offload,
            window_cells=window_cells(self.model, sizing, self.settings),
            moved=layout.common,
            crowd=self._crowd(layout) if self.model.sparse else (),
        )

    def _crowd(self, layout: Layout) -> tuple[int, ...]:
        homes = layout.homes[: self.model.n_layer]
        return (*(homes.count(gpu) for gpu in range(self.gpus)), homes.count(HOST))

    def _rows(self, layout: Layout) -> list[Row]:
        rows: list[Row] = []
        layers = self.model.layers[: self.model.n_layer]
        for layer, home, moved in zip(layers, layout.homes, layout.exceptions, strict=False):
            rows.append(Row(layer, home, moved, None if layer.reads is None else rows[layer.reads]))
        return rows
