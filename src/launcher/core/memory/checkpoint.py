"""Context checkpoints: what the server keeps in host memory to go back in a conversation.

Recurrent states and sliding windows can't be rolled back, so ``create_checkpoint``
(``tools/server/server-context.cpp``, build 11160) copies them to host memory while a prompt is read.
"""

from launcher.core.memory.context import STATE_BYTES
from launcher.core.memory.draft import draft_settings, mtp_block
from launcher.core.memory.sizing import Sizing
from launcher.core.model import Model
from launcher.core.settings import Settings


def checkpoint_bytes(model: Model, settings: Settings, n_ctx: int) -> int:
    """Bytes of one checkpoint of one slot; 0 for a model that needs none.

    The states of one sequence, and of window layers the cells within the window (``state_write`` in
    ``src/llama-memory-recurrent.cpp`` and ``src/llama-kv-cache.cpp``), without some bytes for each
    cell and tensor that say what they are.
    """
    own = _own(model, settings, n_ctx)
    return own + _drafter(model, settings, n_ctx) if own else 0


def _own(model: Model, settings: Settings, n_ctx: int) -> int:
    sizing = Sizing.of(model, settings, n_ctx)
    cells = 0 if settings.swa_full else min(model.window, sizing.n_ctx_seq)
    total = 0
    for layer in model.layers:
        if layer.recurrent and not layer.predicts:
            total += sum(model.states) * STATE_BYTES
        if layer.cached and layer.windowed:
            width = sizing.key.nbytes(layer.key_width)
            total += cells * (width if model.mla else width + sizing.value.nbytes(layer.value_width))
    return total


def _drafter(model: Model, settings: Settings, n_ctx: int) -> int:
    """Of the context that drafts all of a plain cache is copied, however long the conversation is."""
    drafting = settings.drafting
    drafter = drafting.model or (mtp_block(model) if drafting.mtp else None)
    if drafter is None:
        return 0
    own = draft_settings(settings)
    sizing = Sizing.of(drafter, own, n_ctx)
    if drafter.recurrent or drafter.window:
        return _own(drafter, own, n_ctx)
    rows = sum(
        sizing.key.nbytes(layer.key_width) + (0 if drafter.mla else sizing.value.nbytes(layer.value_width))
        for layer in drafter.layers
        if layer.cached
    )
    return rows * sizing.n_ctx_seq
