"""Bytes of the compute buffers: the engine's graph, scheduled and allocated in outline."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from launcher.core.memory.condense import FEWEST, ROUGH, Run, condense
from launcher.core.memory.graph.allocator import State, buffer_sizes
from launcher.core.memory.graph.architectures import Build
from launcher.core.memory.graph.builder import Builder, Ground, Place
from launcher.core.memory.graph.cuda import Cuda
from launcher.core.memory.graph.node import Node
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
    build: Build,
    model: Model,
    sizing: Sizing,
    rows: Sequence[Row],
    heavy: Mapping[int, Layer],
    ground: Ground,
    switches: Switches,
    *,
    exact: bool,
) -> Compute:
    """Sizes of the compute buffers for these layers in this order.

    Of layers that repeat a few are built, first three and then more, until the buffers look the
    same before and after a repetition: then all further ones change nothing. Under pipeline
    parallelism copies between backends are never freed, so that layers with any count one by one.
    heavy: for each form the layer that stands for it. Without `exact`, two repetitions must do:
    rarely some MiB off, and three times as fast.
    """
    typical = [replace(row, layer=heavy[row.layer.form]) for row in rows]
    for repetitions in (FEWEST, 2 * FEWEST) if exact else (ROUGH,):
        kept, runs = condense([row.key for row in rows], repetitions)
        measured = _measure(build, model, sizing, [typical[index] for index in kept], ground, switches)
        if switches.pipeline and any(measured.splits_between(run) for run in runs):
            break
        if not exact or all(measured.states[run.steady] == measured.states[run.leaving] for run in runs):
            splits = measured.splits + sum(run.times * measured.splits_between(run) for run in runs)
            return Compute(measured.bytes, splits)
    measured = _measure(build, model, sizing, rows, ground, switches)
    return Compute(measured.bytes, measured.splits)


@dataclass(frozen=True, slots=True)
class _Measured:
    """states and starts: per layer, the buffers before it and the splits that began before it."""

    bytes: tuple[int, ...]
    splits: int
    states: list[State]
    starts: list[int]

    def splits_between(self, run: Run) -> int:
        return self.starts[run.leaving] - self.starts[run.steady]


def _measure(
    build: Build, model: Model, sizing: Sizing, rows: Sequence[Row], ground: Ground, switches: Switches
) -> _Measured:
    b = Builder(model, sizing, ground)
    places = [_place(row) for row in rows]
    places[-1].last = True
    marks: list[int] = []

    def walk() -> Iterator[Place]:
        for place in places:
            marks.append(len(b.g.nodes))
            yield place

    build(b, walk())
    cuda = Cuda(ground.gpus)
    scheduler = Scheduler(
        ground.gpus, pipeline=switches.pipeline, op_offload=switches.op_offload, supports=cuda.supports
    )
    schedule = scheduler.run(b.g)
    alignments = (CUDA_ALIGNMENT,) * ground.gpus + (CPU_ALIGNMENT,)
    firsts = [b.g.nodes[mark] for mark in marks]
    sizes, states = buffer_sizes(schedule, alignments, cuda.size, set(firsts))
    return _Measured(sizes, len(schedule.starts), states, _counts(b.g.nodes, marks, schedule.starts))


def _counts(nodes: Sequence[Node], marks: Sequence[int], starts: Sequence[Node]) -> list[int]:
    """How many of `starts` come before each mark."""
    beginning = set(starts)
    positions = [index for index, node in enumerate(nodes) if node in beginning]
    return [bisect_left(positions, mark) for mark in marks]


def _place(row: Row) -> Place:
    source = None if row.source is None else _place(row.source)
    return Place(row.layer, row.home, dict(row.moved), source=source)
