"""What llama.cpp logs about each model that it loads (src/llama-model.cpp, src/llama-context.cpp,
common/fit.cpp, tools/mtmd/clip.cpp, build 11160). Its fit loads a model many times before the load that
counts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from launcher.core.logs.breakdown import HEADER, Row, read_row
from launcher.core.logs.lines import plain_lines
from launcher.core.units import MIB

Part = Literal["model", "context", "compute"]

_PARTS: Mapping[str, Part] = {"model": "model", "KV": "context", "RS": "context", "compute": "compute"}
_NEW_MODEL = "loaded meta data with"
_NEW_CONTEXT = "constructing llama_context"
_PIPELINE = "pipeline parallelism enabled"
_FIT_IS_OVER = "fitting params to free memory took"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device that the engine uses: `gpu` is its name, `free` bytes before the load."""

    name: str
    gpu: str
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """One buffer; `place` is its type (``CUDA0``, ``CUDA_Host``, ``CPU_Mapped``)."""

    place: str
    part: Part
    nbytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the log says of one load; what it doesn't say is None or empty.

    layers: home of each layer, the output layer last. overridden: layers with tensors in host
    memory, whatever their home. offloaded: layers on GPUs, and layers in all, the output layer
    counted. n_ctx: of all sequences together. splits: of the prompt graph, and of the generation
    graph. rows: the memory table. after_fit: the engine's fit was over when the load began.
    """

    after_fit: bool = False
    devices: tuple[Device, ...] = ()
    layers: tuple[str, ...] = ()
    overridden: frozenset[int] = frozenset()
    offloaded: tuple[int, int] | None = None
    buffers: tuple[Buffer, ...] = ()
    n_ctx: int | None = None
    splits: tuple[int, int] | None = None
    pipeline: bool = False
    rows: tuple[Row, ...] = ()


def is_read(line: str) -> bool:
    """Whether `read_loads` takes anything from `line`."""
    return any(mark in line for mark in _MARKS)


def read_loads(log: str) -> tuple[Load, ...]:
    """The loads in `log`, oldest first."""
    reader = _Reader()
    for line in plain_lines(log):
        reader.read(line)
    reader.finish()
    return tuple(reader.loads)


@dataclass(slots=True)
class _Draft:
    """A load as far as it has been read."""

    devices: list[Device] = field(default_factory=list)
    layers: dict[int, str] = field(default_factory=dict)
    overridden: set[int] = field(default_factory=set)
    offloaded: tuple[int, int] | None = None
    held: list[Buffer] = field(default_factory=list)
    compute: dict[tuple[int, str], Buffer] = field(default_factory=dict)
    projector_place: str | None = None
    projector: dict[tuple[Part, str], Buffer] = field(default_factory=dict)
    contexts: int = 0
    n_ctx: int | None = None
    splits: tuple[int, int] | None = None
    pipeline: bool = False
    rows: list[Row] = field(default_factory=list)


class _Reader:
    """Reads line after line; a load ends where the next one begins."""

    def __init__(self) -> None:
        self.loads: list[Load] = []
        self._draft = _Draft()
        self._after_fit = False

    def read(self, line: str) -> None:
        if _FIT_IS_OVER in line:
            self.finish()
            self._after_fit = True
        elif _NEW_MODEL in line or (HEADER in line and self._draft.rows):
            self.finish()
        elif _NEW_CONTEXT in line:
            self._draft.contexts += 1
        elif _PIPELINE in line:
            self._draft.pipeline = True
        elif row := read_row(line):
            self._draft.rows.append(row)
        else:
            self._match(line)

    def _match(self, line: str) -> None:
        for mark, pattern, take in _PATTERNS:
            if mark in line and (match := pattern.search(line)):
                take(self._draft, match)
                return

    def finish(self) -> None:
        """Close the load that is being read."""
        draft, self._draft = self._draft, _Draft()
        if draft == _Draft():
            return
        load = Load(
            after_fit=self._after_fit,
            devices=tuple(draft.devices),
            layers=tuple(draft.layers[index] for index in sorted(draft.layers)),
            overridden=frozenset(draft.overridden),
            offloaded=draft.offloaded,
            buffers=(*draft.held, *draft.compute.values(), *draft.projector.values()),
            n_ctx=draft.n_ctx,
            splits=draft.splits,
            pipeline=draft.pipeline,
            rows=tuple(draft.rows),
        )
        self.loads.append(load)


def _take_device(draft: _Draft, match: re.Match[str]) -> None:
    draft.devices.append(Device(name=match[1], gpu=match[2], free=int(match[3]) * MIB))


def _take_layer(draft: _Draft, match: re.Match[str]) -> None:
    draft.layers[int(match[1])] = match[2]


def _take_overridden(draft: _Draft, match: re.Match[str]) -> None:
    draft.overridden.add(int(match[1]))


def _take_offloaded(draft: _Draft, match: re.Match[str]) -> None:
    draft.offloaded = int(match[1]), int(match[2])


def _take_buffer(draft: _Draft, match: re.Match[str]) -> None:
    """A compute buffer is announced again when the graph is reserved again; the last one stays."""
    buffer = Buffer(place=match[1], part=_PARTS[match[2]], nbytes=round(float(match[3]) * MIB))
    if buffer.part == "compute":
        draft.compute[draft.contexts, buffer.place] = buffer
    else:
        draft.held.append(buffer)


def _take_projector_place(draft: _Draft, match: re.Match[str]) -> None:
    draft.projector_place = match[1]


def _take_projector_weights(draft: _Draft, match: re.Match[str]) -> None:
    """Once, though one file may hold an encoder for images and one for sound."""
    if draft.projector_place is not None:
        _take_projector(draft, draft.projector_place, "model", match[1])


def _take_projector_compute(draft: _Draft, match: re.Match[str]) -> None:
    _take_projector(draft, match[1], "compute", match[2])


def _take_projector(draft: _Draft, place: str, part: Part, mib: str) -> None:
    draft.projector[part, place] = Buffer(place=place, part=part, nbytes=round(float(mib) * MIB))


def _take_n_ctx(draft: _Draft, match: re.Match[str]) -> None:
    if draft.n_ctx is None:
        draft.n_ctx = int(match[1])


def _take_splits(draft: _Draft, match: re.Match[str]) -> None:
    if draft.contexts <= 1:
        draft.splits = int(match[1]), int(match[2] or match[1])


_PATTERNS: tuple[tuple[str, re.Pattern[str], Callable[[_Draft, re.Match[str]], None]], ...] = (
    (
        "overridden to",
        re.compile(r"tensor blk\.(\d+)\.\S+ \(.*\) buffer type overridden to (?:CPU|\S+_Host)\b"),
        _take_overridden,
    ),
    ("assigned to", re.compile(r"layer +(\d+) assigned to device (\S+?),"), _take_layer),
    ("CLIP using", re.compile(r"CLIP using (\S+) backend"), _take_projector_place),
    ("model size:", re.compile(r"model size: +([\d.]+) MiB"), _take_projector_weights),
    (
        "reserve_compute_meta",
        re.compile(r"reserve_compute_meta: +(\S+) compute buffer size = +([\d.]+) MiB"),
        _take_projector_compute,
    ),
    (
        "buffer size",
        re.compile(r"(\S+) (model|KV|RS|compute) buffer size = +([\d.]+) MiB"),
        _take_buffer,
    ),
    ("splits =", re.compile(r"splits = (\d+)(?: / (\d+))?"), _take_splits),
    ("n_ctx ", re.compile(r"llama_context: n_ctx +=\s*(\d+)"), _take_n_ctx),
    (
        "using device",
        re.compile(r"using device (\S+) \((.*)\) \(\S+\) - (\d+) MiB free"),
        _take_device,
    ),
    ("offloaded", re.compile(r"offloaded (\d+)/(\d+) layers to GPU"), _take_offloaded),
)

_MARKS = (
    _NEW_MODEL,
    _NEW_CONTEXT,
    _PIPELINE,
    _FIT_IS_OVER,
    HEADER,
    "|   - ",
    *(mark for mark, *_ in _PATTERNS),
)
