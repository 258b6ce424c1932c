"""Style: how a transformer's architecture differs from the others (``src/models/*.cpp``, build 11160)."""

from dataclasses import dataclass, replace
from typing import Literal

from launcher.core.memory.graph.builder import Builder, NormOp
from launcher.core.memory.graph.experts import Routing, header_routing

Part = Literal["attention", "feed_forward", "residual"]

_PLAIN_ROUTING = Routing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How an architecture arranges attention and feed-forward.

    flat: Q, K and V are kept flat until their norms are applied (norms over all heads).
    scaled_query: Q is scaled before attention. post_norms: norms after attention and after the
    feed-forward. ffn_norm: name of the norm before the feed-forward, None for none; layers without
    it read the attention's where unnormed_parallel. parallel: attention and feed-forward both read
    the layer's input, and the parts are summed in this order. halves: gate and up are one product.
    squared: so is the activation of a feed-forward without a gate. gated: what attention yields is
    weighed, as a whole or by heads, where the layer has a gate for it.
    normed_embedding: embeddings pass through a norm, and a layer may lack the one before attention.
    headless: the output norm yields embeddings, no logits.
    scaled_embedding, capped: embeddings and logits pass through a scale. picked: where the rows
    that yield logits are picked (in the last layer after attention or its norm, or around the
    output norm). rotary: which layers have rotary embeddings; mixed: those with a window if any has
    one; at_7B: all, if the model has that size; switched: all, unless the header says none.
    normed_after: norms of Q and K come after the rotary embeddings. temperature: Q is scaled by an
    input. sections: four positions per token if the header has rotary sections. headed: the header
    says how experts are weighed; routing is the default.
    """

    norm: NormOp = "rms_norm"
    input_norm: bool = True
    flat: bool = False
    scaled_query: bool = False
    post_norms: bool = False
    ffn_norm: str | None = "ffn_norm"
    unnormed_parallel: bool = False
    parallel: tuple[Part, Part, Part] | None = None
    halves: bool = False
    squared: bool = False
    scaled_embedding: bool = False
    normed_embedding: bool = False
    headless: bool = False
    capped: bool = False
    scaled_logits: bool = False
    soft_cap: bool = False
    normed_after: Literal["no", "weighted", "bare"] = "no"
    picked: Literal["last_layer", "post_norm", "before_norm", "after_norm"] = "last_layer"
    gated: bool = False
    sinks: bool = False
    rotary: Literal["all", "none", "windows", "windows_and_dense", "mixed", "at_7B", "switched"] = "all"
    factors: bool = False
    temperature: Literal["no", "all", "unrotated"] = "no"
    positions: int = 1
    sections: bool = False
    routing: Routing = _PLAIN_ROUTING
    headed: bool = False
    shared: Literal["none", "plain", "gated", "halved"] = "none"
    residual_scale: bool = False
    residual_first: bool = False


def positions_per_token(b: Builder, style: Style) -> int:
    """Four for multi-dimensional rotary embeddings."""
    sections = b.model.metadata.array("rope.dimension_sections") if style.sections else None
    return 4 if sections and all(sections[:2]) else style.positions


def tempered(b: Builder, style: Style) -> bool:
    """Is Q scaled by the position, as the header or the architecture says."""
    if style.temperature == "all":
        return b.model.metadata.number("attention.temperature_scale", 0.0) != 0.0
    return style.temperature == "unrotated" and b.model.window > 0


def routing_of(b: Builder, style: Style) -> Routing:
    """The style's routing with what the header says about it."""
    read = header_routing(b, style.routing.gating)
    changed = replace(style.routing, scaled=read.scaled, groups=read.groups, groups_used=read.groups_used)
    return replace(changed, gating=read.gating, normalised=read.normalised) if style.headed else changed
