"""Buffer sizes of a scheduled graph: ggml's best-fit allocator (``ggml/src/ggml-alloc.c``, build 11160)."""

from collections.abc import Callable, Collection, Sequence

from launcher.core.memory.graph.node import INPLACE, Node
from launcher.core.memory.graph.schedule import Schedule

_ENDLESS = 1 << 62


class Heap:
    """Free blocks of one buffer, sorted by offset; the last one is endless. `peak`: bytes needed."""

    __slots__ = ("alignment", "blocks", "peak")

    def __init__(self, alignment: int) -> None:
        self.alignment = alignment
        self.blocks: list[list[int]] = [[0, _ENDLESS]]
        self.peak = 0

    def take(self, size: int) -> int:
        """Offset of a block of `size` bytes: the smallest hole that holds it, else the end."""
        size = -(-size // self.alignment) * self.alignment
        blocks = self.blocks
        last = len(blocks) - 1
        best, best_size = last, _ENDLESS
        for index in range(last):
            room = blocks[index][1]
            if size <= room <= best_size:
                best, best_size = index, room
        block = blocks[best]
        offset = block[0]
        block[0] += size
        block[1] -= size
        if block[1] == 0:
            del blocks[best]
        self.peak = max(self.peak, offset + size)
        return offset

    def give(self, offset: int, size: int) -> None:
        """Return `size` bytes at `offset`, merged with a free neighbour on either side.

        Empty tensors leave empty blocks, out of order behind the endless one; they keep
        neighbours apart in the engine, and so here.
        """
        size = -(-size // self.alignment) * self.alignment
        blocks = self.blocks
        end = offset + size
        for index, block in enumerate(blocks):
            if block[0] + block[1] == offset:
                block[1] += size
                self._join(index)
                return
            if block[0] == end:
                block[0] = offset
                block[1] += size
                if index:
                    self._join(index - 1)
                return
        index = 0
        while index < len(blocks) and blocks[index][0] < offset:
            index += 1
        blocks.insert(index, [offset, size])

    def _join(self, index: int) -> None:
        """Merge a block with the next one if they touch."""
        blocks = self.blocks
        if index + 1 < len(blocks) and blocks[index][0] + blocks[index][1] == blocks[index + 1][0]:
            blocks[index][1] += blocks.pop(index + 1)[1]


SizeOf = Callable[[Node, int], int]
"""Bytes that a node takes in the buffer of a backend."""


State = tuple[tuple[tuple[int, int], ...], ...]
"""Buffers at some moment: free blocks of each, then where each tensor in use lies, oldest first."""


def buffer_sizes(
    schedule: Schedule, alignments: Sequence[int], size_of: SizeOf, watched: Collection[Node] = ()
) -> tuple[tuple[int, ...], list[State]]:
    """Bytes of the compute buffer of each backend, and the states before the `watched` nodes."""
    states: list[State] = []
    heaps = [Heap(alignment) for alignment in alignments]
    allocation = _Allocation(heaps, size_of)
    allocation.prepare(schedule)
    allocate, release = allocation.allocate, allocation.release
    for node in schedule.nodes:
        if node in watched:
            states.append(allocation.state())
        backend = node.backend
        for source in node.sources:
            if source.pending:
                allocate(source, backend)
        if node.pending:
            allocate(node, backend)
        for source in node.sources:
            source.children -= 1
            if not (source.children or source.views):
                release(source)
    return tuple(heap.peak for heap in heaps), states


class _Allocation:
    def __init__(self, heaps: Sequence[Heap], size_of: SizeOf) -> None:
        self.heaps = heaps
        self.size_of = size_of
        self.live: dict[Node, None] = {}

    def prepare(self, schedule: Schedule) -> None:
        """Allocate leaves and inputs, and count the users and views of every tensor."""
        for leaf, backend in schedule.leafs:
            if leaf.pending:
                self.allocate(leaf, backend)
        for node in schedule.nodes:
            if node.base is not None and node.op != "none":
                node.base.views += 1
            if node.input and node.pending:
                self.allocate(node, node.backend)
            for source in node.sources:
                source.children += 1
                if source.input and source.pending:
                    self.allocate(source, node.backend)

    def state(self) -> State:
        """Free blocks and tensors in use, as they are now."""
        free = (tuple((block[0], block[1]) for block in heap.blocks) for heap in self.heaps)
        return (*free, tuple((node.backend, node.offset) for node in self.live))

    def allocate(self, node: Node, backend: int) -> None:
        """Give a pending tensor its place, that of an operand if it can be computed there."""
        node.pending = False
        self.live[node] = None
        if node.op in INPLACE and self._reuse(node):
            return
        node.backend = backend
        node.size = self.size_of(node, backend)
        node.offset = self.heaps[backend].take(node.size)

    def _reuse(self, node: Node) -> bool:
        for parent in node.sources:
            free = parent.children == 1 and not parent.views and parent in self.live and not parent.output
            if free and node.same_layout(parent):
                self._take_over(node, parent)
                return True
        return False

    def _take_over(self, node: Node, owner: Node) -> None:
        heap = self.heaps[owner.backend]
        del self.live[owner]
        node.backend, node.offset = owner.backend, owner.offset
        node.size = self.size_of(node, owner.backend)
        spare = heap.alignment
        old, new = -(-owner.size // spare) * spare, -(-node.size // spare) * spare
        if old > new:
            heap.give(owner.offset + new, old - new)

    def release(self, node: Node) -> None:
        """Free a tensor without users, or what it views if nobody else does."""
        owner = node
        if node.base is not None:
            owner = node.base
            owner.views -= 1
            if owner.views or owner.children:
                return
        if owner in self.live and not owner.output:
            del self.live[owner]
            self.heaps[owner.backend].give(owner.offset, owner.size)
