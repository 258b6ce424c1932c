"""Dense transformers."""

from architectures.pieces import (
    EMBD,
    FEED,
    HEADS,
    HEADS_KV,
    LAYERS,
    LENGTH,
    NORM_BIAS,
    PLAIN_HEAD,
    QUERY_RANK,
    RANK,
    ROTARY,
    WIDTH,
    Keys,
    Tensors,
    attention,
    feed,
    latent_attention,
    linear,
    norm,
    norms,
)
from architectures.recipe import Recipe, same
from models import F32, tensor

USUAL_NORMS = tuple(norms("attn_norm", "ffn_norm"))
BIASED_NORMS = tuple(norms("attn_norm", "ffn_norm", bias=True))
SECTIONS = (24, 20, 20, 0)
PLAIN = same(USUAL_NORMS, attention(), feed())

XIELU = {f"xielu.{name}": (0.5,) * LAYERS for name in ("alpha_n", "alpha_p", "beta", "eps")}

CLASSIC = same(
    BIASED_NORMS, attention(fused=True, kv=WIDTH, bias=True, out_bias=True), feed(gate=False, bias=True)
)
MANY_HEADS: Keys = {"attention.head_count_kv": HEADS}


def _deci(il: int) -> Tensors:
    """Layer 2 has a product for attention, layer 3 none; layer 5 has no feed-forward."""
    if il == 2:
        yield from norm("attn_norm")
        yield from linear("attn_output", EMBD, EMBD)
    elif il != 3:
        yield from norm("attn_norm")
        yield from attention()
    if il != 5:
        yield from norm("ffn_norm")
        yield from feed(width=FEED // (1 + il % 2))


GRANITE: Keys = {"attention.scale": 0.1, "embedding_scale": 12.0, "logit_scale": 8.0, "residual_scale": 0.22}

WINDOWS = tuple(il % 4 != 3 for il in range(LAYERS))


DENSE = {
    "muse-glimmer": Recipe(
        layer=same(
            norms("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"),
            attention(norms=(LENGTH,)),
            linear("attn_gate", EMBD, WIDTH),
            feed(),
        ),
        keys={"attention.sliding_window": 1024, "final_logit_softcapping": 30.0, "logit_scale": 0.5},
    ),
    "spark2_5": Recipe(
        layer=same(USUAL_NORMS, attention(), linear("attn_gate", EMBD, HEADS), feed()),
        keys={"attention.sliding_window": 512, "attention.sliding_window_pattern": WINDOWS},
        tied=True,
    ),
    "ernie4_5": Recipe(layer=PLAIN, tied=True),
    "exaone4": Recipe(
        layer=same(norms("post_attention_norm", "post_ffw_norm"), attention(norms=(LENGTH,)), feed())
    ),
    "gemma": Recipe(layer=PLAIN, tied=True),
    "granite": Recipe(layer=PLAIN, keys=GRANITE),
    "granite+unrotated": Recipe(layer=PLAIN, keys={**GRANITE, "rope.scaling.finetuned": False}),
    "granite+vision": Recipe(
        layer=PLAIN, keys={**GRANITE, "deepstack_mapping": (-1, 0, -1, 1, 2, -1, -1, -1)}
    ),
    "hunyuan-dense": Recipe(layer=same(USUAL_NORMS, attention(norms=(LENGTH,)), feed()), tied=True),
    "internlm2": Recipe(layer=PLAIN),
    "qwen2vl": Recipe(
        layer=same(USUAL_NORMS, attention(bias=True), feed()), keys={"rope.dimension_sections": SECTIONS}
    ),
    "smollm3": Recipe(layer=PLAIN, tied=True),
    "starcoder2": Recipe(
        layer=same(BIASED_NORMS, attention(bias=True, out_bias=True), feed(gate=False, bias=True)),
        common=NORM_BIAS,
        tied=True,
    ),
    "xverse": Recipe(layer=PLAIN),
    "maincoder": Recipe(layer=same(USUAL_NORMS, attention(norms=(LENGTH,)), feed())),
    "pangu-embedded": Recipe(layer=same(USUAL_NORMS, attention(bias=True, out_bias=True), feed())),
    "baichuan": Recipe(
        layer=same(USUAL_NORMS, attention(kv=WIDTH), feed()), keys={"attention.head_count_kv": HEADS}
    ),
    "bloom": Recipe(
        layer=CLASSIC, common=(*NORM_BIAS, *norm("token_embd_norm", bias=True)), keys=MANY_HEADS, tied=True
    ),
    "deci": Recipe(
        layer=_deci,
        keys={
            "attention.head_count": tuple(0 if il == 3 else HEADS for il in range(LAYERS)),
            "attention.head_count_kv": tuple(0 if il in (2, 3) else HEADS_KV for il in range(LAYERS)),
            "feed_forward_length": tuple(0 if il == 5 else FEED // (1 + il % 2) for il in range(LAYERS)),
        },
    ),
    "gpt2": Recipe(
        layer=CLASSIC,
        common=(*NORM_BIAS, tensor("position_embd.weight", EMBD, 131072, kind=F32)),
        keys=MANY_HEADS,
    ),
    "mpt": Recipe(
        layer=same(USUAL_NORMS, attention(fused=True, kv=WIDTH), feed(gate=False)),
        keys={**MANY_HEADS, "attention.clamp_kqv": 6.0, "attention.max_alibi_bias": 8.0},
        tied=True,
    ),
    "olmo": Recipe(layer=same(attention(), feed()), common=(), keys={"attention.clamp_kqv": 8.0}),
    "orion": Recipe(layer=same(BIASED_NORMS, attention(), feed()), common=NORM_BIAS),
    "refact": Recipe(layer=PLAIN),
    "starcoder": Recipe(
        layer=same(
            BIASED_NORMS, attention(fused=True, bias=True, out_bias=True), feed(gate=False, bias=True)
        ),
        common=(*NORM_BIAS, tensor("position_embd.weight", EMBD, 131072, kind=F32)),
        tied=True,
    ),
    "paddleocr": Recipe(layer=PLAIN, keys={"rope.dimension_sections": SECTIONS}),
    "hunyuan_vl": Recipe(
        layer=same(USUAL_NORMS, attention(norms=(LENGTH,)), feed()),
        keys={"rope.dimension_sections": SECTIONS},
        tied=True,
    ),
    "gptneox+serial": Recipe(
        layer=same(
            BIASED_NORMS, attention(fused=True, bias=True, out_bias=True), feed(gate=False, bias=True)
        ),
        common=NORM_BIAS,
        keys={"use_parallel_residual": False},
    ),
    "gptneox": Recipe(
        layer=same(
            BIASED_NORMS, attention(fused=True, bias=True, out_bias=True), feed(gate=False, bias=True)
        ),
        common=NORM_BIAS,
        keys={"use_parallel_residual": True},
    ),
    "apertus": Recipe(layer=same(USUAL_NORMS, attention(norms=(LENGTH,)), feed(gate=False)), keys=XIELU),
    "arcee": Recipe(layer=same(USUAL_NORMS, attention(), feed(gate=False))),
    "chatglm": Recipe(
        layer=same(
            USUAL_NORMS,
            attention(fused=True, bias=True),
            linear("ffn_up", EMBD, 2 * FEED),
            linear("ffn_down", FEED, EMBD),
        )
    ),
    "exaone": Recipe(layer=PLAIN),
    "falcon": Recipe(
        layer=same(norms("attn_norm", bias=True), attention(fused=True), feed(gate=False)), common=NORM_BIAS
    ),
    "falcon+40B": Recipe(
        layer=same(norms("attn_norm", "attn_norm_2", bias=True), attention(fused=True), feed(gate=False)),
        common=NORM_BIAS,
    ),
    "minicpm": Recipe(layer=PLAIN),
    "minicpm3": Recipe(
        layer=same(USUAL_NORMS, latent_attention(absorbed=False), feed()),
        keys={
            "attention.head_count_kv": HEADS,
            "attention.key_length": PLAIN_HEAD + ROTARY,
            "attention.kv_lora_rank": RANK,
            "attention.q_lora_rank": QUERY_RANK,
            "rope.dimension_count": ROTARY,
            "rope.scaling.original_context_length": 32768,
        },
        common=(
            *norm("output_norm"),
            tensor("rope_factors_long.weight", ROTARY // 2, kind=F32),
            tensor("rope_factors_short.weight", ROTARY // 2, kind=F32),
        ),
        tied=True,
    ),
    "minicpm+scales": Recipe(
        layer=PLAIN, keys={"embedding_scale": 12.0, "residual_scale": 0.2, "logit_scale": 0.25}, tied=True
    ),
    "nemotron": Recipe(layer=same(BIASED_NORMS, attention(bias=True), feed(gate=False)), common=NORM_BIAS),
    "phi2": Recipe(
        layer=same(
            norms("attn_norm", bias=True), attention(bias=True, out_bias=True), feed(gate=False, bias=True)
        ),
        common=NORM_BIAS,
        output_bias=True,
    ),
    "qwen": Recipe(
        layer=same(USUAL_NORMS, attention(fused=True, bias=True, kv=WIDTH), feed(width=FEED // 2)),
        keys={"attention.head_count_kv": HEADS},
    ),
    "qwen3vl": Recipe(
        layer=same(USUAL_NORMS, attention(norms=(LENGTH,)), feed()),
        keys={"n_deepstack_layers": 3, "rope.dimension_sections": SECTIONS},
    ),
    "stablelm": Recipe(layer=same(BIASED_NORMS, attention(), feed()), common=NORM_BIAS),
    "stablelm+12B": Recipe(
        layer=same(
            norms("attn_norm", bias=True),
            attention(),
            norm("attn_q_norm", LENGTH, HEADS),
            norm("attn_k_norm", LENGTH, HEADS_KV),
            feed(),
        ),
        common=NORM_BIAS,
    ),
}
