"""Which layers carry a recurrent state, and how large it is (``src/llama-hparams.cpp``, build 11160)."""

from dataclasses import dataclass

from launcher.core.errors import failure
from launcher.core.model.heads import Heads
from launcher.core.model.metadata import Metadata

RECURRENT = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
_BY_HEADS = frozenset(
    {"jamba", "granitehybrid", "plamo2", "lfm2", "lfm2moe", "kimi-linear", "kimi-k3", "bailingmoe3"}
)
_BY_INTERVAL = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4, "qwen4exp": 4, "minimax-01": 8}
_NEMOTRON = frozenset({"nemotron_h", "nemotron_h_moe"})
_BOTH = frozenset({"falcon-h1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSpace:
    """The ``ssm.*`` keys; zeros where the architecture has none."""

    conv: int = 0
    inner: int = 0
    state: int = 0
    rank: int = 0
    groups: int = 0
    shortconv: int = 0
    kda_head: int = 0
    wkv_head: int = 0
    token_shift: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """`layers[il]`: does layer il keep a state; `attends[il]`: does it keep a KV cache.

    conv_elements and state_elements: f32 values per sequence and layer (llama.cpp's R and S).
    """

    layers: tuple[bool, ...]
    attends: tuple[bool, ...]
    space: StateSpace
    conv_elements: int
    state_elements: int


def read_state_space(meta: Metadata) -> StateSpace:
    """The state-space keys of the header."""
    return StateSpace(
        conv=meta.integer("ssm.conv_kernel", 0),
        inner=meta.integer("ssm.inner_size", 0),
        state=meta.integer("ssm.state_size", 0),
        rank=meta.integer("ssm.time_step_rank", 0),
        groups=meta.integer("ssm.group_count", 0),
        shortconv=meta.integer("shortconv.l_cache", 0),
        kda_head=meta.integer("kda.head_dim", 0),
        wkv_head=meta.integer("wkv.head_size", 0),
        token_shift=meta.integer("token_shift_count", 2),
    )


def read_recurrence(
    meta: Metadata,
    n_layer: int,
    n_layer_all: int,
    n_embd: int,
    heads: Heads,
) -> Recurrence:
    """Recurrent and attending layers of a model and the size of its state."""
    layers, attends = _kinds(meta, n_layer, n_layer_all, heads)
    space = read_state_space(meta)
    head_la = meta.integer("attention.key_length", 0) if meta.architecture == "minimax-01" else 0
    return Recurrence(
        layers=layers,
        attends=attends,
        space=space,
        conv_elements=_conv_elements(space, n_embd, heads.query[0]),
        state_elements=_state_elements(space, n_embd, heads.query[0], head_la),
    )


def _kinds(
    meta: Metadata, n_layer: int, n_layer_all: int, heads: Heads
) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    name, indices = meta.architecture, range(n_layer_all)
    if name in RECURRENT:
        return (True,) * n_layer_all, (False,) * n_layer_all
    if name in _BOTH:
        return (True,) * n_layer_all, (True,) * n_layer_all
    if name in _NEMOTRON:
        idle = [heads.feed_forward[il] == 0 and il < n_layer for il in indices]
        recurrent = tuple(idle[il] and heads.key_value[il] == 0 for il in indices)
        return recurrent, tuple(idle[il] and not recurrent[il] for il in indices)
    if name in _BY_HEADS:
        recurrent = tuple(il < n_layer and heads.key_value[il] == 0 for il in indices)
        return recurrent, tuple(not flag for flag in recurrent)
    if name in _BY_INTERVAL:
        recurrent = _by_interval(meta, n_layer, n_layer_all)
        return recurrent, tuple(il < n_layer and not recurrent[il] for il in indices)
    return (False,) * n_layer_all, (True,) * n_layer_all


def _by_interval(meta: Metadata, n_layer: int, n_layer_all: int) -> tuple[bool, ...]:
    name = "attention.recurrent_layers"
    if meta.array(name) is not None:
        listed = meta.per_layer(name, n_layer, 0)
        return tuple(map(bool, listed)) + (False,) * (n_layer_all - n_layer)
    interval = meta.integer("full_attention_interval", _BY_INTERVAL[meta.architecture])
    if interval == 0:
        raise failure(f"{meta.architecture}.full_attention_interval: expected a positive number, found 0")
    return tuple(il < n_layer and (il + 1) % interval != 0 for il in range(n_layer_all))


def _conv_elements(space: StateSpace, n_embd: int, heads: int) -> int:
    if space.wkv_head:
        return space.token_shift * n_embd
    if space.shortconv:
        return n_embd * (space.shortconv - 1)
    if space.kda_head:
        return 3 * (space.conv - 1 if space.conv else 3) * heads * space.kda_head
    return max(space.conv - 1, 0) * (space.inner + 2 * space.groups * space.state)


def _state_elements(space: StateSpace, n_embd: int, heads: int, head_la: int) -> int:
    if space.wkv_head:
        return n_embd * space.wkv_head
    if space.kda_head:
        return space.kda_head**2 * heads
    if head_la:
        return head_la**2 * heads
    return space.state * space.inner
