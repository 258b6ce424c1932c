"""A placement said with settings: how many layers on each GPU, and which experts on the host."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Self

from launcher.core.fit import Placement

_EXPERTS = r"blk\.{}\.ffn_(up|down|gate_up|gate)_(ch|)exps=CPU"
_LAYER = r"blk\.{}\.=CPU"
_OUTPUT = r"^output\.weight=CPU"
_EXPERTS_OF = re.compile(r"blk\\\.(\d+)\\\.ffn_\(up\|down\|gate_up\|gate\)_\(ch\|\)exps")
_LAYER_OF = re.compile(r"blk\\\.(\d+)\\\.")
KEYS = ("FIT", "N_GPU_LAYERS", "TENSOR_SPLIT", "OVERRIDE_TENSOR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """counts: layers per GPU, the output layer on the last one; layers before them are the host's.

    total: layers of the model, output included. offloaded: layers with their experts on the host.
    emptied: layers with all their weights there, while their cache stays on the GPU. partial:
    (pattern, buffer type) of single tensors that a fit put elsewhere. unpiped: an override that
    changes nothing but turns pipeline parallelism off.
    """

    counts: tuple[int, ...]
    total: int
    offloaded: frozenset[int] = frozenset()
    emptied: frozenset[int] = frozenset()
    partial: tuple[tuple[str, str], ...] = ()
    unpiped: bool = False

    @classmethod
    def of(cls, placement: Placement, total: int) -> Self | None:
        """The layout of a placement; None when the engine didn't say where the layers are."""
        counts = tuple(line.layers for line in placement.fitted.gpus if line.layers is not None)
        if not counts or len(counts) != len(placement.fitted.gpus):
            return None
        offloaded, partial = set(), []
        for pattern, buffer in placement.overrides:
            match = _EXPERTS_OF.fullmatch(pattern)
            if match and buffer == "CPU":
                offloaded.add(int(match[1]))
            else:
                partial.append((pattern, buffer))
        return cls(counts=counts, total=total, offloaded=frozenset(offloaded), partial=tuple(partial))

    @property
    def first(self) -> int:
        """Index of the first layer on a GPU."""
        return self.total - sum(self.counts)

    @property
    def is_piped(self) -> bool:
        """Whether the engine turns pipeline parallelism on: all layers on several GPUs, and not one
        override (src/llama-context.cpp, build 11160)."""
        overridden = self.unpiped or self.offloaded or self.emptied or self.partial
        return len(self.counts) > 1 and self.first == 0 and not overridden

    def on_device(self, device: int) -> range:
        """Layers on a GPU, the output layer left out."""
        ends = list(accumulate(self.counts, initial=self.first))
        return range(ends[device], min(ends[device + 1], self.total - 1))

    def shifted(self, source: int, target: int, count: int = 1) -> Self | None:
        """`count` layers moved between GPUs; None when there are not so many."""
        if self.counts[source] < count:
            return None
        counts = list(self.counts)
        counts[source] -= count
        counts[target] += count
        return self._with(counts)

    def resized(self, device: int, count: int) -> Self | None:
        """`count` layers more on a GPU, taken from the host (negative: given to it)."""
        counts = list(self.counts)
        counts[device] += count
        if counts[device] < 0 or not 0 <= sum(counts) <= self.total:
            return None
        return self._with(counts)

    def _with(self, counts: Sequence[int]) -> Self:
        """Another split; tensors that a fit had put on the next GPU go home again."""
        host = tuple(pair for pair in self.partial if pair[1] == "CPU")
        return replace(self, counts=tuple(counts), partial=host)

    def with_experts_on_host(self, layers: Sequence[int]) -> Self:
        """The experts of these layers on the host, too."""
        return replace(self, offloaded=self.offloaded.union(layers))

    def with_experts_home(self, layers: Sequence[int]) -> Self:
        """The experts of these layers on the GPU of their layer."""
        return replace(self, offloaded=self.offloaded.difference(layers))

    def with_emptied(self, layers: Sequence[int]) -> Self:
        """All weights of these layers on the host, too; `total` - 1 is the output layer."""
        return replace(self, emptied=self.emptied.union(layers))

    def with_refilled(self, layers: Sequence[int]) -> Self:
        """The weights of these layers back on their GPU; experts that were on the host stay there."""
        return replace(self, emptied=self.emptied.difference(layers))

    def without_partial(self) -> Self:
        """Whole layers only: a layer that was in parts on the host has all its experts there."""
        layers = {int(match[1]) for pattern, buffer in self.partial if buffer == "CPU"
                  if (match := _LAYER_OF.match(pattern))}  # fmt: skip
        return replace(self, partial=(), offloaded=self.offloaded | layers)

    def __str__(self) -> str:
        parts = [f"layers {' + '.join(map(str, self.counts))}"]
        if self.offloaded:
            parts.append(f"experts of {len(self.offloaded)} on the host")
        if self.emptied:
            parts.append(f"all weights of {len(self.emptied)} on the host")
        if self.partial:
            parts.append(f"{len(self.partial)} in part elsewhere")
        return ", ".join(parts)

    def environment(self) -> dict[str, str | None]:
        """The keys that say it. The fit is off: it would give up, as all is said."""
        return {
            "FIT": "off",
            "N_GPU_LAYERS": str(sum(self.counts)),
            "TENSOR_SPLIT": ",".join(map(str, self.counts)) if len(self.counts) > 1 else None,
            "OVERRIDE_TENSOR": ",".join(self._overrides()) or None,
        }

    def _overrides(self) -> Iterator[str]:
        yield from (f"{pattern}={buffer}" for pattern, buffer in self.partial)
        yield from (_EXPERTS.format(layer) for layer in sorted(self.offloaded - self.emptied))
        for layer in sorted(self.emptied):
            yield _LAYER.format(layer) if layer < self.total - 1 else _OUTPUT
        if self.unpiped:
            yield f"output_norm\\.weight=CUDA{len(self.counts) - 1}"
