"""An upper bound of the compute buffers for architectures whose graph is not derived."""

from launcher.core.memory.compute import Compute
from launcher.core.memory.element import F16
from launcher.core.memory.sizing import Sizing
from launcher.core.model import Layer, Model

FLOAT = 4
COPIES = 4
RESIDUALS = 16
"""Hidden states held at once; no graph of build 11160 that was measured holds more than ten."""


def bound(model: Model, sizing: Sizing, gpus: int, *, pipeline: bool) -> Compute:
    """Bytes that no device should exceed, the same for each GPU; made of the terms of known graphs."""
    copies = COPIES if pipeline else 1
    tokens, vocabulary = sizing.n_tokens, model.n_vocab or 0
    hidden = tokens * model.n_embd * FLOAT
    mask = copies * tokens * sizing.n_ctx_seq * FLOAT
    widest = max((_layer(layer, sizing) for layer in model.layers), default=0)
    logits = sizing.n_outputs * vocabulary * FLOAT * 2
    device = logits + (RESIDUALS + copies) * hidden + mask + widest
    host = mask + (RESIDUALS + copies) * hidden
    return Compute((device,) * gpus + (host if gpus else host + device,), 0)


def _layer(layer: Layer, sizing: Sizing) -> int:
    """Scores or f16 copies of the cache, and the widest products of one layer."""
    tokens = sizing.n_tokens
    cells = sizing.n_ctx_seq * sizing.n_streams
    if sizing.flash:
        attention = cells * (layer.key_width + layer.value_width) * F16.block_bytes
    else:
        attention = 2 * layer.heads * sizing.n_ctx_seq * tokens * FLOAT
    wide = max((tensor.shape[1] for tensor in layer.tensors.values() if len(tensor.shape) > 1), default=0)
    return attention + 6 * tokens * wide * max(layer.experts_used, 1) * FLOAT
