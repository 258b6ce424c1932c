"""Graphs of recurrent and hybrid models (``src/models/*.cpp``, build 11160)."""

from collections.abc import Iterable
from dataclasses import replace

from launcher.core.memory.element import I32
from launcher.core.memory.graph.attention import Attention
from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.experts import Routing, header_routing, routed_experts
from launcher.core.memory.graph.node import Node
from launcher.core.memory.graph.recurrent import States, delta_net, mamba1, mamba2, short_convolution
from launcher.core.memory.graph.transformer import project, shared_expert


def build_mamba(b: Builder, places: Iterable[Place]) -> None:
    """mamba and mamba2: recurrent layers only."""
    g = b.g
    layer = mamba2 if b.model.architecture == "mamba2" else mamba1
    current = b.embedding()
    states, ids = States(b), b.output_ids()
    for place in places:
        result = layer(b, states, place, b.layer_norm(current, place, "attn_norm"))
        if place.last:
            result, current = g.get_rows(result, ids), g.get_rows(current, ids)
        current = g.add(result, current)
    g.expand(b.head(current))


def build_falcon_h1(b: Builder, places: Iterable[Place]) -> None:
    """falcon-h1: attention and Mamba-2 side by side in each layer."""
    g = b.g
    current = b.embedding()
    positions = g.input(b.n_tokens, element=I32)
    states, attention, ids = States(b), Attention(b), b.output_ids()
    for place in places:
        q, k, v = project(b, place, b.layer_norm(current, place, "attn_norm"), flat=False)
        attended = attention(place, g.rope(q, positions), g.rope(k, positions), v)
        recurrent = mamba2(b, states, place, b.layer_norm(current, place, "attn_norm"))
        current = g.add(g.add(attended, recurrent), current)
        if place.last:
            current = g.get_rows(current, ids)
        inner = b.layer_norm(current, place, "ffn_norm")
        current = g.add(b.feed_forward(place, inner), current)
    g.expand(b.head(current))


def build_granite_hybrid(b: Builder, places: Iterable[Place]) -> None:
    """granitehybrid: Mamba-2 or attention, then experts or a feed-forward."""
    g, meta = b.g, b.model.metadata
    current = b.embedding()
    rotary = bool(meta.integer("rope.scaling.finetuned", 1))
    scaled = meta.number("residual_scale", 0.0) != 0.0
    states, attention, ids = States(b), Attention(b), b.output_ids()
    positions = g.input(b.n_tokens, element=I32)
    for place in places:
        normed = b.layer_norm(current, place, "attn_norm")
        if place.layer.recurrent:
            result = mamba2(b, states, place, normed)
        else:
            q, k, v = project(b, place, normed, flat=False)
            if rotary:
                factors = b.rotary_factors(place)
                q, k = g.rope(q, positions, factors), g.rope(k, positions, factors)
            result = attention(place, q, k, v)
        if place.last:
            result, current = g.get_rows(result, ids), g.get_rows(current, ids)
        middle = g.add(g.scale(result) if scaled else result, current)
        result = experts_or_dense(b, place, b.layer_norm(middle, place, "ffn_norm"), Routing())
        current = g.add(g.scale(result) if scaled else result, middle)
    result = b.head(current)
    g.expand(g.scale(result) if meta.number("logit_scale", 0.0) else result)


def build_nemotron_h(b: Builder, places: Iterable[Place]) -> None:
    """nemotron_h and nemotron_h_moe: each layer is Mamba-2, attention or feed-forward."""
    g = b.g
    current = b.embedding()
    states, attention, ids = States(b), Attention(b), b.output_ids()
    routing = header_routing(b, "sigmoid")
    routing = Routing(
        gating="sigmoid", normalised=routing.normalised, scaled=routing.scaled, groups=routing.groups,
        groups_used=routing.groups_used, activation="squared",
    )  # fmt: skip
    for place in places:
        normed = b.layer_norm(current, place, "attn_norm")
        if place.layer.recurrent:
            result = mamba2(b, states, place, normed)
        elif place.layer.cached:
            q, k, v = project(b, place, normed, flat=False)
            result = attention(place, q, k, v)
        else:
            result = _nemotron_feed_forward(b, place, normed, routing)
        current = g.add(result, current)
    g.expand(b.head(current, ids=ids))


def _nemotron_feed_forward(b: Builder, place: Place, a: Node, routing: Routing) -> Node:
    g = b.g
    if "ffn_gate_inp.weight" not in place.layer.tensors:
        return _squared(b, place, a, "")
    latent = a
    if "ffn_latent_down.weight" in place.layer.tensors:
        latent = g.mul_mat(b.need(place, "ffn_latent_down.weight"), a)
    logits = b.g.mul_mat(b.need(place, "ffn_gate_inp.weight"), a)
    routed = routed_experts(b, place, latent, routing, logits=logits)
    if "ffn_latent_up.weight" in place.layer.tensors:
        routed = g.mul_mat(b.need(place, "ffn_latent_up.weight"), routed)
    return g.add(routed, _squared(b, place, a, "_shexp"))


def _squared(b: Builder, place: Place, a: Node, suffix: str) -> Node:
    up = b.g.unary(b.product(place, f"ffn_up{suffix}", a))
    return b.product(place, f"ffn_down{suffix}", b.g.like("sqr", up))


def build_delta(b: Builder, places: Iterable[Place]) -> None:
    """qwen3next, qwen35 and qwen35moe: gated delta nets with full attention in between."""
    g = b.g
    current = b.embedding()
    states = States(b)
    qwen3next = b.model.architecture == "qwen3next"
    positions = g.input(b.n_tokens * (1 if qwen3next else 4), element=I32)
    attention, ids = Attention(b), b.output_ids()
    for place in places:
        normed = g.expand(b.layer_norm(current, place, "attn_norm"))
        if place.layer.recurrent:
            result = _linear_attention(b, states, place, normed, qwen3next=qwen3next)
        else:
            attend = gated_attention_next if qwen3next else gated_attention
            result = attend(b, attention, place, normed, positions)
        middle = g.add(result, current)
        inner = b.layer_norm(middle, place, "post_attention_norm")
        current = g.add(experts_or_dense(b, place, inner, Routing(), gated=True), middle)
    g.expand(b.head(current, ids=ids))


def experts_or_dense(b: Builder, place: Place, a: Node, routing: Routing, *, gated: bool = False) -> Node:
    if "ffn_gate_inp.weight" not in place.layer.tensors:
        return b.feed_forward(place, a)
    routed = routed_experts(b, place, a, routing)
    if "ffn_up_shexp.weight" not in place.layer.tensors:
        return routed
    return b.g.add(routed, shared_expert(b, place, a, gated=gated))


def _linear_attention(b: Builder, states: States, place: Place, a: Node, *, qwen3next: bool) -> Node:
    g, space, seqs, tokens = b.g, b.model.space, states.sequences, states.per_sequence
    mixed = b.product(place, "attn_qkv", a)
    mixed = g.reshape(mixed, mixed.ne[0], tokens, seqs)
    z = b.product(place, "attn_gate", a)
    parts = _beta_alpha_joint if qwen3next else _beta_alpha
    beta, gate = parts(b, states, place, a)
    output = delta_net(b, states, place, mixed, gate, beta, repeated=qwen3next)
    length = space.inner // space.rank
    gates = g.reshape(z, length, space.rank, tokens, seqs)
    normed = b.norm(output, b.need(place, "ssm_norm.weight"))
    result = g.mul(normed, g.unary(gates))
    result = b.product(place, "ssm_out", g.reshape(result, space.inner, tokens, seqs))
    return g.reshape(result, b.model.n_embd, tokens * seqs)


def _beta_alpha(b: Builder, states: States, place: Place, a: Node) -> tuple[Node, Node]:
    g, heads_, seqs, tokens = b.g, b.model.space.rank, states.sequences, states.per_sequence
    beta = g.unary(g.reshape(b.product(place, "ssm_beta", a), 1, heads_, tokens, seqs))
    alpha = g.reshape(b.product(place, "ssm_alpha", a), heads_, tokens, seqs)
    gate = g.unary(g.add(alpha, b.need(place, "ssm_dt.bias")))
    gate = g.mul(gate, b.need(place, "ssm_a"))
    return beta, g.reshape(gate, 1, heads_, tokens, seqs)


def _beta_alpha_joint(b: Builder, states: States, place: Place, a: Node) -> tuple[Node, Node]:
    g, space, seqs, tokens = b.g, b.model.space, states.sequences, states.per_sequence
    half = space.rank // space.groups
    both = b.product(place, "ssm_ba", a)
    both = g.reshape(both, 2 * half, space.groups, tokens, seqs)
    shape = (half, space.groups, tokens, seqs)
    beta = g.unary(g.cont(g.view(both, shape, both.nb[1:])))
    alpha = g.cont(g.view(both, shape, both.nb[1:]), space.rank, tokens, seqs)
    gate = g.unary(g.add(alpha, b.need(place, "ssm_dt.bias")))
    gate = g.mul(gate, b.need(place, "ssm_a"))
    shape = (1, space.rank, tokens, seqs)
    return g.reshape(beta, *shape), g.reshape(gate, *shape)


def gated_attention(b: Builder, attention: Attention, place: Place, a: Node, positions: Node) -> Node:
    g, layer, tokens = b.g, place.layer, b.n_tokens
    joint, k, v = project(b, place, a, flat=True, query_factor=2)
    row = layer.key_length * 8
    shape, strides = (layer.key_length, layer.heads, tokens), (row, row * layer.heads)
    q = b.layer_norm(g.view(joint, shape, strides), place, "attn_q_norm")
    k = b.layer_norm(g.reshape(k, layer.key_length, layer.heads_kv, tokens), place, "attn_k_norm")
    gate = g.cont(g.view(joint, shape, strides), layer.key_length * layer.heads, tokens)
    v = g.reshape(v, layer.value_length, layer.heads_kv, tokens)
    result = attention(place, g.rope(q, positions), g.rope(k, positions), v, out=None)
    return b.product(place, "attn_output", g.mul(result, g.unary(gate)))


def gated_attention_next(b: Builder, attention: Attention, place: Place, a: Node, positions: Node) -> Node:
    g, layer, tokens = b.g, place.layer, b.n_tokens
    joint, k, v = project(b, place, a, flat=True, query_factor=2)
    joint = g.reshape(joint, layer.key_length * 2, layer.heads, tokens, 1)
    shape = (layer.key_length, layer.heads, tokens, 1)
    q, gate = g.view(joint, shape, joint.nb[1:]), g.view(joint, shape, joint.nb[1:])
    k = g.reshape(k, layer.key_length, layer.heads_kv, tokens)
    v = g.reshape(v, layer.value_length, layer.heads_kv, tokens)
    q, k = b.layer_norm(q, place, "attn_q_norm"), b.layer_norm(k, place, "attn_k_norm")
    result = attention(place, g.rope(q, positions), g.rope(k, positions), v, out=None)
    gate = g.unary(g.cont(gate, layer.key_length * layer.heads, tokens))
    return b.product(place, "attn_output", g.mul(result, gate))


def build_lfm2(b: Builder, places: Iterable[Place]) -> None:
    """lfm2 and lfm2moe: short convolutions with attention in between."""
    g = b.g
    current = g.expand(b.embedding())
    states, attention, ids = States(b), Attention(b), b.output_ids()
    positions = g.input(b.n_tokens, element=I32)
    routing = replace(header_routing(b, "softmax"), normalised=True)
    for place in places:
        normed = b.layer_norm(current, place, "attn_norm")
        if place.layer.recurrent:
            result = short_convolution(b, states, place, normed)
        else:
            q, k, v = project(b, place, normed, flat=False)
            q, k = b.layer_norm(q, place, "attn_q_norm"), b.layer_norm(k, place, "attn_k_norm")
            result = attention(place, g.rope(q, positions), g.rope(k, positions), v)
        if place.last:
            result, current = g.get_rows(result, ids), g.get_rows(current, ids)
        middle = g.add(current, result)
        inner = b.layer_norm(middle, place, "ffn_norm")
        current = g.add(middle, experts_or_dense(b, place, inner, routing))
    g.expand(b.head(current))


def build_jamba(b: Builder, places: Iterable[Place]) -> None:
    """jamba: Mamba or attention without positions, then experts or a feed-forward."""
    g = b.g
    current = b.embedding()
    states, attention, ids = States(b), Attention(b), b.output_ids()
    for place in places:
        normed = b.layer_norm(current, place, "attn_norm")
        if place.layer.recurrent:
            result = mamba1(b, states, place, normed)
        else:
            result = attention(place, *project(b, place, normed, flat=False))
        if place.last:
            result, current = g.get_rows(result, ids), g.get_rows(current, ids)
        middle = g.add(current, result)
        inner = b.layer_norm(middle, place, "ffn_norm")
        current = g.add(middle, experts_or_dense(b, place, inner, Routing(normalised=False)))
    g.expand(b.head(current))
