"""Lifetimes that kernel fusion prolongs (``ggml_backend_cuda_graph_optimize``, build 11160)."""

from collections.abc import Mapping

from launcher.core.memory.graph.graph import Fusion, Graph
from launcher.core.memory.graph.node import Node


def kept_alive(graph: Graph, splits: Mapping[Node, int]) -> dict[Node, list[Node]]:
    """For each node, the tensors that must not be freed before it was computed.

    splits: number of the split of each node that a GPU computes; a kernel never spans two.
    """
    kept: dict[Node, list[Node]] = {}
    following = dict(zip(graph.nodes, graph.nodes[1:], strict=False))
    for fusion in graph.fusions:
        homes = {splits.get(node) for node in fusion.nodes if node.base is None}
        if len(homes) != 1 or None in homes:
            continue
        last = fusion.nodes[-1]
        held = kept.setdefault(last if fusion.leading is not None else following.get(last, last), [])
        for node in _operands(fusion):
            if node not in held:
                held.append(node)
    return kept


def _operands(fusion: Fusion) -> list[Node]:
    if fusion.leading is not None:
        operands = [source for node in fusion.nodes[: fusion.leading] for source in node.sources]
        return [source for source in operands if source not in fusion.nodes]
    return [kept for node in fusion.nodes for kept in (node, *node.sources)]
