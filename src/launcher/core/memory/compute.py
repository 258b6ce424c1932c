"""Bytes of the compute buffers: the engine's graph, scheduled and allocated in outline."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from launcher.core.memory.condense import FEWEST, Run, condense, outline
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
    """Bytes per device, GPUs in order and the host last; splits of the prompt graph, None if unknown."""

    bytes: tuple[int, ...]
    splits: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """pipeline: copies of the inputs for pipeline parallelism. op_offload: large batches go to a GPU
    even where the weights are on the host."""

    pipeline: bool
    op_offload: bool


Key = tuple[int, int, Exceptions, int | None]
"""Form of a layer, then where it, its exceptions and the cache that it reads lie."""


@dataclass(frozen=True, slots=True)
class Row:
    """A layer in the graph: its facts, its device, its tensors elsewhere; whose cache it reads."""

    layer: Layer
    home: int
    moved: Exceptions
    source: "Row | None" = None

    @property
    def key(self) -> "Key":
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


Detail = Literal["outline", "close", "exact"]
"""How many layers of a kind are built: two; three, which nearly always do; or as many as it takes."""

REPETITIONS = ((FEWEST, 1), (FEWEST + 1, 2), (FEWEST + 2, 3))
"""Repetitions to build at least, and after how many the buffers should look the same again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a graph is built of."""

    sizing: Sizing
    rows: Sequence[Row]
    ground: Ground
    switches: Switches

    @property
    def outlined(self) -> "Subject":
        """Of each group of neighbours that lie alike, each kind of layer twice and nothing else."""
        rows: list[Row] = []
        for _, group in groupby(self.rows, key=lambda row: row.key[1:]):
            members = list(group)
            rows += [members[index] for index in outline([row.key for row in members])]
        return replace(self, rows=rows)


class Computer:
    """Sizes the compute buffers of one model; remembers what it measured."""

    def __init__(self, build: Build, model: Model) -> None:
        self._build = build
        self._model = model
        self._heavy = heaviest(model.layers[: model.n_layer])
        self._measured: dict[object, _Measured] = {}

    def __call__(self, subject: Subject, detail: Detail) -> Compute:
        """The buffers for these layers in this order.

        Of layers that repeat a few are built. For "exact" they must be enough that the buffers look
        the same before and after some repetitions: then all further ones change nothing. Under pipeline
        parallelism copies between backends are never freed, so that layers with any count one by one.
        """
        if detail == "outline" and not subject.switches.pipeline:
            return Compute(self._typical(subject.outlined).bytes, None)
        return self._condensed(subject, exact=detail == "exact")

    def _condensed(self, subject: Subject, *, exact: bool) -> Compute:
        keys = [row.key for row in subject.rows]
        for fewest, period in REPETITIONS:
            kept, runs = condense(keys, fewest, period)
            measured = self._typical(replace(subject, rows=[subject.rows[index] for index in kept]), runs)
            if subject.switches.pipeline and any(measured.splits_within):
                break
            if not exact or measured.settled:
                left_out = (
                    run.times * splits for run, splits in zip(runs, measured.splits_within, strict=True)
                )
                return Compute(measured.bytes, measured.splits + sum(left_out))
        measured = self._measure(subject)
        return Compute(measured.bytes, measured.splits)

    def _typical(self, subject: Subject, runs: Sequence[Run] = ()) -> "_Measured":
        """The measurement with the heaviest layer of each form in place of all that are built alike."""
        keys = tuple(row.key for row in subject.rows)
        known = (subject.sizing, subject.ground, subject.switches, keys, tuple(runs))
        found = self._measured.get(known)
        if found is None:
            rows = [Row(self._heavy[row.layer.form], row.home, row.moved, row.source) for row in subject.rows]
            found = self._measured[known] = self._measure(replace(subject, rows=rows), runs)
        return found

    def _measure(self, subject: Subject, runs: Sequence[Run] = ()) -> "_Measured":
        ground, switches = subject.ground, subject.switches
        b = Builder(self._model, subject.sizing, ground)
        places = [_place(row) for row in subject.rows]
        places[-1].last = True
        marks: list[int] = []

        def walk() -> Iterator[Place]:
            for place in places:
                marks.append(len(b.g.nodes))
                yield place

        self._build(b, walk())
        cuda = Cuda(ground.gpus)
        scheduler = Scheduler(
            ground.gpus, pipeline=switches.pipeline, op_offload=switches.op_offload, supports=cuda.supports
        )
        schedule = scheduler.run(b.g)
        alignments = (CUDA_ALIGNMENT,) * ground.gpus + (CPU_ALIGNMENT,)
        firsts = {row: b.g.nodes[marks[row]] for run in runs for row in (run.steady, run.leaving)}
        sizes, states = buffer_sizes(schedule, alignments, cuda.size, set(firsts.values()))
        looks = dict(zip(sorted(firsts), states, strict=True))
        starts = set(schedule.starts)
        return _Measured(
            bytes=sizes,
            splits=len(starts),
            splits_within=tuple(
                len(starts.intersection(b.g.nodes[marks[run.steady] : marks[run.leaving]])) for run in runs
            ),
            settled=all(looks[run.leaving] == looks[run.steady] for run in runs),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """splits_within: those that begin in what each run leaves out once. settled: do the buffers look
    the same before and after that, in every run."""

    bytes: tuple[int, ...]
    splits: int
    splits_within: tuple[int, ...]
    settled: bool


def _place(row: Row) -> Place:
    source = None if row.source is None else _place(row.source)
    return Place(row.layer, row.home, dict(row.moved), source=source)
