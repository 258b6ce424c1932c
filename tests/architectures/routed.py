"""Transformers with routed experts."""

from architectures.pieces import LENGTH, MOE, SHARED, attention, experts, norms
from architectures.recipe import Recipe, same

USUAL_NORMS = tuple(norms("attn_norm", "ffn_norm"))

ROUTED = {
    "bailingmoe": Recipe(
        layer=same(USUAL_NORMS, attention(), experts(shared=True)),
        keys={**MOE, **SHARED, "expert_weights_scale": 1.0},
    ),
    "qwen3vlmoe": Recipe(
        layer=same(USUAL_NORMS, attention(norms=(LENGTH,)), experts()),
        keys={**MOE, "n_deepstack_layers": 3, "rope.dimension_sections": (24, 20, 20, 0)},
    ),
}
