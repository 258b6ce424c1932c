"""What a projector for images or sound takes beside the model (``tools/mtmd/clip.cpp``, build 11160)."""

from launcher.core.header import Header
from launcher.core.ledger import NO_USAGE, Usage
from launcher.core.units import MIB

ASSUMED = 1024 * MIB
"""Least bytes of compute buffers where no formula is derived."""

FLOAT = 4
WARMUP_TOKENS = 46 * 46
"""Tokens of the image that buffers are made for, where the projector merges patches."""
_FLASH_HEADS = frozenset({40, 64, 72, 80, 96, 112, 128, 256})
_FIXED, _MERGED = "gemma3", "qwen3vl_merger"
DERIVED = frozenset({_FIXED, _MERGED})
"""Kinds of projectors whose buffers are those of the engine, or a little above them."""


def projector_usage(header: Header | None, *, flash: bool) -> Usage:
    """Weights and compute buffers of a projector; flash: the profile leaves flash attention on."""
    if header is None:
        return NO_USAGE
    weights = sum(tensor.nbytes for tensor in header.tensors)
    found = _compute(header, flash=flash)
    return Usage(model=weights, compute=found if derived(header) else max(found, ASSUMED))


def derived(header: Header) -> bool:
    """Are the projector's compute buffers more than assumed."""
    return header.metadata.get("clip.projector_type") in DERIVED


def _compute(header: Header, *, flash: bool) -> int:
    """Of a vision transformer: its widest layer, or the scores of attention without flash attention.

    The feed-forward block holds its inner products beside three hidden states. Scores of all heads
    lie beside eight: Q, K and V, what they were made of, and what comes after.
    """
    embd, heads, inner, patches = (
        _integer(header, "embedding_length"),
        _integer(header, "attention.head_count"),
        _integer(header, "feed_forward_length"),
        _patches(header),
    )
    hidden = patches * embd * FLOAT
    widest = patches * inner * FLOAT + 3 * hidden
    if flash and heads and embd // heads in _FLASH_HEADS:
        return widest
    return max(widest, heads * patches**2 * FLOAT + 8 * hidden)


def _patches(header: Header) -> int:
    """Patches of the image that buffers are made for (``warmup_image_size``)."""
    side = _integer(header, "image_size") // max(_integer(header, "patch_size"), 1)
    if header.metadata.get("clip.projector_type") == _FIXED:
        return side**2
    merge = _integer(header, "spatial_merge_size") or 2
    return max(0 if derived(header) else side**2, WARMUP_TOKENS * merge**2)


def _integer(header: Header, key: str) -> int:
    value = header.metadata.get(f"clip.vision.{key}", 0)
    return value if isinstance(value, int) and 0 <= value < 1 << 20 else 0
