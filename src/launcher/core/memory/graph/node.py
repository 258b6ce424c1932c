"""Node: a tensor of the compute graph, with its shape and what it is computed from."""

from launcher.core.memory.element import F32, Element

Shape = tuple[int, int, int, int]

INPLACE = frozenset(
    {
        "fill", "scale", "add", "add_id", "sub", "mul", "div", "sqr", "sqrt", "unary", "rope", "rms_norm",
        "clamp", "soft_max",
    }
)  # fmt: skip
"""Operations that may write over their operand (``ggml_op_can_inplace``, build 11160)."""

VIEWS = frozenset({"view", "reshape", "permute", "transpose"})
"""Operations that compute nothing (``ggml_is_view_op``)."""


def contiguous(ne: Shape, element: Element) -> Shape:
    """Strides in bytes of a dense tensor."""
    row = ne[0] // element.block * element.block_bytes
    plane = row * ne[1]
    return (element.block_bytes, row, plane, plane * ne[2])


class Node:
    """One tensor. Mutable, because the scheduler and the allocator mark it; made anew for each graph.

    op: "none" for a leaf. ne, nb: elements and strides in bytes of four dimensions. base: the
    tensor that this one is a view of. home: the device of a leaf that exists before the graph (a
    weight or a cache), None for others. input: filled by the host before a run. pending: has yet to
    get its memory; offset and size are set when it does.
    """

    __slots__ = (
        "backend", "base", "children", "copies", "element", "home", "input", "nb", "nbytes", "ne", "offset",
        "op", "output", "pending", "size", "sources", "views", "visited", "weight",
    )  # fmt: skip

    def __init__(
        self,
        op: str,
        ne: Shape,
        sources: list["Node"],
        element: Element = F32,
        nb: Shape | None = None,
        base: "Node | None" = None,
    ) -> None:
        self.op = op
        self.ne = ne
        self.element = element
        self.sources = sources
        if nb is None:
            row = ne[0] // element.block * element.block_bytes
            plane = row * ne[1]
            self.nb = (element.block_bytes, row, plane, plane * ne[2])
            self.nbytes = plane * ne[2] * ne[3]
        else:
            self.nb = nb
            self.nbytes = _strided(ne, nb, element)
        self.base = base
        self.home: int | None = None
        self.weight = False
        self.input = False
        self.output = False
        self.visited = False
        self.backend = -1
        self.copies: dict[int, list[Node]] | None = None
        self.children = 0
        self.views = 0
        self.pending = base is None
        self.offset: int
        self.size: int

    @property
    def is_contiguous(self) -> bool:
        return self.nb == contiguous(self.ne, self.element)

    def same_layout(self, other: "Node") -> bool:
        """Equal type, shape and strides: a condition for computing in place."""
        return self.ne == other.ne and self.nb == other.nb and self.element is other.element


def _strided(ne: Shape, nb: Shape, element: Element) -> int:
    if 0 in ne:
        return 0
    first = ne[0] * nb[0] // element.block
    if element.block == 1:
        first = element.block_bytes + (ne[0] - 1) * nb[0]
    return first + (ne[1] - 1) * nb[1] + (ne[2] - 1) * nb[2] + (ne[3] - 1) * nb[3]
