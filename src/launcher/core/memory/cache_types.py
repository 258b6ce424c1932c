"""Sizes of the types that a KV cache can have."""

from dataclasses import dataclass

from launcher.core.errors import misuse


@dataclass(frozen=True, slots=True)
class CacheType:
    """`block_bytes` for `block` elements, as ggml stores them. `number`: the ggml_type."""

    name: str
    number: int
    block: int
    block_bytes: int

    @property
    def quantized(self) -> bool:
        return self.block > 1

    def nbytes(self, elements: int) -> int:
        """Bytes of `elements`, whole blocks."""
        return elements // self.block * self.block_bytes


CACHE_TYPES = {
    cache.name: cache
    for cache in (
        CacheType("f32", 0, 1, 4),
        CacheType("f16", 1, 1, 2),
        CacheType("bf16", 30, 1, 2),
        CacheType("q8_0", 8, 32, 34),
        CacheType("q4_0", 2, 32, 18),
        CacheType("q4_1", 3, 32, 20),
        CacheType("iq4_nl", 20, 32, 18),
        CacheType("q5_0", 6, 32, 22),
        CacheType("q5_1", 7, 32, 24),
    )
}


def cache_type(name: str) -> CacheType:
    """The cache type of that name (``--cache-type-k``). Raises UsageError naming the choices."""
    found = CACHE_TYPES.get(name)
    if found is None:
        raise misuse(f"unsupported cache type {name!r}", hint="one of " + ", ".join(CACHE_TYPES))
    return found
