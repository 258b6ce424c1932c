"""Which graph an architecture has."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.deci import build_deci
from launcher.core.memory.graph.encoder import build_bert
from launcher.core.memory.graph.experts import Routing
from launcher.core.memory.graph.gemma import build_gemma3n, build_gemma4
from launcher.core.memory.graph.hybrid import (
    build_delta,
    build_falcon_h1,
    build_granite_hybrid,
    build_jamba,
    build_lfm2,
    build_mamba,
    build_nemotron_h,
)
from launcher.core.memory.graph.kimi import build_bailingmoe3, build_kimi_linear
from launcher.core.memory.graph.latent import build_latent
from launcher.core.memory.graph.mtp import draft_delta, draft_latent, draft_transformer
from launcher.core.memory.graph.rwkv import build_rwkv7
from launcher.core.memory.graph.sparse import build_sparse
from launcher.core.memory.graph.style import Part, Style
from launcher.core.memory.graph.transformer import build_transformer
from launcher.core.model import Model

Build = Callable[[Builder, Iterable[Place]], None]


def _styled(style: Style) -> Build:
    return lambda b, places: build_transformer(b, places, style)


_COHERE: tuple[Part, Part, Part] = ("feed_forward", "residual", "attention")
_SIGMOID = Routing(gating="sigmoid")
_COHERE2MOE = Style(
    norm="norm", parallel=_COHERE, scaled_logits=True, rotary="windows_and_dense", picked="after_norm",
    routing=_SIGMOID, headed=True, shared="halved",
)  # fmt: skip
_STYLES = {
    "afmoe": Style(
        scaled_embedding=True, post_norms=True, picked="post_norm", gated=True, routing=_SIGMOID,
        headed=True, shared="plain",
    ),
    "apertus": Style(factors=True),
    "arcee": Style(factors=True, squared=True),
    "baichuan": Style(rotary="at_7B"),
    "bailingmoe": Style(factors=True, routing=Routing(), headed=True, shared="plain"),
    "bailingmoe2": Style(routing=_SIGMOID, headed=True, shared="plain"),
    "bloom": Style(norm="norm", rotary="none", normed_embedding=True),
    "chatglm": Style(halves=True),
    "cohere2": Style(norm="norm", parallel=_COHERE, scaled_logits=True, rotary="windows"),
    "command-r": Style(norm="norm", parallel=_COHERE, scaled_logits=True),
    "dbrx": Style(norm="norm", ffn_norm="attn_output_norm"),
    "deepseek": Style(factors=True, routing=Routing(normalised=False), shared="plain"),
    "dots1": Style(routing=_SIGMOID, headed=True, shared="plain"),
    "dream": Style(),
    "ernie4_5": Style(),
    "ernie4_5-moe": Style(shared="plain"),
    "eurobert": Style(headless=True),
    "exaone": Style(factors=True),
    "exaone-moe": Style(factors=True, rotary="windows", headed=True, shared="plain"),
    "exaone4": Style(input_norm=False, post_norms=True, ffn_norm=None, factors=True, rotary="mixed"),
    "falcon": Style(norm="norm", parallel=("feed_forward", "attention", "residual")),
    "gemma": Style(scaled_embedding=True, scaled_query=True),
    "gemma-embedding": Style(scaled_embedding=True, scaled_query=True, post_norms=True, headless=True),
    "gemma2": Style(scaled_embedding=True, scaled_query=True, post_norms=True, capped=True, soft_cap=True),
    "gemma3": Style(scaled_embedding=True, scaled_query=True, post_norms=True),
    "glm4": Style(post_norms=True, halves=True, sections=True),
    "glm4moe": Style(
        ffn_norm="post_attention_norm", sections=True, routing=_SIGMOID, headed=True,
        shared="plain",
    ),
    "gpt-oss": Style(
        ffn_norm="post_attention_norm", sinks=True, picked="before_norm",
        routing=Routing(gating="softmax_weight", normalised=False),
    ),
    "gpt2": Style(norm="norm", rotary="none"),
    "gptneox": Style(norm="norm", parallel=_COHERE),
    "granite": Style(
        factors=True, rotary="switched", residual_scale=True, scaled_logits=True, shared="plain"
    ),
    "granite_swa": Style(factors=True, sinks=True, residual_scale=True, scaled_logits=True, shared="plain"),
    "granitemoe": Style(
        factors=True, rotary="switched", residual_scale=True, scaled_logits=True, shared="plain"
    ),
    "hunyuan-dense": Style(factors=True, normed_after="weighted"),
    "hunyuan-moe": Style(factors=True, normed_after="weighted", shared="plain"),
    "hunyuan_vl": Style(factors=True, normed_after="weighted", sections=True),
    "hy_v3": Style(factors=True, picked="after_norm", routing=_SIGMOID, headed=True, shared="plain"),
    "internlm2": Style(),
    "laguna": Style(gated=True, routing=_SIGMOID, headed=True, shared="plain"),
    "llada": Style(),
    "llada-moe": Style(routing=Routing(normalised=False)),
    "llama": Style(factors=True),
    "llama4": Style(
        factors=True, rotary="mixed", normed_after="bare", temperature="unrotated",
        routing=Routing(gating="sigmoid", normalised=False, early=True), shared="plain",
    ),
    "maincoder": Style(normed_after="weighted"),
    "maple": Style(rotary="windows"),
    "mellum": Style(),
    "mimo2": Style(sinks=True, routing=_SIGMOID),
    "minicpm": Style(factors=True, residual_scale=True, scaled_logits=True),
    "minimax-m2": Style(flat=True, routing=_SIGMOID),
    "mistral3": Style(factors=True, temperature="all"),
    "modern-bert": Style(norm="norm", normed_embedding=True, halves=True, headless=True),
    "mpt": Style(norm="norm", rotary="none"),
    "muse-glimmer": Style(
        normed_embedding=True, post_norms=True, picked="post_norm", gated=True, rotary="windows",
        scaled_logits=True,
    ),
    "nemotron": Style(norm="norm", squared=True),
    "neo-bert": Style(halves=True, headless=True),
    "olmo": Style(norm="norm"),
    "olmo2": Style(input_norm=False, flat=True, post_norms=True, ffn_norm=None),
    "olmoe": Style(flat=True, routing=Routing(normalised=False)),
    "orion": Style(norm="norm"),
    "paddleocr": Style(positions=4),
    "pangu-embedded": Style(),
    "phi2": Style(norm="norm", scaled_query=True, parallel=("attention", "feed_forward", "residual")),
    "phi3": Style(scaled_query=True, halves=True, factors=True, residual_first=True),
    "phimoe": Style(scaled_query=True, halves=True, factors=True, residual_first=True),
    "qwen": Style(),
    "qwen2": Style(),
    "qwen2moe": Style(routing=Routing(normalised=False), shared="gated"),
    "qwen2vl": Style(positions=4),
    "qwen3": Style(),
    "qwen3moe": Style(),
    "qwen3vl": Style(positions=4),
    "qwen3vlmoe": Style(positions=4),
    "refact": Style(rotary="none"),
    "rnd1": Style(),
    "seed_oss": Style(ffn_norm="post_attention_norm"),
    "smollm3": Style(),
    "spark2_5": Style(gated=True),
    "stablelm": Style(norm="norm", unnormed_parallel=True),
    "starcoder": Style(norm="norm", rotary="none"),
    "starcoder2": Style(norm="norm"),
    "step35": Style(
        factors=True, gated=True, picked="before_norm", routing=_SIGMOID, headed=True, shared="plain",
    ),
    "xverse": Style(),
}  # fmt: skip


def _build_cohere2moe(b: Builder, places: Iterable[Place]) -> None:
    """The header tells which kind of norm it has."""
    rms = b.model.metadata.number("attention.layer_norm_rms_epsilon", 0.0) != 0.0
    build_transformer(b, places, replace(_COHERE2MOE, norm="rms_norm") if rms else _COHERE2MOE)


_BUILDERS: dict[str, Build] = {
    "bailingmoe3": build_bailingmoe3,
    "bert": build_bert,
    "cohere2moe": _build_cohere2moe,
    "deci": build_deci,
    "deepseek2": build_latent,
    "deepseek32": build_sparse,
    "falcon-h1": build_falcon_h1,
    "gemma3n": build_gemma3n,
    "gemma4": build_gemma4,
    "glm-dsa": build_sparse,
    "granitehybrid": build_granite_hybrid,
    "jamba": build_jamba,
    "jina-bert-v2": build_bert,
    "jina-bert-v3": build_bert,
    "kimi-linear": build_kimi_linear,
    "lfm2": build_lfm2,
    "lfm2moe": build_lfm2,
    "mamba": build_mamba,
    "mamba2": build_mamba,
    "minicpm3": build_latent,
    "mistral4": build_latent,
    "nemotron_h": build_nemotron_h,
    "nemotron_h_moe": build_nemotron_h,
    "nomic-bert": build_bert,
    "nomic-bert-moe": build_bert,
    "qwen35": build_delta,
    "qwen35moe": build_delta,
    "qwen3next": build_delta,
    "rwkv7": build_rwkv7,
}


DERIVED = tuple(sorted({*_STYLES, *_BUILDERS}))
"""Architectures with a derived graph."""


def builder_of(model: Model) -> Build | None:
    """The function that builds the model's graph; None when no graph is derived for it."""
    style = _STYLES.get(model.architecture)
    return _BUILDERS.get(model.architecture) if style is None else _styled(style)


_DRAFTERS: dict[str, Build] = {
    "deepseek2": draft_latent,
    "glm4moe": lambda b, places: draft_transformer(b, places, _STYLES["glm4moe"]),
    "qwen35": draft_delta,
    "qwen35moe": draft_delta,
    "qwen3next": draft_delta,
}


def drafter_of(model: Model) -> Build | None:
    """The function that builds the graph of the model's MTP block; None when none is derived."""
    return _DRAFTERS.get(model.architecture)
