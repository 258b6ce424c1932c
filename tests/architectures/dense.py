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

DENSE = {
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
