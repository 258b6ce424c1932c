"""Models with recurrent layers."""

from architectures.pieces import (
    EMBD,
    EXPERTS,
    FEED,
    HEADS_KV,
    LAYERS,
    LENGTH,
    MOE,
    Keys,
    Tensors,
    attention,
    experts,
    feed,
    linear,
    mamba1,
    norm,
    norms,
)
from architectures.recipe import Recipe
from models import F32, tensor


def _lfm2(il: int) -> Tensors:
    yield from _short_convolution(il)
    yield from feed()


def _lfm2moe(il: int) -> Tensors:
    yield from _short_convolution(il)
    yield from experts(nudge=True) if il >= 2 else feed()


def _short_convolution(il: int) -> Tensors:
    yield from norms("attn_norm", "ffn_norm")
    if il % 3 == 2:
        yield from attention(norms=(LENGTH,))
    else:
        yield tensor("shortconv.conv.weight", 3, EMBD, kind=F32)
        yield from linear("shortconv.in_proj", EMBD, 3 * EMBD)
        yield from linear("shortconv.out_proj", EMBD, EMBD)


def _jamba(il: int) -> Tensors:
    yield from norms("attn_norm", "ffn_norm")
    yield from attention() if il % 4 == 2 else mamba1()
    yield from experts(width=FEED) if il % 2 else feed()


LFM2: Keys = {
    "attention.head_count_kv": tuple(HEADS_KV if il % 3 == 2 else 0 for il in range(LAYERS)),
    "shortconv.l_cache": 3,
}
JAMBA: Keys = {
    "attention.head_count_kv": tuple(HEADS_KV if il % 4 == 2 else 0 for il in range(LAYERS)),
    "expert_count": EXPERTS,
    "expert_used_count": 2,
    "ssm.conv_kernel": 4,
    "ssm.inner_size": 2 * EMBD,
    "ssm.state_size": 16,
    "ssm.time_step_rank": 64,
}
LFM2_NORM = tuple(norm("token_embd_norm"))

RECURRENT = {
    "jamba": Recipe(layer=_jamba, keys=JAMBA),
    "lfm2": Recipe(layer=_lfm2, keys=LFM2, common=LFM2_NORM, tied=True),
    "lfm2+window": Recipe(
        layer=_lfm2, keys={**LFM2, "attention.sliding_window": 1024}, common=LFM2_NORM, tied=True
    ),
    "lfm2moe": Recipe(
        layer=_lfm2moe,
        keys={**LFM2, **MOE, "leading_dense_block_count": 2, "expert_gating_func": 2},
        common=LFM2_NORM,
        tied=True,
    ),
}
