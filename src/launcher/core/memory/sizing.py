"""What llama_context derives from the settings (``src/llama-context.cpp``, build 11160)."""

from dataclasses import dataclass

from launcher.core.memory.element import Element, cache_type
from launcher.core.model import Model
from launcher.core.settings import Settings
from launcher.core.units import pad

CONTEXT_PAD = 256

GOING_BACK = frozenset(
    {
        "kimi-k3", "qwen35", "qwen35moe", "qwen4exp", "deepseek4", "nemotron_h", "nemotron_h_moe", "lfm2",
        "lfm2moe", "bailingmoe3",
    }
)  # fmt: skip
"""Architectures whose states can be rolled back (``llm_arch_supports_rs_rollback``)."""

MOST_TOKENS = 2**32 - 1
"""The engine counts tokens in 32 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """Context parameters after the engine's rounding.

    n_ctx: tokens in all sequences. n_ctx_seq: cells per stream. n_tokens: tokens of the largest
    graph (a micro-batch), a multiple of n_seqs. n_outputs: rows of logits in it. snapshots:
    recurrent states of each sequence kept beside its newest.
    """

    n_ctx: int
    n_ctx_seq: int
    n_seqs: int
    n_streams: int
    n_batch: int
    n_ubatch: int
    n_tokens: int
    n_outputs: int
    flash: bool
    snapshots: int
    key: Element
    value: Element

    @classmethod
    def of(cls, model: Model, settings: Settings, n_ctx: int) -> "Sizing":
        """The sizing for `n_ctx` tokens, 0 for the model's own context."""
        n_seqs = max(1, settings.n_seq_max)
        asked = n_ctx or model.n_ctx_train
        n_batch = min(asked, settings.n_batch)
        n_ubatch = min(n_batch, settings.n_ubatch or n_batch)
        total, per_stream = _context(asked, n_seqs, settings.unified)
        n_tokens = pad(min(total, n_ubatch), n_seqs)
        most = n_batch if settings.n_outputs is None else settings.n_outputs
        return cls(
            n_ctx=total,
            n_ctx_seq=per_stream,
            n_seqs=n_seqs,
            n_streams=1 if settings.unified else n_seqs,
            n_batch=n_batch,
            n_ubatch=n_ubatch,
            n_tokens=n_tokens,
            n_outputs=min(total, n_ubatch, most),
            flash=settings.flash_attention != "off",
            snapshots=settings.drafting.snapshots if model.architecture in GOING_BACK else 0,
            key=cache_type(settings.cache_type_k),
            value=cache_type(settings.cache_type_v),
        )


def unset_context(model: Model, settings: Settings) -> int:
    """Tokens that the fit begins with where none are set: the model's own for each sequence."""
    return min(model.n_ctx_train * max(1, settings.n_seq_max), MOST_TOKENS)


def _context(asked: int, n_seqs: int, unified: bool) -> tuple[int, int]:
    total = pad(asked, CONTEXT_PAD)
    if unified:
        return total, total
    per_stream = pad(total // n_seqs, CONTEXT_PAD)
    return per_stream * n_seqs, per_stream
