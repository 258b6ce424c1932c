"""Which layers attend through a sliding window: llama.cpp's loaders (``src/models/*.cpp``, build 11160)."""

from dataclasses import dataclass
from typing import Literal

from launcher.core.model.metadata import Metadata

WindowKind = Literal["none", "standard", "chunked", "symmetric"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """`size` in tokens and `layers[il]`: does layer il keep only a window of the cache."""

    kind: WindowKind = "none"
    size: int = 0
    layers: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """How a loader finds its window layers when the header has no array of them.

    period: every period-th layer is full (0: none is); dense_first: the first of each period is.
    always: windows even without a size in the header, then `size`.
    """

    period: int = 0
    dense_first: bool = False
    always: bool = False
    size: int = 0
    fixed_size: bool = False
    kind: WindowKind = "standard"


_RULES = {
    "afmoe": _Rule(period=4),
    "cohere2": _Rule(period=4, always=True),
    "cohere2moe": _Rule(period=4, dense_first=True, always=True),
    "exaone-moe": _Rule(period=4, always=True, size=128),
    "gemma2": _Rule(period=2, always=True, size=4096),
    "gemma3": _Rule(period=6),
    "gemma3n": _Rule(period=5, always=True),
    "gemma4": _Rule(always=True),
    "gemma-embedding": _Rule(period=6, always=True, kind="symmetric"),
    "gpt-oss": _Rule(period=2, always=True),
    "granite_swa": _Rule(always=True),
    "laguna": _Rule(period=4, dense_first=True),
    "lfm2": _Rule(),
    "llama4": _Rule(period=4, always=True, size=8192, fixed_size=True, kind="chunked"),
    "maple": _Rule(always=True),
    "mellum": _Rule(period=4),
    "mimo2": _Rule(always=True),
    "modern-bert": _Rule(period=3, dense_first=True, kind="symmetric"),
    "muse-glimmer": _Rule(period=4, always=True),
    "olmo2": _Rule(period=4),
    "plamo3": _Rule(period=8),
    "smallthinker": _Rule(period=4, dense_first=True, size=4096, fixed_size=True),
    "spark2_5": _Rule(always=True),
    "step35": _Rule(always=True),
}


def read_windows(meta: Metadata, n_layer: int, n_layer_all: int) -> Windows:
    """The window layers of a model; layers from `n_layer` on (MTP) are full."""
    rule = _rule(meta.architecture, n_layer)
    if rule is None:
        return Windows(layers=(False,) * n_layer_all)
    size = meta.optional("attention.sliding_window")
    if (not rule.always and not size) or (meta.architecture == "llama4" and size == 0):
        return Windows(layers=(False,) * n_layer_all)
    window = rule.size if rule.fixed_size else (size if size is not None else rule.size)
    return Windows(kind=rule.kind, size=window, layers=_layers(meta, rule, n_layer, n_layer_all))


def _rule(architecture: str, n_layer: int) -> _Rule | None:
    if architecture == "exaone4":
        return _Rule(period=4, always=True, size=4096) if n_layer == 64 else None
    return _RULES.get(architecture)


def _layers(meta: Metadata, rule: _Rule, n_layer: int, n_layer_all: int) -> tuple[bool, ...]:
    listed = meta.array("attention.sliding_window_pattern")
    if listed is not None:
        return tuple(bool(flag) for flag in listed[:n_layer_all]) + (False,) * (n_layer_all - len(listed))
    period = meta.integer("attention.sliding_window_pattern", rule.period)
    full = 0 if rule.dense_first else period - 1
    windowed = tuple(period == 0 or il % period != full for il in range(n_layer))
    return windowed + (False,) * (n_layer_all - n_layer)
