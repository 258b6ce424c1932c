"""Models without a cache: those that yield embeddings, and those that write by diffusion."""

from architectures.dense import PLAIN, USUAL_NORMS
from architectures.pieces import (
    EMBD,
    EXPERTS,
    FEED,
    HEADS,
    LENGTH,
    MOE,
    WIDTH,
    Keys,
    Tensors,
    attention,
    experts,
    feed,
    linear,
    norm,
    norms,
)
from architectures.recipe import Recipe, same
from models import F32, tensor

AFTER = tuple(norms("attn_output_norm", "layer_output_norm", bias=True))
TYPES = tensor("token_types.weight", EMBD, 2, kind=F32)
BERT = (tensor("position_embd.weight", EMBD, 8192), TYPES, *norm("token_embd_norm", bias=True))
NOMIC = (TYPES, *norm("token_embd_norm", bias=True))
TYPED: Keys = {
    "attention.causal": False,
    "attention.head_count_kv": HEADS,
    "context_length": 8192,
    "tokenizer.ggml.token_type_count": 2,
}


def _nomic_moe(il: int) -> Tensors:
    yield from AFTER
    yield from attention(fused=True, bias=True, out_bias=True, kv=WIDTH)
    yield from experts(gate=False, width=FEED) if il % 2 else feed(gate=False, bias=True)


def _modern(il: int) -> Tensors:
    yield from norms("attn_norm", "ffn_norm") if il else norms("ffn_norm")
    yield from attention(fused=True, kv=WIDTH)
    yield from linear("ffn_up", EMBD, 2 * FEED)
    yield from linear("ffn_down", FEED, EMBD)


ENCODERS = {
    "bert": Recipe(
        layer=same(AFTER, attention(kv=WIDTH, bias=True, out_bias=True), feed(gate=False, bias=True)),
        common=BERT,
        keys=TYPED,
        tied=True,
    ),
    "dream": Recipe(layer=same(USUAL_NORMS, attention(bias=True), feed()), keys={"attention.causal": False}),
    "eurobert": Recipe(layer=PLAIN, tied=True, keys={"attention.causal": False}),
    "gemma-embedding": Recipe(
        layer=same(
            norms("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"),
            attention(norms=(LENGTH,)),
            feed(),
        ),
        keys={
            "attention.sliding_window": 512,
            "attention.key_length": LENGTH,
            "attention.value_length": LENGTH,
        },
        tied=True,
    ),
    "jina-bert-v2": Recipe(
        layer=same(
            AFTER,
            attention(kv=WIDTH, bias=True, out_bias=True),
            linear("ffn_up", EMBD, 2 * FEED),
            linear("ffn_down", FEED, EMBD, bias=True),
            norm("attn_q_norm", bias=True),
            norm("attn_k_norm", bias=True),
            norm("attn_norm_2", bias=True),
        ),
        common=NOMIC,
        keys=TYPED,
        tied=True,
    ),
    "jina-bert-v3": Recipe(
        layer=same(
            AFTER,
            attention(fused=True, kv=WIDTH, bias=True, out_bias=True),
            feed(gate=False, bias=True),
        ),
        common=NOMIC,
        keys=TYPED,
        tied=True,
    ),
    "llada": Recipe(layer=PLAIN, keys={"attention.causal": False}),
    "modern-bert": Recipe(
        layer=_modern,
        common=(*norm("token_embd_norm"), *norm("output_norm")),
        keys={**TYPED, "attention.sliding_window": 128},
        tied=True,
    ),
    "neo-bert": Recipe(
        layer=same(
            USUAL_NORMS,
            attention(fused=True, kv=WIDTH),
            linear("ffn_up", EMBD, 2 * FEED),
            linear("ffn_down", FEED, EMBD),
        ),
        common=tuple(norm("enc.output_norm")),
        keys=TYPED,
        tied=True,
    ),
    "nomic-bert": Recipe(
        layer=same(AFTER, attention(fused=True, kv=WIDTH), feed()), common=NOMIC, keys=TYPED, tied=True
    ),
    "nomic-bert-moe": Recipe(
        layer=_nomic_moe,
        common=NOMIC,
        keys={**TYPED, "moe_every_n_layers": 2, "expert_count": EXPERTS, "expert_used_count": 2},
        tied=True,
    ),
    "rnd1": Recipe(
        layer=same(USUAL_NORMS, attention(norms=(LENGTH,)), experts()),
        keys={**MOE, "attention.causal": False},
    ),
    "llada-moe": Recipe(
        layer=same(USUAL_NORMS, attention(norms=(LENGTH,)), experts()),
        keys={**MOE, "attention.causal": False},
    ),
}
