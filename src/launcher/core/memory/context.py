"""Bytes of KV caches and recurrent states (``llama_kv_cache*``, ``llama_memory_recurrent``, build 11160)."""

from collections.abc import Sequence

from launcher.core.memory.element import Element
from launcher.core.memory.layout import HOST
from launcher.core.memory.sizing import CONTEXT_PAD, Sizing
from launcher.core.memory.weights import CPU_ALIGNMENT, CUDA_ALIGNMENT, row_padding
from launcher.core.model import Layer, Model
from launcher.core.settings import Settings
from launcher.core.units import pad

STATE_BYTES = 4
"""Recurrent states are kept in f32."""


def window_cells(model: Model, sizing: Sizing, settings: Settings) -> int:
    """Cells per stream of a sliding-window cache: the window and one micro-batch, padded to 256."""
    if settings.swa_full:
        return sizing.n_ctx_seq
    sequences = sizing.n_seqs if settings.unified else 1
    return pad(min(sizing.n_ctx_seq, model.window * sequences + sizing.n_ubatch), CONTEXT_PAD)


def layer_cells(model: Model, layer: Layer, sizing: Sizing, settings: Settings) -> int:
    """Cells per stream of this layer's cache."""
    return window_cells(model, sizing, settings) if layer.windowed else sizing.n_ctx_seq


def context_bytes(
    model: Model, sizing: Sizing, settings: Settings, homes: Sequence[int], gpus: int
) -> tuple[int, ...]:
    """Bytes per device, GPUs in order and the host last; caches lie where their layer does."""
    sums = [0] * (gpus + 1)
    widest = max((layer.value_width for layer in model.layers), default=0)
    known: dict[tuple[int, int], int] = {}
    for layer, home in zip(model.layers, homes, strict=False):
        device = home if settings.kv_offload else HOST
        size = known.get((layer.form, device))
        if size is None:
            cells = layer_cells(model, layer, sizing, settings) * sizing.n_streams
            size = known[layer.form, device] = _layer(model, layer, sizing, cells, widest, device)
        sums[device] += size
    return tuple(sums)


def _layer(model: Model, layer: Layer, sizing: Sizing, cells: int, widest: int, device: int) -> int:
    """Bytes of the caches and states of one layer, the same for all of its form."""
    total = 0
    if layer.cached:
        values = layer.value_width if sizing.flash else widest
        total += _cache(sizing.key, layer.key_width, cells, device)
        if not model.mla:
            total += _cache(sizing.value, values, cells, device)
    if layer.indexed:
        total += _cache(sizing.key, layer.indexed, sizing.n_ctx_seq * sizing.n_streams, device)
    if layer.recurrent and not layer.predicts:
        rows = sizing.n_seqs * (1 + sizing.snapshots)
        total += sum(_state(elements * rows, device) for elements in model.states)
    return total


def _cache(kind: Element, width: int, cells: int, device: int) -> int:
    size = kind.nbytes(width) * cells
    if device == HOST:
        return pad(size, CPU_ALIGNMENT)
    return pad(size + row_padding(kind.number, width, kind.nbytes(width), width), CUDA_ALIGNMENT)


def _state(elements: int, device: int) -> int:
    return pad(elements * STATE_BYTES, CPU_ALIGNMENT if device == HOST else CUDA_ALIGNMENT)
