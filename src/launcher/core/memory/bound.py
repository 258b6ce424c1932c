"""An upper bound of the compute buffers for architectures whose graph is not derived."""

from launcher.core.memory.compute import Compute
from launcher.core.memory.element import F16
from launcher.core.memory.sizing import Sizing
from launcher.core.model import Layer, Model

FLOAT = 4
COPIES = 4
RESIDUALS = 16
"""Hidden states held at once; no graph of build 11160 that was measured holds more than ten."""

INDEXED = 6
"""Tensors held at once that have a score for each head of an indexer, token and cell."""

COPIED = 2
"""Weights of the host that a GPU holds at once."""


def bound(model: Model, sizing: Sizing, gpus: int, *, pipeline: bool, offloading: bool) -> Compute:
    """Bytes that no GPU should exceed, the same for each; made of the terms of known graphs.

    offloading: weights lie on the host, and a GPU may get copies of them.
    """
    copies = COPIES if pipeline else 1
    meta, tokens, vocabulary = model.metadata, sizing.n_tokens, model.n_vocab or 0
    residuals = (RESIDUALS + copies) * tokens * model.n_embd * FLOAT
    residuals *= max(1, meta.integer("hyper_connection.count", 1))
    scored = tokens * sizing.n_ctx_seq * FLOAT
    layer = max((_layer(layer, sizing) for layer in model.layers), default=0)
    layer += INDEXED * meta.integer("attention.indexer.head_count", 0) * scored
    logits = sizing.n_outputs * vocabulary * FLOAT * 2
    device = logits + residuals + copies * scored + layer
    host = residuals + 2 * copies * scored + layer
    if offloading:
        device += COPIED * max(tensor.nbytes for tensor in model.header.tensors)
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
