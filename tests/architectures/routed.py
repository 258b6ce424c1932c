"""Transformers with routed experts."""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain

from architectures.pieces import (
    EMBD,
    EXPERT_FEED,
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
    WIDTH_KV,
    Keys,
    Tensors,
    attention,
    experts,
    feed,
    latent_attention,
    linear,
    norm,
    norms,
)
from architectures.recipe import Recipe, same
from launcher.core.header import Tensor
from models import F32, tensor

USUAL_NORMS = tuple(norms("attn_norm", "ffn_norm"))


def _with_lead(*parts: Tensors, shared: bool = True, nudge: bool = True) -> Callable[[int], Tensors]:
    """Layers with these tensors, the first with a feed-forward, the others with experts."""
    tensors = tuple(chain.from_iterable(parts))
    dense, routed = tuple(feed()), tuple(experts(shared=shared, nudge=nudge))
    return lambda il: (*tensors, *(routed if il else dense))


WINDOWS = tuple(il % 4 != 0 for il in range(LAYERS))


def _mimo2(il: int) -> Tensors:
    kv = WIDTH_KV * 2 if WINDOWS[il] else WIDTH_KV
    yield from USUAL_NORMS
    yield from linear("attn_q", EMBD, HEADS * 192)
    yield from linear("attn_k", EMBD, kv // LENGTH * 192)
    yield from linear("attn_v", EMBD, kv)
    yield from linear("attn_output", WIDTH, EMBD)
    if WINDOWS[il]:
        yield tensor("attn_sinks.weight", HEADS, kind=F32)
    yield from experts(nudge=True) if il else feed()


def _step35(il: int) -> Tensors:
    heads = HEADS * 2 if WINDOWS[il] else HEADS
    yield from USUAL_NORMS
    yield from linear("attn_q", EMBD, heads * LENGTH)
    yield from linear("attn_k", EMBD, WIDTH_KV)
    yield from linear("attn_v", EMBD, WIDTH_KV)
    yield from linear("attn_output", heads * LENGTH, EMBD)
    yield from linear("attn_gate", EMBD, heads)
    yield from norm("attn_q_norm", LENGTH)
    yield from norm("attn_k_norm", LENGTH)
    yield from experts(nudge=True, shared=True) if il > 2 else feed()


def _sparse(il: int) -> Tensors:
    yield from USUAL_NORMS
    yield from latent_attention()
    if il not in SHARED_INDEX:
        yield from norm("indexer.k_norm", LENGTH, bias=True)
        yield from linear("indexer.proj", EMBD, 32)
        yield from linear("indexer.attn_k", EMBD, LENGTH)
        yield from linear("indexer.attn_q_b", QUERY_RANK, 32 * LENGTH)
    yield from experts(nudge=True, shared=True) if il else feed()


def _indexed_everywhere(il: int) -> Tensors:
    yield from (one for one in _sparse(il if il not in SHARED_INDEX else 1))


def _granite_swa(il: int) -> Tensors:
    yield from USUAL_NORMS
    yield from attention()
    yield tensor("attn_sinks.weight", HEADS, kind=F32)
    yield tensor("ffn_gate_inp.weight", EMBD, EXPERTS, kind=F32)
    yield tensor("ffn_gate_up_exps.weight", EMBD, 2 * EXPERT_FEED, EXPERTS)
    yield tensor("ffn_down_exps.weight", EXPERT_FEED, EMBD, EXPERTS)
    yield from linear("ffn_up_shexp", EMBD, 2 * EXPERT_FEED)
    yield from linear("ffn_down_shexp", EXPERT_FEED, EMBD)


def _cohere2moe(il: int) -> Tensors:
    yield from norm("attn_norm")
    yield from attention()
    yield from experts(shared=True) if il > 1 else feed()


def _hy_v3(il: int) -> Tensors:
    for one in _EXAONE(il):
        yield (
            Tensor("exp_probs_b", one.shape, one.type, one.nbytes) if one.name == "exp_probs_b.bias" else one
        )


_EXAONE = _with_lead(USUAL_NORMS, attention(norms=(LENGTH,)))
LEAD: Keys = {**MOE, **SHARED, **WEIGHED, "leading_dense_block_count": 1}

SHARED_INDEX = {3, 4, 5, 7}
SPARSE: Keys = {
    **LEAD,
    **LATENT,
    "attention.q_lora_rank": QUERY_RANK,
    "attention.indexer.head_count": 32,
    "attention.indexer.key_length": LENGTH,
    "attention.indexer.top_k": 2048,
}


def _qwen2moe(il: int) -> Tensors:
    yield from USUAL_NORMS
    yield from attention(bias=True)
    yield from experts(shared=True)
    yield tensor("ffn_gate_inp_shexp.weight", EMBD, kind=F32)


ROUTED = {
    "maple": Recipe(
        layer=same(USUAL_NORMS, attention(norms=(LENGTH,)), experts()),
        keys={
            **MOE,
            "attention.sliding_window": 512,
            "attention.sliding_window_pattern": WINDOWS,
            "swiglu_clamp_exp": (7.0,) * LAYERS,
        },
    ),
    "granite_swa": Recipe(
        layer=_granite_swa,
        keys={
            **MOE,
            **SHARED,
            "feed_forward_length": EXPERT_FEED,
            "attention.sliding_window": 512,
            "attention.sliding_window_pattern": WINDOWS,
            "embedding_scale": 12.0,
            "logit_scale": 8.0,
            "attention.rope_pattern": WINDOWS,
            "residual_scale": 0.22,
        },
    ),
    "bailingmoe2": Recipe(layer=_with_lead(USUAL_NORMS, attention(fused=True, norms=(LENGTH,))), keys=LEAD),
    "deepseek": Recipe(
        layer=_with_lead(USUAL_NORMS, attention(kv=WIDTH), nudge=False),
        keys={
            **MOE,
            **SHARED,
            "leading_dense_block_count": 1,
            "attention.head_count_kv": HEADS,
            "expert_weights_scale": 1.0,
        },
    ),
    "dots1": Recipe(
        layer=_with_lead(USUAL_NORMS, attention(kv=WIDTH, norms=(LENGTH,))),
        keys={**LEAD, "attention.head_count_kv": HEADS},
    ),
    "ernie4_5-moe": Recipe(
        layer=_with_lead(USUAL_NORMS, attention()),
        keys={**MOE, **SHARED, "leading_dense_block_count": 1, "interleave_moe_layer_step": 1},
    ),
    "granitemoe": Recipe(
        layer=same(USUAL_NORMS, attention(), experts()),
        keys={
            **MOE,
            "feed_forward_length": EXPERT_FEED,
            "attention.scale": 0.1,
            "embedding_scale": 12.0,
            "logit_scale": 8.0,
            "residual_scale": 0.22,
        },
    ),
    "hunyuan-moe": Recipe(
        layer=same(USUAL_NORMS, attention(norms=(LENGTH,)), experts(shared=True)),
        keys={**MOE, **SHARED, "feed_forward_length": EXPERT_FEED},
    ),
    "llama4": Recipe(
        layer=same(USUAL_NORMS, attention(), experts(shared=True)),
        keys={**MOE, "expert_used_count": 1, "interleave_moe_layer_step": 1},
    ),
    "phimoe": Recipe(
        layer=same(
            norms("attn_norm", "ffn_norm", bias=True),
            attention(bias=True, out_bias=True),
            experts(width=FEED),
        ),
        common=NORM_BIAS,
        keys={"expert_count": EXPERTS, "expert_used_count": 2},
        output_bias=True,
    ),
    "qwen2moe": Recipe(layer=_qwen2moe, keys={**MOE, **SHARED}),
    "deepseek32": Recipe(layer=_indexed_everywhere, keys=SPARSE),
    "glm-dsa": Recipe(layer=_sparse, keys={**SPARSE, "context_length": 1048576}),
    "cohere2moe": Recipe(
        layer=_cohere2moe,
        keys={
            **LEAD,
            "leading_dense_block_count": 2,
            "attention.layer_norm_rms_epsilon": 0.0,
            "attention.sliding_window": 2048,
            "logit_scale": 0.25,
        },
        tied=True,
    ),
    "cohere2moe+rms": Recipe(
        layer=_cohere2moe,
        keys={
            **LEAD,
            "leading_dense_block_count": 2,
            "attention.sliding_window": 2048,
            "logit_scale": 0.25,
        },
        tied=True,
    ),
    "laguna": Recipe(
        layer=_with_lead(USUAL_NORMS, attention(norms=(LENGTH,)), linear("attn_gate", EMBD, HEADS)),
        keys={**LEAD, "attention.sliding_window": 512},
    ),
    "mellum": Recipe(
        layer=same(USUAL_NORMS, attention(norms=(LENGTH,)), experts()),
        keys={**MOE, "attention.sliding_window": 1024},
    ),
    "dbrx": Recipe(
        layer=same(norms("attn_norm", "attn_output_norm"), attention(fused=True), experts(width=FEED)),
        keys={"attention.clamp_kqv": 8.0, "expert_count": EXPERTS, "expert_used_count": 4},
    ),
    "step35": Recipe(
        layer=_step35,
        keys={
            **LEAD,
            "swiglu_clamp_exp": (0.0,) * 6 + (7.0,) * 2,
            "swiglu_clamp_shexp": (0.0,) * 7 + (16.0,),
            "attention.key_length": LENGTH,
            "attention.value_length": LENGTH,
            "attention.sliding_window": 512,
            "attention.sliding_window_pattern": WINDOWS,
            "attention.head_count": tuple(HEADS * (2 if w else 1) for w in WINDOWS),
        },
    ),
    "mimo2": Recipe(
        layer=_mimo2,
        keys={
            **MOE,
            "attention.key_length": 192,
            "attention.value_length": 128,
            "attention.sliding_window": 128,
            "attention.sliding_window_pattern": WINDOWS,
            "attention.value_scale": 0.7,
            "attention.head_count_kv": tuple(HEADS_KV * (2 if w else 1) for w in WINDOWS),
            "rope.dimension_count": 64,
        },
    ),
    "hy_v3": Recipe(layer=_hy_v3, keys=LEAD),
    "exaone-moe": Recipe(layer=_EXAONE, keys={**LEAD, "attention.sliding_window": 128}),
    "afmoe": Recipe(
        layer=_with_lead(
            norms("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"),
            attention(norms=(LENGTH,)),
            linear("attn_gate", EMBD, WIDTH),
        ),
        keys={**LEAD, "attention.sliding_window": 2048},
    ),
    "bailingmoe": Recipe(
        layer=same(USUAL_NORMS, attention(), experts(shared=True)),
        keys={**MOE, **SHARED, "expert_weights_scale": 1.0},
    ),
    "qwen3vlmoe": Recipe(
        layer=same(USUAL_NORMS, attention(norms=(LENGTH,)), experts()),
        keys={**MOE, "n_deepstack_layers": 3, "rope.dimension_sections": (24, 20, 20, 0)},
    ),
}


def _predicting(name: str, predicted_as: int = LAYERS - 1) -> Recipe:
    """That recipe with a NextN (MTP) block, which counts as a layer in arrays."""
    recipe = ROUTED[name]
    keys = {
        key: (*value, value[-1]) if isinstance(value, tuple) and len(value) == LAYERS else value
        for key, value in recipe.keys.items()
    }
    return replace(recipe, keys=keys, predicting=1, predicted_as=predicted_as)


ROUTED |= {
    f"{name}+nextn": _predicting(name)
    for name in ("cohere2moe", "deepseek32", "glm-dsa", "hy_v3", "mimo2", "step35")
}
ROUTED["exaone-moe+nextn"] = _predicting("exaone-moe", predicted_as=0)
