"""Which backend computes what: ggml's scheduler (``ggml/src/ggml-backend.cpp``, build 11160).

Backends are numbered as the engine does: GPUs in order, the host last. The engine pins some nodes
to a backend while it builds a graph, but measuring resets the scheduler and forgets the pins
(``ggml_backend_sched_reserve_size``); so there are none here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from launcher.core.memory.graph.fusion import kept_alive
from launcher.core.memory.graph.graph import Graph
from launcher.core.memory.graph.node import VIEWS, Node

COPIES = 4
"""``GGML_SCHED_MAX_COPIES``: copies of the inputs under pipeline parallelism."""

KEPT_PER_NODE = 10
"""``GGML_MAX_SRC``: tensors that one dependency node keeps alive."""

Supports = Callable[[Node, int], bool]
"""Can this backend compute that node."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Leaves and nodes, copies and dependencies included, each with the backend whose buffer holds it.

    starts: the first node of each split.
    """

    leafs: list[tuple[Node, int]]
    nodes: list[Node]
    starts: list[Node]


@dataclass(slots=True)
class _Split:
    backend: int
    inputs: list[tuple[Node, Node]]
    nodes: list[Node]


class Scheduler:
    """Assigns backends and splits for one graph; the graph is consumed."""

    def __init__(self, gpus: int, *, pipeline: bool, op_offload: bool, supports: Supports) -> None:
        self.host = gpus
        self.copies = COPIES if pipeline else 1
        self.op_offload = op_offload
        self.supports = supports
        self.graph_inputs: list[list[Node]] = []

    def run(self, graph: Graph) -> Schedule:
        """Assign, split and copy."""
        real = [node for node in graph.nodes if node.op not in VIEWS]
        self._assign_by_weights(graph)
        self._expand(real)
        self._assign_rest(graph, real)
        splits = self._split(real)
        return self._assemble(graph, splits)

    # passes 1 to 4: assignment

    def _assign_by_weights(self, graph: Graph) -> None:
        host = self.host
        for leaf in graph.leafs:
            if leaf.home is not None:
                leaf.backend = leaf.home if leaf.home >= 0 else host
            elif leaf.input:
                leaf.backend = host
        for node in graph.nodes:
            base = node.base
            if base is not None and base.home is not None:
                node.backend = base.home if base.home >= 0 else host
            elif node.op not in _UNBOUND:
                for source in node.sources:
                    if source.weight:
                        node.backend = self._backend_of_weight(node, source)
                        break

    def _backend_of_weight(self, node: Node, weight: Node) -> int:
        if weight.backend != self.host:
            return weight.backend if self.supports(node, weight.backend) else -1
        if self.op_offload and batch_size(node) >= OFFLOAD_BATCH:
            for gpu in range(self.host):
                if self.supports(node, gpu):
                    return gpu
        return self.host

    def _expand(self, real: Sequence[Node]) -> None:
        """Nodes without a backend take that of the last one with one; GPUs go before the host."""
        gaps = _gaps(real)
        ends = (_NO_NEIGHBOUR, *real, _NO_NEIGHBOUR)
        for forward, with_host in ((True, False), (False, False), (True, True), (False, True)):
            for start, gap in gaps:
                current = ends[start].backend if forward else ends[start + len(gap) + 1].backend
                if current == self.host and not with_host:
                    current = -1
                for node in gap if forward else reversed(gap):
                    if node.backend != -1:
                        current = node.backend if with_host or node.backend != self.host else -1
                    elif current != -1 and self.supports(node, current):
                        node.backend = current

    def _assign_rest(self, graph: Graph, real: Sequence[Node]) -> None:
        for node in real:
            if node.backend == -1:
                node.backend = self._best_backend(node)
        for node in graph.nodes:
            if node.base is not None and node.backend == -1:
                node.backend = node.base.backend
            for source in node.sources:
                if source.backend == -1:
                    source.backend = node.backend if source.base is None else source.base.backend
            if node.backend == -1:
                node.backend = next(gpu for gpu in range(self.host + 1) if self.supports(node, gpu))

    def _best_backend(self, node: Node) -> int:
        def present(backend: int) -> int:
            return sum(_at(source) == backend for source in node.sources)

        able = [backend for backend in range(self.host + 1) if self.supports(node, backend)]
        return max(able, key=lambda backend: (present(backend), -backend))

    # pass 5: splits and copies

    def _split(self, real: Sequence[Node]) -> list[_Split]:
        backend = real[0].backend
        split = _Split(backend, [], [])
        splits = [split]
        multiplied = self.copies > 1
        for node in real:
            if node.backend != backend or (split.inputs and _further_weight(node, backend)):
                backend = node.backend
                split = _Split(backend, [], [])
                splits.append(split)
            split.nodes.append(node)
            for index, source in enumerate(node.sources):
                if multiplied and source.input and source.copies is None:
                    self._multiply(source)
                if source.backend != backend:
                    node.sources[index] = self._copied_to(split, source)
        return splits

    def _copied_to(self, split: _Split, source: Node) -> Node:
        """The copy of `source` on the backend of `split`, which gets it if no split had it before."""
        if source.copies is None:
            source.copies = {}
        found = source.copies.get(split.backend)
        if found is None:
            found = [self._copy(source, split.backend) for _ in range(self.copies)]
            source.copies[split.backend] = found
            split.inputs.append((source, found[0]))
        return found[0]

    def _multiply(self, leaf: Node) -> None:
        """Copies of a graph input on its own backend; the first is the input itself."""
        copies = [leaf, *(self._copy(leaf, leaf.backend) for _ in range(self.copies - 1))]
        leaf.output = True
        leaf.copies = {leaf.backend: copies}
        self.graph_inputs.append(copies)

    def _copy(self, source: Node, backend: int) -> Node:
        copy = Node("none", source.ne, [], source.element, source.nb)
        copy.nbytes = source.nbytes
        copy.backend = backend
        copy.input = copy.output = self.copies > 1
        return copy

    # the graph that is allocated

    def _assemble(self, graph: Graph, splits: Sequence[_Split]) -> Schedule:
        nodes: list[Node] = []
        kept = kept_alive(graph, self._numbers(splits)) if graph.fusions else {}
        starts = {split.nodes[0]: split for split in splits[1:]}
        self._copied(splits[0], nodes)
        for node in graph.nodes:
            if node in starts:
                self._copied(starts[node], nodes)
            nodes.append(node)
            if node in kept:
                held = kept[node]
                for start in range(0, len(held), KEPT_PER_NODE):
                    nodes.append(_dependency(list(held[start : start + KEPT_PER_NODE]), node.backend))
        return Schedule(self._leafs(graph, splits), nodes, [split.nodes[0] for split in splits])

    def _numbers(self, splits: Sequence[_Split]) -> dict[Node, int]:
        """Number of the split of each node that a GPU computes."""
        return {
            node: number
            for number, split in enumerate(splits)
            if split.backend != self.host
            for node in split.nodes
        }

    def _copied(self, split: _Split, nodes: list[Node]) -> None:
        for source, copy in split.inputs:
            nodes.append(_dependency([source], source.backend))
            nodes.append(copy)

    def _leafs(self, graph: Graph, splits: Sequence[_Split]) -> list[tuple[Node, int]]:
        leafs: list[tuple[Node, int]] = []
        if self.copies > 1:
            leafs += [(copy, self.host) for copies in self.graph_inputs for copy in copies]
            for split in splits:
                for source, _ in split.inputs:
                    copies = (source.copies or {})[split.backend]
                    leafs += [(copy, split.backend) for copy in copies]
        return leafs + [(leaf, leaf.backend) for leaf in graph.leafs]


_UNBOUND = frozenset({"rope", "flash_attn"})
"""Operations that are not computed where their weights are, but where their neighbours are."""

_NO_NEIGHBOUR = Node("none", (1, 1, 1, 1), [])


def _gaps(real: Sequence[Node]) -> list[tuple[int, list[Node]]]:
    """Runs of nodes without a backend, each with its position."""
    gaps: list[tuple[int, list[Node]]] = []
    following = -1
    for index, node in enumerate(real):
        if node.backend == -1:
            if index != following:
                gaps.append((index, []))
            gaps[-1][1].append(node)
            following = index + 1
    return gaps


def _at(node: Node) -> int:
    """The backend of `node`, of a view that of what it views."""
    if node.base is not None and (node.base.home is not None or node.backend == -1):
        return node.base.backend
    return node.backend


def _further_weight(node: Node, backend: int) -> bool:
    """A further weight from elsewhere starts a split, so that the memory of the last one is free."""
    return any(source.weight and source.backend != backend for source in node.sources)


OFFLOAD_BATCH = 32
"""``GGML_OP_OFFLOAD_MIN_BATCH``: rows from which a GPU computes with weights of the host."""


def batch_size(node: Node) -> int:
    """Rows of an operation for the decision to offload it (``get_op_batch_size`` in ggml-cuda)."""
    if node.op == "get_rows":
        return 0
    if node.op == "mul_mat":
        return node.ne[1]
    if node.op in {"mul_mat_id", "mul_mat_id_f32", "rope"}:
        return node.ne[2]
    return node.ne[1] * node.ne[2] * node.ne[3]


def _dependency(kept: list[Node], backend: int) -> Node:
    """A node that computes nothing and keeps its sources alive up to its place."""
    node = Node("none", kept[0].ne, kept, kept[0].element, kept[0].nb, kept[0].base or kept[0])
    node.backend = backend
    return node
