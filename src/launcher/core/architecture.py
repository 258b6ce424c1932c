"""What a model is, in words and figures: read from its header, never from its name or size."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from launcher.core.errors import failure
from launcher.core.header import Header, HeaderSource, Tensor, TensorTypes
from launcher.core.memory.context import STATE_BYTES
from launcher.core.memory.element import cache_type
from launcher.core.model import Layer, Model, features

AttentionKind = Literal["mha", "gqa", "mqa", "mla"]
TOKENS = 1000
"""The unit of context in which the cost of the cache is told."""

_RECURRENT_WORDS = (
    ("ssm_ba", "DeltaNet"),
    ("ssm_alpha", "DeltaNet"),
    ("ssm_beta", "DeltaNet"),
    ("ssm_x", "Mamba"),
    ("ssm_d", "Mamba-2"),
    ("time_mix_key", "RWKV"),
    ("shortconv_conv", "short convolution"),
)
"""A tensor of a recurrent layer, and the kind of layer that has it; the first that is found counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts:
    """Of the layers that have them: routed experts, those used per token, shared ones, and how
    many layers are dense."""

    routed: int
    used: int
    shared: int
    dense_layers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Layers that attend. `heads` and `heads_kv` are the most that any of them has.

    cached_layers: with a KV cache of their own. window_layers: of those, with a cache of only
    `window` tokens.
    """

    kind: AttentionKind
    heads: int
    heads_kv: int
    cached_layers: int
    window_layers: int
    window: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """Layers that keep a state of fixed size instead of a cache; `state_bytes` of all, per sequence."""

    kind: str
    layers: int
    state_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheCost:
    """Bytes of KV cache with both halves of one type: per 1,000 tokens of context, and what the
    sliding windows take once they are full."""

    cache_type: str
    per_1000_tokens: int
    windows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeShare:
    """Tensors of one type."""

    name: str
    tensors: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A model. header: where its header came from. active_parameters: those that one token goes
    through, without the routed experts that it does not use and without MTP blocks. quantization:
    the largest share first."""

    architecture: str
    name: str | None
    header: HeaderSource
    file_bytes: int
    parameters: int
    active_parameters: int
    layers: int
    mtp_layers: int
    embedding_length: int
    vocabulary: int | None
    context_length: int
    experts: Experts | None
    attention: Attention | None
    recurrence: Recurrence | None
    quantization: tuple[TypeShare, ...]
    cache: tuple[CacheCost, ...]
    features: tuple[str, ...]


def describe(header: Header, types: TensorTypes) -> Architecture:
    """What the model of `header` is. Raises LauncherError if it is no language model, or lacks a
    key that the engine needs."""
    kind = header.metadata.get("general.type", "model")
    if kind != "model" or header.architecture == "clip":
        raise failure(
            f"this GGUF file is no language model: general.type is {kind}, "
            f"general.architecture {header.architecture}"
        )
    model = Model.of(header)
    return Architecture(
        architecture=model.architecture,
        name=_printable(model.name),
        header=header.source,
        file_bytes=header.file_bytes,
        parameters=sum(tensor.elements for tensor in header.tensors),
        active_parameters=_active_parameters(model),
        layers=model.n_layer,
        mtp_layers=model.nextn_layers,
        embedding_length=model.n_embd,
        vocabulary=model.n_vocab,
        context_length=model.n_ctx_train,
        experts=_experts(model),
        attention=_attention(model),
        recurrence=_recurrence(model),
        quantization=_quantization(header, types),
        cache=tuple(_cache_cost(model, name) for name in ("f16", "q8_0")),
        features=features(model),
    )


def _printable(name: str | None) -> str | None:
    """`name` without the control characters with which a file could write to the terminal."""
    return None if name is None else "".join(filter(str.isprintable, name))


def _cached(model: Model) -> tuple[Layer, ...]:
    return tuple(layer for layer in model.layers if layer.cached)


def _active_parameters(model: Model) -> int:
    shared = sum(tensor.elements for tensor in model.tensors.values())
    return shared + sum(
        _active_elements(layer, model.experts) for layer in model.layers if not layer.predicts
    )


def _active_elements(layer: Layer, experts: int) -> int:
    share = Fraction(layer.experts_used, experts) if experts else Fraction(1)
    return int(
        sum(
            tensor.elements * (share if _is_routed(name, tensor, experts) else 1)
            for name, tensor in layer.tensors.items()
        )
    )


def _is_routed(name: str, tensor: Tensor, experts: int) -> bool:
    """Whether a layer's tensor holds one slice for each routed expert."""
    return experts > 0 and "_exps." in name and tensor.shape[-1] == experts


def _experts(model: Model) -> Experts | None:
    if not model.moe:
        return None
    blocks = [layer for layer in model.layers if not layer.predicts]
    routed = [layer for layer in blocks if any("_exps." in name for name in layer.tensors)]
    shares = any("_shexp." in name for layer in routed for name in layer.tensors)
    return Experts(
        routed=model.experts,
        used=model.experts_used,
        shared=model.experts_shared or int(shares),
        dense_layers=sum(layer not in routed and _has_feed_forward(layer) for layer in blocks),
    )


def _has_feed_forward(layer: Layer) -> bool:
    return any(name.startswith("ffn_down") for name in layer.tensors)


def _attention(model: Model) -> Attention | None:
    layers = _cached(model)
    if not layers:
        return None
    windowed = sum(layer.windowed for layer in layers)
    return Attention(
        kind="mla" if model.mla else _attention_kind(layers),
        heads=max(layer.heads for layer in layers),
        heads_kv=max(layer.heads_kv for layer in layers),
        cached_layers=len(layers),
        window_layers=windowed,
        window=model.window if windowed else 0,
    )


def _attention_kind(layers: Sequence[Layer]) -> AttentionKind:
    if all(layer.heads == layer.heads_kv for layer in layers):
        return "mha"
    return "mqa" if all(layer.heads_kv == 1 for layer in layers) else "gqa"


def _recurrence(model: Model) -> Recurrence | None:
    layers = [layer for layer in model.layers if layer.recurrent and not layer.predicts]
    if not layers:
        return None
    roots = {name.split(".")[0] for layer in layers for name in layer.tensors}
    words = (word for tensor, word in _RECURRENT_WORDS if tensor in roots)
    return Recurrence(
        kind=next(words, "recurrent"),
        layers=len(layers),
        state_bytes=len(layers) * sum(model.states) * STATE_BYTES,
    )


def _quantization(header: Header, types: TensorTypes) -> tuple[TypeShare, ...]:
    tensors: Counter[int] = Counter(tensor.type for tensor in header.tensors)
    nbytes: Counter[int] = Counter()
    for tensor in header.tensors:
        nbytes[tensor.type] += tensor.nbytes
    return tuple(
        TypeShare(name=types[kind].name, tensors=tensors[kind], bytes=amount)
        for kind, amount in nbytes.most_common()
    )


def _cache_cost(model: Model, name: str) -> CacheCost:
    kind = cache_type(name)

    def token_bytes(layers: Iterator[Layer]) -> int:
        widths = ((each.key_width, 0 if model.mla else each.value_width, each.indexed) for each in layers)
        return sum(kind.nbytes(width) for each in widths for width in each)

    layers = _cached(model)
    return CacheCost(
        cache_type=name,
        per_1000_tokens=TOKENS * token_bytes(each for each in layers if not each.windowed),
        windows=model.window * token_bytes(each for each in layers if each.windowed),
    )
