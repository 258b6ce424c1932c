"""Tensors of one layer, by the names that llama.cpp's conversion scripts give them."""

from collections.abc import Iterable, Mapping, Sequence

from launcher.core.header import MetadataValue, Tensor
from models import F16, F32, tensor

EMBD, HEADS, HEADS_KV, LENGTH, FEED, EXPERTS, EXPERT_FEED = 1024, 8, 2, 128, 3072, 16, 512
WIDTH = HEADS * LENGTH
WIDTH_KV = HEADS_KV * LENGTH
LAYERS = 8

Tensors = Iterable[Tensor]
Keys = Mapping[str, MetadataValue]


def norm(name: str, *shape: int, bias: bool = False) -> Tensors:
    """A norm over the given shape, of the embedding unless another is given."""
    yield tensor(f"{name}.weight", *(shape or (EMBD,)), kind=F32)
    if bias:
        yield tensor(f"{name}.bias", *(shape or (EMBD,)), kind=F32)


def linear(name: str, inner: int, outer: int, *more: int, bias: bool = False) -> Tensors:
    yield tensor(f"{name}.weight", inner, outer, *more, kind=F16)
    if bias:
        yield tensor(f"{name}.bias", outer, kind=F32)


def attention(
    *,
    fused: bool = False,
    bias: bool = False,
    out_bias: bool = False,
    norms: Sequence[int] = (),
    kv: int = WIDTH_KV,
) -> Tensors:
    """Q, K, V and the output; norms: shapes of the norms of Q and K, of each head where it is (LENGTH,)."""
    if fused:
        yield from linear("attn_qkv", EMBD, WIDTH + 2 * kv, bias=bias)
    else:
        for name, width in (("attn_q", WIDTH), ("attn_k", kv), ("attn_v", kv)):
            yield from linear(name, EMBD, width, bias=bias)
    yield from linear("attn_output", WIDTH, EMBD, bias=out_bias)
    if norms:
        yield from norm("attn_q_norm", *norms)
        yield from norm("attn_k_norm", *norms)


def feed(*, gate: bool = True, bias: bool = False, suffix: str = "", width: int = FEED) -> Tensors:
    if gate:
        yield from linear(f"ffn_gate{suffix}", EMBD, width, bias=bias)
    yield from linear(f"ffn_up{suffix}", EMBD, width, bias=bias)
    yield from linear(f"ffn_down{suffix}", width, EMBD, bias=bias)


def experts(
    *, shared: bool = False, nudge: bool = False, gate: bool = True, width: int = EXPERT_FEED
) -> Tensors:
    """Routed experts; nudge: a bias for selecting them."""
    yield tensor("ffn_gate_inp.weight", EMBD, EXPERTS, kind=F32)
    if nudge:
        yield tensor("exp_probs_b.bias", EXPERTS, kind=F32)
    if gate:
        yield tensor("ffn_gate_exps.weight", EMBD, width, EXPERTS)
    yield tensor("ffn_up_exps.weight", EMBD, width, EXPERTS)
    yield tensor("ffn_down_exps.weight", width, EMBD, EXPERTS)
    if shared:
        yield from feed(suffix="_shexp", width=width)


RANK, ROTARY, PLAIN_HEAD, QUERY_RANK = 512, 64, 128, 384
"""Of latent attention: width of the latent vector, of positions, of a head without them, of low Q."""

LATENT: Mapping[str, MetadataValue] = {
    "attention.head_count_kv": 1,
    "attention.key_length": RANK + ROTARY,
    "attention.key_length_mla": PLAIN_HEAD + ROTARY,
    "attention.kv_lora_rank": RANK,
    "attention.value_length": RANK,
    "attention.value_length_mla": LENGTH,
    "rope.dimension_count": ROTARY,
}


def latent_attention(*, lora: bool = True, absorbed: bool = True, value: int = LENGTH) -> Tensors:
    """Multi-head latent attention; lora: Q is made in two steps; absorbed: with the cache of latents."""
    if lora:
        yield from linear("attn_q_a", EMBD, QUERY_RANK)
        yield from norm("attn_q_a_norm", QUERY_RANK)
        yield from linear("attn_q_b", QUERY_RANK, HEADS * (PLAIN_HEAD + ROTARY))
    else:
        yield from linear("attn_q", EMBD, HEADS * (PLAIN_HEAD + ROTARY))
    yield from linear("attn_kv_a_mqa", EMBD, RANK + ROTARY)
    yield from norm("attn_kv_a_norm", RANK)
    if absorbed:
        yield from linear("attn_k_b", PLAIN_HEAD, RANK, HEADS)
        yield from linear("attn_v_b", RANK, value, HEADS)
    else:
        yield from linear("attn_kv_b", RANK, HEADS * (PLAIN_HEAD + value))
    yield from linear("attn_output", HEADS * value, EMBD)


def norms(*names: str, bias: bool = False) -> Tensors:
    for name in names:
        yield from norm(name, bias=bias)


def next_tokens() -> Tensors:
    """What a NextN (MTP) block has besides a layer."""
    yield from linear("nextn.eh_proj", 2 * EMBD, EMBD)
    yield from norms("nextn.enorm", "nextn.hnorm", "nextn.shared_head_norm")


def mamba1(*, inner: int = 2 * EMBD, state: int = 16, rank: int = 64) -> Tensors:
    """A Mamba layer with norms, as in jamba."""
    yield from linear("ssm_in", EMBD, 2 * inner)
    yield tensor("ssm_conv1d.weight", 4, inner, kind=F32)
    yield tensor("ssm_conv1d.bias", inner, kind=F32)
    yield from linear("ssm_x", inner, rank + 2 * state)
    yield from norm("ssm_dt_norm", rank)
    yield tensor("ssm_dt.weight", rank, inner)
    yield tensor("ssm_dt.bias", inner, kind=F32)
    yield from norm("ssm_b_norm", state)
    yield from norm("ssm_c_norm", state)
    yield tensor("ssm_a", state, inner, kind=F32)
    yield tensor("ssm_d", inner, kind=F32)
    yield from linear("ssm_out", inner, EMBD)


def mamba2(*, inner: int = 2 * EMBD, state: int = 128, groups: int = 8, rank: int = 32) -> Tensors:
    """A Mamba-2 layer."""
    width = inner + 2 * groups * state
    yield from linear("ssm_in", EMBD, 2 * inner + 2 * groups * state + rank)
    yield tensor("ssm_conv1d.weight", 4, width, kind=F32)
    yield tensor("ssm_conv1d.bias", width, kind=F32)
    yield tensor("ssm_dt.bias", rank, kind=F32)
    yield tensor("ssm_a", 1, rank, kind=F32)
    yield tensor("ssm_d", 1, rank, kind=F32)
    yield from norm("ssm_norm", inner // groups, groups)
    yield from linear("ssm_out", inner, EMBD)


MOE: Keys = {
    "expert_count": EXPERTS,
    "expert_used_count": 4,
    "expert_feed_forward_length": EXPERT_FEED,
}
SHARED: Keys = {"expert_shared_count": 1, "expert_shared_feed_forward_length": EXPERT_FEED}
NORM_BIAS = tuple(norm("output_norm", bias=True))
WEIGHED: Keys = {"expert_weights_scale": 2.5, "expert_weights_norm": True, "expert_gating_func": 2}
