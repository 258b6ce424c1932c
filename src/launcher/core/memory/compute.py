"""Bytes of the compute buffers: the engine's graph, scheduled and allocated in outline."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from launcher.core.memory.condense import FEWEST, Run, condense, outline
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
    """Bytes per device, GPUs in order and the host last; splits of the prompt graph, None if unknown."""

    bytes: tuple[int, ...]
    splits: int | None


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
        return (self.layer.form, self.site)

    @property
    def site(self) -> tuple[object, ...]:
        """Where the layer and its parts lie."""
        return (self.home, self.moved, None if self.source is None else self.source.home)


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


Detail = Literal["outline", "close", "exact"]
"""How many layers of a kind are built: two; three, which nearly always do; or as many as it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a graph is built of. heavy: for each form the layer that stands for it."""

    build: Build
    model: Model
    sizing: Sizing
    rows: Sequence[Row]
    heavy: Mapping[int, Layer]
    ground: Ground
    switches: Switches

    def shortened(self, detail: Detail) -> tuple[object, ...]:
        """Subjects of the same model with an equal value have the same buffers."""
        keys = [row.key for row in self.rows]
        if detail == "outline":
            return tuple(keys[index] for index in self.outlined)
        kept, runs = condense(keys, FEWEST if detail == "close" else 2 * FEWEST)
        counted = tuple(run.times for run in runs) if self.switches.pipeline else ()
        return (counted, tuple(keys[index] for index in kept))

    @property
    def outlined(self) -> list[int]:
        return outline([row.key for row in self.rows], lambda index: self.rows[index].site)


def compute(subject: Subject, detail: Detail) -> Compute:
    """Sizes of the compute buffers for these layers in this order.

    Of layers that repeat a few are built. For "exact" they must be enough that the buffers look
    the same before and after a repetition: then all further ones change nothing. Under pipeline
    parallelism copies between backends are never freed, so that layers with any count one by one.
    """
    typical = [replace(row, layer=subject.heavy[row.layer.form]) for row in subject.rows]
    if detail == "outline" and not subject.switches.pipeline:
        measured = _measure(subject, [typical[index] for index in subject.outlined])
        return Compute(measured.bytes, None)
    for repetitions in (FEWEST, 2 * FEWEST):
        kept, runs = condense([row.key for row in subject.rows], repetitions)
        measured = _measure(subject, [typical[index] for index in kept])
        if subject.switches.pipeline and any(measured.splits_between(run) for run in runs):
            break
        settled = all(measured.states[run.steady] == measured.states[run.leaving] for run in runs)
        if settled or detail != "exact":
            splits = measured.splits + sum(run.times * measured.splits_between(run) for run in runs)
            return Compute(measured.bytes, splits)
    measured = _measure(subject, subject.rows)
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


def _measure(subject: Subject, rows: Sequence[Row]) -> _Measured:
    ground, switches = subject.ground, subject.switches
    b = Builder(subject.model, subject.sizing, ground)
    places = [_place(row) for row in rows]
    places[-1].last = True
    marks: list[int] = []

    def walk() -> Iterator[Place]:
        for place in places:
            marks.append(len(b.g.nodes))
            yield place

    subject.build(b, walk())
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
