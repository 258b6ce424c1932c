"""Graphs of gemma3n and gemma4, with their embeddings per layer (``src/models``, build 11160)."""

from collections.abc import Iterable

from launcher.core.memory.element import I32
from launcher.core.memory.graph.attention import Attention
from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.experts import Routing, routed_experts
from launcher.core.memory.graph.node import Node
from launcher.core.memory.layout import HOST

ALTERNATIVES = 4
"""gemma3n keeps so many alternative hidden states (``n_altup``)."""


def _per_layer_inputs(b: Builder, hidden: Node) -> Node:
    """Embeddings per layer [width, n_tokens, n_layer]: looked up on the host, and projected."""
    g, tokens, layers = b.g, b.n_tokens, b.model.n_layer
    table = b.need_common("per_layer_token_embd.weight", HOST)
    width = table.ne[0] // layers
    looked_up = g.get_rows(table, g.input(tokens, element=I32))
    looked_up = g.expand(g.scale(g.reshape(looked_up, width, layers, tokens)))
    projected = g.scale(g.mul_mat(b.need_common("per_layer_model_proj.weight", b.ground.first), hidden))
    norm = b.need_common("per_layer_proj_norm.weight", b.ground.first)
    projected = b.norm(g.reshape(projected, width, layers, tokens), norm)
    return g.cont(g.permute(g.scale(g.add(projected, looked_up)), 0, 2, 1, 3))


def _slice(b: Builder, a: Node) -> Node:
    """One of the matrices of `a`."""
    return b.g.view(a, a.ne[:2], (a.nb[1],))


def _query(b: Builder, place: Place, a: Node, positions: Node, factors: Node | None) -> Node:
    g, layer = b.g, place.layer
    q = g.reshape(b.product(place, "attn_q", a), layer.key_length, layer.heads, b.n_tokens)
    return g.rope(b.layer_norm(q, place, "attn_q_norm"), positions, factors)


def _capped_head(b: Builder, current: Node) -> Node:
    g = b.g
    capped = b.model.metadata.number("final_logit_softcapping", 0.0) != 0.0
    return g.scale(g.unary(g.scale(current))) if capped else current


# gemma4


def build_gemma4(b: Builder, places: Iterable[Place]) -> None:
    """Expand the whole graph into ``b.g``."""
    g = b.g
    current = g.scale(b.embedding())
    positions = g.input(b.n_tokens, element=I32)
    attention, ids = Attention(b), b.output_ids()
    per_layer = None
    if "per_layer_token_embd.weight" in b.model.tensors:
        per_layer = _per_layer_inputs(b, current)
    for place in places:
        attended = _attend4(b, attention, place, b.layer_norm(current, place, "attn_norm"), positions)
        middle = g.add(b.layer_norm(attended, place, "post_attention_norm"), current)
        result = _feed_forward4(b, place, middle)
        current = g.add(b.norm(result, b.weight(place, "post_ffw_norm.weight")), middle)
        if per_layer is not None:
            current = _add_per_layer(b, place, current, per_layer)
        scale = b.weight(place, "layer_output_scale.weight")
        current = current if scale is None else g.mul(current, scale)
    g.expand(_capped_head(b, b.head(current, ids=ids)))


def _attend4(b: Builder, attention: Attention, place: Place, a: Node, positions: Node) -> Node:
    g, layer = b.g, place.layer
    factors = None if layer.windowed else b.common("rope_freqs.weight", place.home)
    q = _query(b, place, a, positions, factors)
    if not layer.cached:
        return attention(place, q, None, None, source=place.source)
    k = b.product(place, "attn_k", a)
    v = b.product(place, "attn_v", a) if "attn_v.weight" in layer.tensors else k
    k = g.reshape(k, layer.key_length, layer.heads_kv, b.n_tokens)
    v = g.reshape(v, layer.value_length, layer.heads_kv, b.n_tokens)
    k = b.layer_norm(k, place, "attn_k_norm")
    v = b.norm(v)
    return attention(place, q, g.rope(k, positions, factors), v)


def _feed_forward4(b: Builder, place: Place, a: Node) -> Node:
    g = b.g
    dense = b.feed_forward(place, b.layer_norm(a, place, "ffn_norm"))
    if "ffn_gate_inp.weight" not in place.layer.tensors:
        return dense
    dense = b.layer_norm(dense, place, "post_ffw_norm_1")
    routed = b.layer_norm(a, place, "pre_ffw_norm_2")
    scaled = g.mul(g.scale(b.norm(a)), b.need(place, "ffn_gate_inp.scale"))
    logits = g.mul_mat(b.need(place, "ffn_gate_inp.weight"), scaled)
    routed = routed_experts(b, place, routed, Routing(), logits=logits)
    return g.add(dense, b.layer_norm(routed, place, "post_ffw_norm_2"))


def _add_per_layer(b: Builder, place: Place, a: Node, per_layer: Node) -> Node:
    g = b.g
    gated = g.unary(b.product(place, "inp_gate", a))
    result = b.product(place, "proj", g.mul(gated, _slice(b, per_layer)))
    return g.add(a, b.layer_norm(result, place, "post_norm"))


# gemma3n


def build_gemma3n(b: Builder, places: Iterable[Place]) -> None:
    """Expand the whole graph into ``b.g``."""
    g = b.g
    hidden = g.scale(b.embedding())
    positions = g.input(b.n_tokens, element=I32)
    attention = Attention(b)
    per_layer = _per_layer_inputs(b, hidden)
    current = _spread(b, hidden)
    for place in places:
        current = _layer3n(b, attention, place, current, positions, per_layer)
    current = g.get_rows(_merge(b, current), b.output_ids())
    g.expand(_capped_head(b, b.head(current)))


def _magnitude(b: Builder, a: Node) -> Node:
    return b.g.like("sqrt", b.g.sum_rows(b.g.like("sqr", a)))


def _matched(b: Builder, a: Node, target: Node) -> Node:
    """`a` scaled to the magnitude `target`."""
    measured = _magnitude(b, a)
    return Node("div", a.ne, [b.g.mul(a, target), measured])


def _spread(b: Builder, hidden: Node) -> Node:
    """The alternatives of the hidden state [n_embd, n_tokens, alternatives]."""
    g = b.g
    target = _magnitude(b, hidden)
    repeated = g.repeat(hidden, *hidden.ne[:2], ALTERNATIVES - 1)
    added = g.mul_mat(b.need_common("altup_proj.weight", b.ground.output), repeated)
    return g.concat(hidden, _matched(b, added, target), 2)


def _merge(b: Builder, current: Node) -> Node:
    """The mean of the alternatives."""
    g = b.g
    target = _magnitude(b, _slice(b, current))
    others = g.view(current, (*current.ne[:2], ALTERNATIVES - 1), current.nb[1:3])
    unembedded = g.mul_mat(b.need_common("altup_unembd_proj.weight", b.ground.output), others)
    unembedded = _matched(b, unembedded, target)
    result = _slice(b, current)
    for _ in range(ALTERNATIVES - 1):
        result = g.add(result, _slice(b, unembedded))
    return g.scale(result)


def _layer3n(
    b: Builder, attention: Attention, place: Place, current: Node, positions: Node, per_layer: Node
) -> Node:
    g = b.g
    predictions = _predict(b, place, current)
    active = _slice(b, predictions)
    normed = b.layer_norm(active, place, "attn_norm")
    laurel = _laurel(b, place, normed)
    attended = _attend3n(b, attention, place, normed, positions)
    attended = g.add(b.layer_norm(attended, place, "post_attention_norm"), active)
    middle = g.scale(g.add(attended, laurel))
    result = _feed_forward3n(b, place, b.layer_norm(middle, place, "ffn_norm"))
    result = g.add(b.norm(result, b.weight(place, "post_ffw_norm.weight")), middle)
    corrected = _correct(b, place, predictions, result)
    first = g.mul(_slice(b, corrected), b.need(place, "altup_correct_scale.weight"))
    first = g.unary(b.product(place, "inp_gate", first))
    first = b.product(place, "proj", g.mul(first, _slice(b, per_layer)))
    first = b.layer_norm(first, place, "post_norm")
    head = _slice(b, corrected)
    rest = g.view(corrected, (*corrected.ne[:2], ALTERNATIVES - 1), corrected.nb[1:3])
    return g.concat(head, g.add(rest, first), 2)


def _modalities(b: Builder, place: Place, a: Node) -> Node:
    g = b.g
    scaled = g.scale(b.layer_norm(a, place, "altup_router_norm"))
    return g.unary(g.mul_mat(b.need(place, "altup_router.weight"), scaled))


def _predict(b: Builder, place: Place, current: Node) -> Node:
    g = b.g
    coefficients = b.product(place, "altup_predict_coef", _modalities(b, place, _slice(b, current)))
    coefficients = g.reshape(coefficients, ALTERNATIVES, ALTERNATIVES, b.n_tokens)
    turned = g.cont(g.permute(current, 1, 2, 0, 3))
    predictions = g.mul_mat(turned, coefficients)
    return g.add(g.cont(g.permute(predictions, 0, 2, 1, 3)), current)


def _correct(b: Builder, place: Place, predictions: Node, activated: Node) -> Node:
    g = b.g
    modalities = _modalities(b, place, activated)
    innovation = Node("sub", activated.ne, [activated, _slice(b, predictions)])
    coefficients = g.scale(b.product(place, "altup_correct_coef", modalities))
    coefficients = g.cont(g.transpose(coefficients), 1, b.n_tokens, ALTERNATIVES)
    spread = g.repeat(innovation, *innovation.ne[:2], ALTERNATIVES)
    return g.add(g.mul(spread, coefficients), predictions)


def _laurel(b: Builder, place: Place, a: Node) -> Node:
    low = b.product(place, "laurel_r", b.product(place, "laurel_l", a))
    return b.g.add(b.layer_norm(low, place, "laurel_post_norm"), a)


def _attend3n(b: Builder, attention: Attention, place: Place, a: Node, positions: Node) -> Node:
    g, layer = b.g, place.layer
    if not layer.cached:
        return attention(place, _query(b, place, a, positions, None), None, None, source=place.source)
    q, k, v = (b.product(place, name, a) for name in ("attn_q", "attn_k", "attn_v"))
    q = b.layer_norm(g.reshape(q, layer.key_length, layer.heads, b.n_tokens), place, "attn_q_norm")
    k = b.layer_norm(g.reshape(k, layer.key_length, layer.heads_kv, b.n_tokens), place, "attn_k_norm")
    v = b.norm(g.reshape(v, layer.value_length, layer.heads_kv, b.n_tokens))
    return attention(place, g.rope(q, positions), g.rope(k, positions), v)


def _feed_forward3n(b: Builder, place: Place, a: Node) -> Node:
    g = b.g
    up, gate = b.product(place, "ffn_up", a), b.product(place, "ffn_gate", a)
    if place.layer.sparse:
        gate = _top_by_deviation(b, gate)
    return b.product(place, "ffn_down", g.mul(up, g.unary(gate)))


def _top_by_deviation(b: Builder, a: Node) -> Node:
    """The activations of `a` above its mean by some standard deviations."""
    g = b.g
    mean = Node("mean", (1, *a.ne[1:]), [a])
    squares = g.sum_rows(g.like("sqr", Node("sub", a.ne, [a, mean])))
    deviation = g.like("sqrt", g.scale(squares))
    cutoff = g.add(mean, g.scale(deviation))
    return g.unary(Node("sub", a.ne, [a, cutoff]))
