"""Models with recurrent layers."""

from architectures.pieces import (
    EMBD,
    EXPERTS,
    FEED,
    HEADS,
    HEADS_KV,
    LATENT,
    LAYERS,
    LENGTH,
    MOE,
    NORM_BIAS,
    QUERY_RANK,
    SHARED,
    WEIGHED,
    WIDTH,
    Keys,
    Tensors,
    attention,
    experts,
    feed,
    latent_attention,
    linear,
    mamba1,
    mamba2,
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


def _kimi_linear(il: int) -> Tensors:
    yield from norms("attn_norm", "ffn_norm")
    yield from latent_attention(lora=False) if il % 4 == 3 else _delta_attention()
    yield from experts(nudge=True, shared=True) if il else feed()


def _delta_attention() -> Tensors:
    for name in ("q", "k", "v"):
        yield from linear(f"attn_{name}", EMBD, WIDTH)
        yield tensor(f"ssm_conv1d_{name}.weight", 4, 1, WIDTH, kind=F32)
    for name in ("ssm_f", "ssm_g"):
        yield from linear(f"{name}_a", EMBD, LENGTH)
        yield from linear(f"{name}_b", LENGTH, WIDTH)
    yield from linear("ssm_beta", EMBD, HEADS)
    yield tensor("ssm_a", 1, HEADS, kind=F32)
    yield tensor("ssm_dt.bias", WIDTH, kind=F32)
    yield from norm("ssm_norm", LENGTH)
    yield from linear("attn_output", WIDTH, EMBD)


def _bailingmoe3(il: int) -> Tensors:
    yield from norms("attn_norm", "ffn_norm")
    if il % 4 == 3:
        yield from latent_attention()
        yield from linear("attn_gate", EMBD, HEADS)
    else:
        for name in ("q", "k", "v"):
            yield from linear(f"attn_{name}", EMBD, WIDTH)
            yield tensor(f"ssm_conv1d_{name}.weight", 4, 1, WIDTH, kind=F32)
        yield from linear("ssm_f_a", EMBD, WIDTH)
        yield from linear("ssm_g_a", EMBD, WIDTH)
        yield from linear("ssm_beta", EMBD, HEADS)
        yield tensor("ssm_a", 1, HEADS, kind=F32)
        yield tensor("ssm_dt.bias", WIDTH, kind=F32)
        yield from norm("ssm_norm", LENGTH)
        yield from linear("attn_output", WIDTH, EMBD)
    yield from experts(nudge=True, shared=True) if il else feed()


KIMI: Keys = {
    **MOE,
    **SHARED,
    **WEIGHED,
    **LATENT,
    "attention.head_count_kv": tuple(int(il % 4 == 3) for il in range(LAYERS)),
    "kda.head_dim": LENGTH,
    "leading_dense_block_count": 1,
    "ssm.conv_kernel": 4,
}


def _nemotron_h(il: int) -> Tensors:
    yield from norm("attn_norm")
    if il % 4 == 3:
        yield from attention()
    elif il % 2:
        yield from feed(gate=False)
    else:
        yield from mamba2()


def _rwkv7(il: int) -> Tensors:
    yield from norms("attn_norm", "attn_norm_2", "time_mix_ln", bias=True)
    for name in ("w", "a", "v"):
        yield tensor(f"time_mix_{name}0.weight", EMBD, kind=F32)
    for name, rank in (("w", 64), ("a", 64), ("v", 32 if il else 64), ("g", 128)):
        yield from linear(f"time_mix_{name}1", EMBD, rank)
        yield from linear(f"time_mix_{name}2", rank, EMBD)
    yield tensor("time_mix_lerp_fused.weight", EMBD, 1, 1, 6, kind=F32)
    for name in ("k_k", "k_a", "r_k"):
        yield tensor(f"time_mix_{name}.weight", EMBD, kind=F32)
    for name in ("key", "value", "receptance", "output"):
        yield from linear(f"time_mix_{name}", EMBD, EMBD)
    yield tensor("channel_mix_lerp_k.weight", EMBD, 1, 1, kind=F32)
    yield from linear("channel_mix_key", EMBD, FEED)
    yield from linear("channel_mix_value", FEED, EMBD)


RWKV7: Keys = {
    "attention.decay_lora_rank": 64,
    "attention.gate_lora_rank": 128,
    "attention.head_count": 0,
    "attention.head_count_kv": 0,
    "attention.iclr_lora_rank": 64,
    "attention.value_residual_mix_lora_rank": 32,
    "wkv.head_size": 64,
}
NEMOTRON: Keys = {
    "attention.head_count_kv": tuple(HEADS_KV if il % 4 == 3 else 0 for il in range(LAYERS)),
    "feed_forward_length": tuple(FEED if il % 4 == 1 else 0 for il in range(LAYERS)),
    "ssm.conv_kernel": 4,
    "ssm.group_count": 8,
    "ssm.inner_size": 2 * EMBD,
    "ssm.state_size": 128,
    "ssm.time_step_rank": 32,
}
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

BAILING: Keys = {
    **KIMI,
    "attention.q_lora_rank": QUERY_RANK,
    "kda.gate_lower_bound": -5.0,
    "swiglu_clamp_exp": (0.0,) * 4 + (7.0,) * 4,
    "swiglu_clamp_shexp": (0.0,) * 6 + (7.0,) * 2,
}

RECURRENT = {
    "bailingmoe3": Recipe(layer=_bailingmoe3, keys=BAILING),
    "jamba": Recipe(layer=_jamba, keys=JAMBA),
    "kimi-linear": Recipe(layer=_kimi_linear, keys=KIMI),
    "nemotron_h": Recipe(layer=_nemotron_h, keys=NEMOTRON),
    "rwkv7": Recipe(layer=_rwkv7, keys=RWKV7, common=(*NORM_BIAS, *norm("token_embd_norm", bias=True))),
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
