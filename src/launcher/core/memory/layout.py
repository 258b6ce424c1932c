"""Where the layers and tensors of a model lie: what the engine decides before it loads."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from struct import pack, unpack

from launcher.core.errors import misuse
from launcher.core.model import Layer, Model

HOST = -1
"""Device index of host memory."""

Exceptions = tuple[tuple[str, int], ...]
"""Tensors of a layer that don't lie on its home: (name within the block, device)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`homes[il]`: device of layer il (``HOST`` for the host), the output last.

    exceptions[il]: tensors of layer il elsewhere. common: tensors outside the layers elsewhere.
    overridden: at least one override was given (pipeline parallelism is then off).
    offloaded: layers that were asked onto GPUs, the output counted as one.
    """

    homes: tuple[int, ...]
    exceptions: tuple[Exceptions, ...]
    common: Exceptions = ()
    overridden: bool = False
    offloaded: int

    @property
    def full_offload(self) -> bool:
        """All layers and the output were asked onto GPUs."""
        return self.offloaded >= len(self.homes)

    @property
    def may_offload(self) -> bool:
        """Weights besides the token embedding may lie on the host."""
        return self.overridden or not self.full_offload


def homes(n_layer_all: int, n_gpu_layers: int, proportions: Sequence[float]) -> tuple[int, ...]:
    """Device of each layer and of the output, for that many layers on GPUs in these proportions.

    Layers fill from the back; the share of each device is cumulative and compared in single
    precision, as the engine does (``load_tensors``).
    """
    return _homes(n_layer_all, n_gpu_layers, tuple(proportions))


@lru_cache(maxsize=256)
def _homes(n_layer_all: int, n_gpu_layers: int, proportions: tuple[float, ...]) -> tuple[int, ...]:
    offloaded = min(n_gpu_layers, n_layer_all + 1) if proportions else 0
    first = max(n_layer_all + 1 - n_gpu_layers, 0)
    sums = list(accumulate((single(share) for share in proportions), lambda a, b: single(a + b)))
    bounds = [single(bound / sums[-1]) for bound in sums] if sums and sums[-1] else []
    return tuple(
        HOST
        if il < first or il - first >= offloaded
        else bisect_right(bounds, single((il - first) / offloaded))
        for il in range(n_layer_all + 1)
    )


def single(number: float) -> float:
    """`number` rounded to single precision."""
    return float(unpack("f", pack("f", number))[0])


def override_target(buffer: str) -> int:
    """Device of a buffer type as ``-ot`` names it: ``CPU``, ``CUDA_Host`` or ``CUDA1``."""
    match = re.fullmatch(r"(?:CUDA|ROCm|Vulkan|SYCL)(\d+)", buffer)
    if match:
        return int(match[1])
    if buffer in {"CPU", "CUDA_Host"}:
        return HOST
    raise misuse(f"unknown buffer type {buffer!r} in an override", hint="CPU, CUDA0, CUDA1, ...")


def exceptions_of(
    model: Model, overrides: Sequence[tuple[str, str]]
) -> tuple[tuple[Exceptions, ...], Exceptions]:
    """Tensors that overrides move, per layer and outside the layers; the first match counts."""
    rules = [(re.compile(pattern), override_target(buffer)) for pattern, buffer in overrides]

    def target(name: str) -> int | None:
        return next((device for pattern, device in rules if pattern.search(name)), None)

    def moved(layer: Layer, il: int) -> Exceptions:
        found = ((suffix, target(f"blk.{il}.{suffix}")) for suffix in layer.tensors)
        return tuple((suffix, device) for suffix, device in found if device is not None)

    if not rules:
        return ((),) * model.n_layer_all, ()
    found = ((name, target(name)) for name in model.tensors)
    common = tuple((name, device) for name, device in found if device is not None)
    return tuple(moved(layer, il) for il, layer in enumerate(model.layers)), common
