"""Graph: builds nodes in ggml's vocabulary and keeps them in the order of execution."""

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.core.memory.element import F16, F32, I32, Element
from launcher.core.memory.graph.node import Node, Shape


@dataclass(frozen=True, slots=True)
class Fusion:
    """Nodes that a GPU computes in one kernel, if all of them are in one split of its own.

    leading: the operands of so many first nodes stay allocated up to the last one; None: all nodes
    and their operands do, up to the node that follows.
    """

    nodes: tuple[Node, ...]
    leading: int | None


class Graph:
    """Nodes in the order in which they were expanded (``ggml_build_forward_expand``)."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.leafs: list[Node] = []
        self.fusions: list[Fusion] = []

    def expand(self, node: Node) -> Node:
        """Append `node` after everything that it needs."""
        if not node.visited:
            self._visit(node)
        return node

    def _visit(self, node: Node) -> None:
        node.visited = True
        for source in node.sources:
            if not source.visited:
                self._visit(source)
        (self.leafs if node.op == "none" else self.nodes).append(node)

    # leaves

    def input(self, *ne: int, element: Element = F32) -> Node:
        """A tensor that the host fills before each run."""
        node = Node("none", _shape(ne), [], element)
        node.input = True
        return node

    def stored(self, home: int, ne: Shape, element: Element, *, weight: bool) -> Node:
        """A tensor that exists before the graph: a weight or a cache."""
        node = Node("none", ne, [], element)
        node.home = home
        node.pending = False
        node.weight = weight
        return node

    # views

    def view(self, a: Node, ne: Sequence[int], nb: Sequence[int]) -> Node:
        """A part of `a` with strides nb[1:]; missing strides are those of a dense tensor."""
        shape = _shape(ne)
        strides = [a.nb[0], *nb]
        while len(strides) < 4:
            strides.append(strides[-1] * shape[len(strides) - 1])
        if len(nb) == 0:
            strides[1] = strides[0] * shape[0] // a.element.block
            strides[2] = strides[1] * shape[1]
            strides[3] = strides[2] * shape[2]
        return Node(
            "view", shape, [a], a.element, (strides[0], strides[1], strides[2], strides[3]), a.base or a
        )

    def reshape(self, a: Node, *ne: int) -> Node:
        return Node("reshape", _shape(ne), [a], a.element, None, a.base or a)

    def permute(self, a: Node, *axes: int) -> Node:
        """Dimension i of `a` becomes dimension axes[i]."""
        ne, nb = [0] * 4, [0] * 4
        for index, axis in enumerate(axes):
            ne[axis], nb[axis] = a.ne[index], a.nb[index]
        return Node(
            "permute", (ne[0], ne[1], ne[2], ne[3]), [a], a.element, (nb[0], nb[1], nb[2], nb[3]), a.base or a
        )

    def transpose(self, a: Node) -> Node:
        return self.permute(a, 1, 0, 2, 3)

    # operations whose result looks like the first operand

    def like(self, op: str, a: Node, *others: Node | None) -> Node:
        """An operation whose dense result has the shape of `a`."""
        return Node(op, a.ne, [a, *(other for other in others if other is not None)], a.element)

    def add(self, a: Node, b: Node) -> Node:
        return Node("add", a.ne, [a, b])

    def mul(self, a: Node, b: Node) -> Node:
        return Node("mul", a.ne, [a, b])

    def scale(self, a: Node) -> Node:
        return Node("scale", a.ne, [a])

    def unary(self, a: Node) -> Node:
        """silu, gelu, relu, sigmoid, tanh, softplus, ..."""
        return Node("unary", a.ne, [a])

    def glu(self, gate: Node, up: Node) -> Node:
        """swiglu, geglu, reglu of two operands."""
        return Node("glu", gate.ne, [gate, up])

    def glu_halves(self, a: Node) -> Node:
        """swiglu, geglu, reglu of the two halves of each row."""
        return Node("glu", (a.ne[0] // 2, *a.ne[1:]), [a])

    def rope(self, a: Node, positions: Node, factors: Node | None = None) -> Node:
        return self.like("rope", a, positions, factors)

    def soft_max(self, a: Node, mask: Node | None = None, sinks: Node | None = None) -> Node:
        return self.like("soft_max", a, mask, sinks)

    def cont(self, a: Node, *ne: int) -> Node:
        return Node("cont", _shape(ne) if ne else a.ne, [a], a.element)

    def cast(self, a: Node, element: Element = F16) -> Node:
        return Node("cpy", a.ne, [a], element)

    # products, gathers, reductions

    def mul_mat(self, a: Node, b: Node) -> Node:
        return Node("mul_mat", (a.ne[1], b.ne[1], b.ne[2], b.ne[3]), [a, b])

    def mul_mat_id(self, experts: Node, b: Node, ids: Node) -> Node:
        return Node("mul_mat_id", (experts.ne[1], ids.ne[0], b.ne[2], 1), [experts, b, ids])

    def get_rows(self, a: Node, ids: Node) -> Node:
        element = I32 if a.element is I32 else F32
        return Node("get_rows", (a.ne[0], ids.ne[0], ids.ne[1], ids.ne[2]), [a, ids], element)

    def set_rows(self, target: Node, rows: Node, ids: Node) -> Node:
        return Node(
            "set_rows", target.ne, [rows, ids, target], target.element, target.nb, target.base or target
        )

    def cpy(self, a: Node, target: Node) -> Node:
        return Node("cpy", target.ne, [a, target], target.element, target.nb, target.base or target)

    def scale_inplace(self, a: Node) -> Node:
        return Node("scale", a.ne, [a], a.element, a.nb, a.base or a)

    def sum_rows(self, a: Node) -> Node:
        return Node("sum_rows", (1, *a.ne[1:]), [a])

    def top_k(self, a: Node, k: int) -> Node:
        """Indices of the k largest of each row: a view of all rows' sorted indices."""
        order = Node("argsort", a.ne, [a], I32)
        return self.view(order, (k, *a.ne[1:]), order.nb[1:])

    def repeat(self, a: Node, *ne: int) -> Node:
        return Node("repeat", _shape(ne), [a])

    def concat(self, a: Node, b: Node, axis: int) -> Node:
        ne = list(a.ne)
        ne[axis] += b.ne[axis]
        return Node("concat", _shape(ne), [a, b], a.element)

    def padded(self, a: Node, extra: int) -> Node:
        """`a` with `extra` zeros at the end of each row."""
        return Node("pad", (a.ne[0] + extra, *a.ne[1:]), [a])

    def flash_attention(self, q: Node, k: Node, v: Node, mask: Node | None, sinks: Node | None) -> Node:
        sources = [q, k, v, *(other for other in (mask, sinks) if other is not None)]
        return Node("flash_attn", (v.ne[0], q.ne[2], q.ne[1], q.ne[3]), sources)


def _shape(ne: Sequence[int]) -> Shape:
    padded = (*ne, 1, 1, 1)
    return (padded[0], padded[1], padded[2], padded[3])
