"""Routed experts (``build_moe_ffn`` in ``src/llama-graph.cpp``, build 11160)."""

from dataclasses import dataclass
from typing import Literal

from launcher.core.memory.graph.builder import Builder, Place
from launcher.core.memory.graph.graph import Fusion
from launcher.core.memory.graph.node import Node

Gating = Literal["softmax", "sigmoid", "softmax_weight", "sqrt_softplus"]

MAX_REDUCED = 15
"""``MOE_WEIGHTED_REDUCTION_MAX_EXPERTS`` in ggml-cuda: more experts are added one by one."""

FUSED_COUNTS = frozenset({1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 288, 576})
"""Numbers of experts for which ggml-cuda selects experts in one kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How an architecture weighs its experts.

    normalised: the weights of the selected ones are made to sum to 1. scaled: they are then
    multiplied by a factor other than 1. early: applied before the experts (llama4). groups and
    groups_used: selection by groups of experts. precise_down: the last product keeps f32 operands
    (mistral4), which ggml-cuda can't do, so that the host does. activation: "glu", "unary" or "squared".
    """

    gating: Gating = "softmax"
    normalised: bool = True
    scaled: bool = False
    early: bool = False
    groups: int = 0
    groups_used: int = 0
    precise_down: bool = False
    activation: Literal["glu", "unary", "squared"] = "glu"


GATINGS: dict[int, Gating] = {1: "softmax", 2: "sigmoid", 3: "softmax_weight", 4: "sqrt_softplus"}
"""``expert_gating_func`` of the header."""


def header_routing(b: Builder, default: Gating) -> Routing:
    """Routing as the header's ``expert_*`` keys say."""
    meta = b.model.metadata
    scale = meta.number("expert_weights_scale", 0.0)
    return Routing(
        gating=GATINGS.get(meta.integer("expert_gating_func", 0), default),
        normalised=bool(meta.integer("expert_weights_norm", 0)),
        scaled=scale not in {0.0, 1.0},
        groups=meta.integer("expert_group_count", 0),
        groups_used=meta.integer("expert_group_used_count", 0),
        precise_down=b.model.architecture == "mistral4",
    )


def routed_experts(
    b: Builder, place: Place, a: Node, routing: Routing, *, logits: Node | None = None
) -> Node:
    """Sum of the selected experts' outputs for `a` [n_embd, n_tokens]."""
    g, tokens = b.g, a.ne[1]
    weights, selected = _select(b, place, a, routing, logits)
    g.expand(weights)
    current = g.reshape(a, a.ne[0], 1, tokens)
    if routing.early:
        repeated = g.repeat(current, a.ne[0], place.layer.experts_used, tokens)
        current = g.mul(repeated, weights)
    experts = _run(b, place, current, selected, routing)
    weighted = experts if routing.early else g.mul(experts, weights)
    g.expand(weighted)
    return _sum(b, place, weighted, reduced=not routing.early)


def _select(b: Builder, place: Place, a: Node, routing: Routing, logits: Node | None) -> tuple[Node, Node]:
    g, used, count = b.g, place.layer.experts_used, b.model.experts
    if logits is None:
        logits = g.mul_mat(b.need(place, "ffn_gate_inp.weight"), a)
    bias = b.weight(place, "ffn_gate_inp.bias")
    if bias is not None:
        logits = g.add(logits, bias)
    probs = _probabilities(b, logits, routing)
    ranking = logits if routing.early else probs
    nudge = b.weight(place, "exp_probs_b.bias") or b.weight(place, "exp_probs_b")
    if nudge is not None:
        ranking = g.add(probs, nudge)
    if routing.groups > 1:
        ranking = _mask_groups(b, ranking, routing)
    selected = g.top_k(ranking, used)
    tokens = logits.ne[1]
    weights = g.get_rows(g.reshape(probs, 1, count, tokens), selected)
    chain = [weights]
    if routing.gating == "softmax_weight":
        flat = g.reshape(weights, used, tokens)
        weights = g.reshape(g.soft_max(flat), 1, used, tokens)
    if routing.normalised:
        flat = g.reshape(weights, used, tokens)
        total = g.sum_rows(flat)
        clamped = g.like("clamp", total)
        shares = Node("div", flat.ne, [flat, clamped])
        weights = g.reshape(shares, 1, used, tokens)
        chain += [flat, total, clamped, shares, weights]
    if routing.scaled:
        weights = g.scale(weights)
        chain.append(weights)
    fusable = routing.gating in {"softmax", "sigmoid"} and not routing.early and routing.groups <= 1
    if fusable and count in FUSED_COUNTS:
        reshaped = chain[0].sources[0]
        biased = [ranking] if nudge is not None else []
        order = selected.sources[0]
        nodes = (probs, reshaped, *biased, order, selected, *chain)
        g.fusions.append(Fusion(nodes, None))
    return weights, selected


def _probabilities(b: Builder, logits: Node, routing: Routing) -> Node:
    g = b.g
    if routing.gating == "softmax":
        return g.soft_max(logits)
    if routing.gating == "sigmoid":
        return g.unary(logits)
    if routing.gating == "sqrt_softplus":
        return g.like("sqrt", g.unary(logits))
    return logits


def _mask_groups(b: Builder, ranking: Node, routing: Routing) -> Node:
    g, tokens = b.g, ranking.ne[1]
    size = ranking.ne[0] // routing.groups
    grouped = g.reshape(ranking, size, routing.groups, tokens)
    best = g.top_k(grouped, 2)
    scores = g.get_rows(g.reshape(grouped, 1, *grouped.ne[:3]), best)
    scores = g.sum_rows(g.reshape(scores, *scores.ne[1:]))
    chosen = g.top_k(g.reshape(scores, *scores.ne[1:3]), routing.groups_used)
    kept = g.get_rows(grouped, chosen)
    masked = g.set_rows(g.like("fill", grouped), kept, chosen)
    return g.reshape(masked, ranking.ne[0], tokens)


def _run(b: Builder, place: Place, current: Node, selected: Node, routing: Routing) -> Node:
    g = b.g
    merged = b.weight(place, "ffn_gate_up_exps.weight")
    if merged is not None:
        both = _expert(b, place, "ffn_gate_up_exps", current, selected)
        half = (both.ne[0] // 2, both.ne[1], both.ne[2])
        hidden = g.glu(g.view(both, half, both.nb[1:3]), g.view(both, half, both.nb[1:3]))
    else:
        up = _expert(b, place, "ffn_up_exps", current, selected)
        if "ffn_gate_exps.weight" in place.layer.tensors:
            gate = _expert(b, place, "ffn_gate_exps", current, selected)
            hidden = b.clamped_glu(gate, up) if place.layer.clamped_experts else g.glu(gate, up)
        else:
            hidden = g.unary(up)
            if routing.activation == "squared":
                hidden = g.like("sqr", hidden)
    return _expert(b, place, "ffn_down_exps", hidden, selected, precise=routing.precise_down)


def _expert(b: Builder, place: Place, name: str, a: Node, selected: Node, *, precise: bool = False) -> Node:
    g = b.g
    result = g.mul_mat_id(b.need(place, f"{name}.weight"), a, selected)
    if precise:
        result.op = "mul_mat_id_f32"
    scale = b.weight(place, f"{name}.scale")
    if scale is not None:
        spread = g.repeat(g.reshape(scale, 1, scale.ne[0], 1), 1, scale.ne[0], a.ne[2])
        result = g.mul(result, g.get_rows(spread, selected))
    bias = b.weight(place, f"{name}.bias")
    return result if bias is None else g.like("add_id", result, bias, selected)


def _sum(b: Builder, place: Place, weighted: Node, *, reduced: bool) -> Node:
    g, used = b.g, place.layer.experts_used
    views = [
        g.expand(g.view(weighted, (weighted.ne[0], weighted.ne[2]), (weighted.nb[2],))) for _ in range(used)
    ]
    total, sums = views[0], []
    for part in views[1:]:
        total = g.expand(g.add(total, part))
        sums.append(total)
    if reduced and 2 <= used <= MAX_REDUCED:
        scaled = weighted.sources[0]
        muls = (scaled, weighted) if scaled.op == "mul" else (weighted,)
        g.fusions.append(Fusion((*muls, *sums), len(muls)))
    return g.cont(total) if used == 1 else total
