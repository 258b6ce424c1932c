"""project(): what a model takes on each device under a layout, as the engine's dry run says."""

from dataclasses import dataclass

from launcher.core.ledger import Usage
from launcher.core.memory.bound import bound
from launcher.core.memory.compute import Compute, Row, Switches, compute, heaviest
from launcher.core.memory.condense import FEWEST, ROUGH, condense
from launcher.core.memory.context import context_bytes, window_cells
from launcher.core.memory.graph.architectures import builder_of
from launcher.core.memory.graph.builder import Ground
from launcher.core.memory.layout import Layout
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
        self._heavy = heaviest(model.layers[: model.n_layer])
        self._weights = WeightSums(model)
        self._build = builder_of(model)
        self._computed: dict[object, Compute] = {}

    @property
    def derived(self) -> bool:
        """Is the architecture's graph known; compute bytes are a bound otherwise."""
        return self._build is not None

    def __call__(self, layout: Layout, n_ctx: int, *, exact: bool = True) -> Projection:
        """The projection for `n_ctx` tokens (0: the model's own); not `exact` is faster."""
        sizing = Sizing.of(self.model, self.settings, n_ctx)
        weights = self._weights(layout, self.gpus)
        context = context_bytes(self.model, sizing, self.settings, layout.homes, self.gpus)
        pipeline = self._pipeline(layout)
        computed = self._compute(layout, sizing, pipeline, exact=exact)
        return Projection(
            usages=tuple(
                Usage(model=model, context=cache, compute=buffer)
                for model, cache, buffer in zip(weights, context, computed.bytes, strict=True)
            ),
            n_ctx=sizing.n_ctx,
            pipeline=pipeline,
            splits=computed.splits if self.derived else None,
        )

    def _pipeline(self, layout: Layout) -> bool:
        """Pipeline parallelism: several devices, all layers on them, nothing moved (``llama_context``)."""
        return (
            self.gpus > 1
            and layout.full_offload
            and self.settings.split_mode == "layer"
            and self.settings.kv_offload
            and not layout.overridden
        )

    def _compute(self, layout: Layout, sizing: Sizing, pipeline: bool, *, exact: bool) -> Compute:
        if self._build is None:
            return bound(self.model, sizing, self.gpus, pipeline=pipeline)
        rows = self._rows(layout)
        kept, runs = condense([row.key for row in rows], 2 * FEWEST if exact else ROUGH)
        counted = tuple(run.times for run in runs) if pipeline else ()
        key = (exact, sizing, counted, layout.homes[-1], tuple(rows[index].key for index in kept))
        found = self._computed.get(key)
        if found is None:
            ground = Ground(
                gpus=self.gpus,
                first=layout.homes[0],
                output=layout.homes[-1],
                kv_offload=self.settings.kv_offload,
                window_cells=window_cells(self.model, sizing, self.settings),
                moved=dict(layout.common),
            )
            switches = Switches(
                pipeline=pipeline, kv_offload=self.settings.kv_offload, op_offload=self.settings.op_offload
            )
            found = compute(self._build, self.model, sizing, rows, self._heavy, ground, switches, exact=exact)
            self._computed[key] = found
        return found

    def _rows(self, layout: Layout) -> list[Row]:
        rows: list[Row] = []
        layers = self.model.layers[: self.model.n_layer]
        for layer, home, moved in zip(layers, layout.homes, layout.exceptions, strict=False):
            rows.append(Row(layer, home, moved, None if layer.reads is None else rows[layer.reads]))
        return rows
