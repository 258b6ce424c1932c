"""Bytes of the compute buffers: the engine's graph, scheduled and allocated in outline."""

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.core.memory.graph.allocator import buffer_sizes
from launcher.core.memory.graph.architectures import Build
from launcher.core.memory.graph.builder import Builder, Ground, Place
from launcher.core.memory.graph.cuda import Cuda
from launcher.core.memory.graph.schedule import Scheduler
from launcher.core.memory.layout import Exceptions
from launcher.core.memory.sizing import Sizing
from launcher.core.memory.weights import CPU_ALIGNMENT, CUDA_ALIGNMENT
from launcher.core.model import Layer, Model


@dataclass(frozen=True, slots=True)
class Compute:
    """Bytes per device, GPUs in order and the host last; splits of the prompt graph."""

    bytes: tuple[int, ...]
    splits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """pipeline: copies of the inputs for pipeline parallelism. kv_offload: caches lie with their
    layer. op_offload: large batches go to a GPU even where the weights are on the host."""

    pipeline: bool
    kv_offload: bool
    op_offload: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A layer in the graph: its facts, its device, its tensors elsewhere; whose cache it reads."""

    layer: Layer
    home: int
    moved: Exceptions
    source: "Row | None" = None

    @property
    def key(self) -> tuple[object, ...]:
        """Rows of equal key have equal graphs, but for the types of weights that may be copied."""
        return (self.layer.form, self.home, self.moved, None if self.source is None else self.source.home)


def heaviest(layers: Sequence[Layer]) -> dict[int, Layer]:
    """For each form the layer with most bytes.

    A graph needs types only for weights that it copies to a GPU, one after the other into the
    same memory; so the heaviest decides. A layer of a mixed quantisation stands for the others.
    """
    found: dict[int, Layer] = {}
    weights: dict[int, int] = {}
    for layer in layers:
        weight = sum(tensor.nbytes for tensor in layer.tensors.values())
        if weight > weights.get(layer.form, -1):
            found[layer.form], weights[layer.form] = layer, weight
    return found


def compute(
    build: Build, model: Model, sizing: Sizing, rows: Sequence[Row], ground: Ground, switches: Switches
) -> Compute:
    """Sizes of the compute buffers for these layers in this order."""
    b = Builder(model, sizing, ground)
    places = [_place(row) for row in rows]
    places[-1].last = True
    build(b, places)
    cuda = Cuda(ground.gpus)
    scheduler = Scheduler(
        ground.gpus, pipeline=switches.pipeline, op_offload=switches.op_offload, supports=cuda.supports
    )
    schedule = scheduler.run(b.g)
    alignments = (CUDA_ALIGNMENT,) * ground.gpus + (CPU_ALIGNMENT,)
    return Compute(buffer_sizes(schedule, alignments, cuda.size), schedule.splits)


def _place(row: Row) -> Place:
    source = None if row.source is None else _place(row.source)
    return Place(row.layer, row.home, dict(row.moved), source=source)
