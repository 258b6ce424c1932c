"""The parser: what a right file says, and how each wrong one is refused."""

import struct
import tracemalloc
from collections.abc import Callable

import pytest

from gguf_bytes import ARRAY, F32, STRING, TYPES, U32, U64, MemorySource, Writer, small_file
from launcher.core.gguf_cursor import MAX_STRINGS
from launcher.core.gguf_reader import read_part
from launcher.core.header import HeaderError, SkippedArray, Tensor

WRITE = Writer()
ARCHITECTURE = WRITE.pair("general.architecture", STRING, "llama")
FIRST_PAIR = 24


def refused(data: bytes) -> HeaderError:
    with pytest.raises(HeaderError) as caught:
        read_part(MemorySource(data), TYPES)
    return caught.value


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("window", [1, 100, 1 << 20])
def test_a_file_says_its_metadata_and_tensors(order: str, version: int, window: int) -> None:
    data = small_file(order, version)
    part = read_part(MemorySource(data, window=window), TYPES)
    assert {pair.key: pair.value for pair in part.pairs} == {
        "general.architecture": "llama",
        "llama.block_count": 2,
        "llama.rope.freq_base": 0.5,
        "llama.some_flag": True,
        "llama.attention.head_count_kv": (8, 4),
        "tokenizer.ggml.tokens": SkippedArray(STRING, 2000),
        "tokenizer.ggml.scores": SkippedArray(F32, 2000),
    }
    assert part.tensors == (
        Tensor("token_embd.weight", (64, 3), 8, 204),
        Tensor("output_norm.weight", (64,), 0, 256),
    )
    assert (part.data_bytes, part.data_start + part.data_bytes) == (480, len(data))


def test_every_truncation_is_refused_within_the_bytes_that_are_left() -> None:
    data = small_file()
    end = read_part(MemorySource(data), TYPES).data_start
    for length in [*range(400), *range(400, end - 32, 97)]:
        assert refused(data[:length]).offset <= length


def test_a_file_that_shrinks_while_it_is_read_is_refused() -> None:
    data = small_file()
    with pytest.raises(HeaderError, match="the file ends within"):
        read_part(MemorySource(data[:300], length=len(data)), TYPES)


@pytest.mark.parametrize(
    ("data", "offset", "what"),
    [
        (b"GGML" + bytes(40), 0, "not a GGUF file"),
        (WRITE.file([ARCHITECTURE], version=1), 4, "GGUF version 1;"),
        (WRITE.file([ARCHITECTURE], version=4), 4, "GGUF version 4;"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), 8, "1,152,921,504,606,846,976 tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60), 16, "metadata keys; at most"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2000), 24, "a list of 2,000 metadata keys"),
        (WRITE.file([WRITE.number("Q", 1 << 60) + bytes(8)]), 32, "metadata key 0 takes"),
        (WRITE.file([WRITE.text("") + bytes(8)]), FIRST_PAIR, "an empty key"),
        (WRITE.file([ARCHITECTURE, ARCHITECTURE]), 24 + len(ARCHITECTURE), "stands twice"),
        (WRITE.file([WRITE.pair(b"k\xff", U32, 1)]), FIRST_PAIR, "is not UTF-8"),
        (WRITE.file([WRITE.text("k") + WRITE.number("I", 13) + bytes(9)]), 33, "'k' has unknown type 13"),
        (WRITE.file([WRITE.text("k") + WRITE.number("I", ARRAY, ARRAY) + bytes(8)]), 37, "array of arrays"),
        (WRITE.file([WRITE.text("k") + WRITE.number("I", ARRAY, 99) + bytes(8)]), 37, "element type 99"),
        (
            WRITE.file([WRITE.text("k") + WRITE.number("I", ARRAY, U64) + WRITE.number("Q", 1 << 60)]),
            49,
            "'k' takes 9,223,372,036,854,775,808 bytes",
        ),
        (
            WRITE.file([WRITE.text("k") + WRITE.number("I", ARRAY, STRING) + WRITE.number("Q", 1 << 60)]),
            49,
            f"above {MAX_STRINGS:,}",
        ),
        (WRITE.file([WRITE.pair("general.alignment", U32, 48)]), FIRST_PAIR, "power of two"),
        (WRITE.file([WRITE.pair("general.alignment", U64, 32)]), FIRST_PAIR, "power of two"),
        (WRITE.file([WRITE.pair("general.alignment", U32, 0)]), FIRST_PAIR, "power of two"),
        (WRITE.file([], [WRITE.tensor("t" * 64, [1], 0, 0)]), 24, "more than 63 bytes"),
        (WRITE.file([], [WRITE.tensor("t", [1] * 5, 0, 0)]), 37, "5 dimensions"),
        (WRITE.file([], [WRITE.tensor("t", [1], 99, 0)]), 45, "unknown type 99"),
        (WRITE.file([], [WRITE.tensor("t", [128], 42, 0)]), 45, "unknown type 42"),
        (WRITE.file([], [WRITE.tensor("t", [32, 0], 0, 0)]), 24, "has 0 elements"),
        (WRITE.file([], [WRITE.tensor("t", [1 << 40, 1 << 40], 0, 0)]), 24, "shape [1099511627776, "),
        (WRITE.file([], [WRITE.tensor("t", [1 << 62], 0, 0)]), 24, "has 4,611,686,018,427,387,904 elements"),
        (WRITE.file([], [WRITE.tensor("t", [48], 8, 0)]), 24, "not a multiple of Q8_0's block of 32"),
        (WRITE.file([], [WRITE.tensor("t", [8], 0, 32)]), 49, "offset 32, expected 0"),
        (
            WRITE.file([], [WRITE.tensor("t", [8], 0, 0), WRITE.tensor("u", [8], 0, 0)]),
            82,
            "offset 0, expected 32",
        ),
        (
            WRITE.file([], [WRITE.tensor("t", [8], 0, 0), WRITE.tensor("t", [8], 0, 32)]),
            57,
            "tensor 't' stands twice",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_wrong_file_is_refused_at_its_byte(data: bytes, offset: int, what: str) -> None:
    error = refused(data)
    assert what in str(error)
    assert error.offset == offset
    assert str(error).startswith(f"model.gguf, byte {offset:,}: ")


def test_a_string_of_a_vocabulary_that_runs_past_the_end_is_refused() -> None:
    tokens = WRITE.array("tokens", STRING, ["t"] * 1999 + ["last"])
    data = WRITE.file([tokens[:-12] + WRITE.number("Q", 1 << 60) + b"last"])
    assert "takes 1,152,921,504,606,8" in str(refused(data))


class Sparse:
    """A file in which every string is far from the next; each read gives a whole window."""

    name = "sparse.gguf"
    size = 1 << 40

    def __init__(self, start: bytes) -> None:
        self.start = start

    def read(self, offset: int, length: int) -> bytes:
        window = self.start[offset:] if offset < len(self.start) else struct.pack("<Q", 1 << 21)
        return window.ljust(1 << 20, b"\0")


def test_a_header_that_is_spread_over_the_file_is_refused_after_a_bounded_number_of_reads() -> None:
    start = (
        b"GGUF"
        + struct.pack("<IQQ", 3, 0, 1)
        + WRITE.text("k")
        + struct.pack("<IIQ", ARRAY, STRING, MAX_STRINGS)
    )
    with pytest.raises(HeaderError, match="the header is longer than 67,108,864 bytes"):
        read_part(Sparse(start), TYPES)


@pytest.mark.parametrize(
    "array",
    [lambda key: WRITE.array(key, F32, [1.0] * 1024), lambda key: WRITE.array(key, STRING, [""] * 1024)],
    ids=["numbers", "empty strings"],
)
def test_metadata_that_would_fill_the_memory_are_refused_cheaply(array: Callable[[str], bytes]) -> None:
    data = WRITE.file([array(f"k{index}") for index in range(500)])
    tracemalloc.start()
    try:
        error = refused(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "brings the metadata above" in str(error)
    assert peak < 64 << 20
    assert error.offset < len(data) / 5
