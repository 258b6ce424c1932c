"""Element types of tensors: those that a KV cache can have, and indices."""

from dataclasses import dataclass

from launcher.core.errors import misuse


@dataclass(frozen=True, slots=True)
class Element:
    """A ggml type: `block_bytes` for `block` elements. `number`: the ggml_type."""

    name: str
    number: int
    block: int
    block_bytes: int

    def nbytes(self, elements: int) -> int:
        """Bytes of `elements`, whole blocks."""
        return elements // self.block * self.block_bytes


F32 = Element("f32", 0, 1, 4)
F16 = Element("f16", 1, 1, 2)
I32 = Element("i32", 26, 1, 4)
I64 = Element("i64", 27, 1, 8)

CACHE_TYPES = {
    cache.name: cache
    for cache in (
        F32,
        F16,
        Element("bf16", 30, 1, 2),
        Element("q8_0", 8, 32, 34),
        Element("q4_0", 2, 32, 18),
        Element("q4_1", 3, 32, 20),
        Element("iq4_nl", 20, 32, 18),
        Element("q5_0", 6, 32, 22),
        Element("q5_1", 7, 32, 24),
    )
}


def cache_type(name: str) -> Element:
    """The cache type of that name (``--cache-type-k``). Raises UsageError naming the choices."""
    found = CACHE_TYPES.get(name)
    if found is None:
        raise misuse(f"unsupported cache type {name!r}", hint="one of " + ", ".join(CACHE_TYPES))
    return found
