"""One header of several parts."""

import pytest

from gguf_bytes import STRING, TYPES, U32, MemorySource, Writer, small_file
from launcher.core.errors import LauncherError
from launcher.core.gguf_names import missing_part, part_names, whole_name
from launcher.core.gguf_split import read_header
from launcher.core.header import HeaderError

WRITE = Writer()
NAMES = ("m/big-00001-of-00002.gguf", "m/big-00002-of-00002.gguf")


def part(number: int, tensor: str, *, count: int = 2, total: int = 2) -> MemorySource:
    pairs = [
        WRITE.pair("split.no", U32, number),
        WRITE.pair("split.count", U32, count),
        WRITE.pair("split.tensors.count", U32, total),
    ]
    if number == 0:
        pairs.append(WRITE.pair("general.architecture", STRING, "llama"))
    return MemorySource(WRITE.file(pairs, [WRITE.tensor(tensor, [8], 0, 0)], data=32), name=NAMES[number])


def test_names_of_all_parts_follow_from_the_first() -> None:
    assert part_names(NAMES[0]) == NAMES
    assert part_names("a/one.gguf") == ("a/one.gguf",)
    assert [whole_name(name) for name in NAMES] == ["m/big.gguf"] * 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (NAMES[1], "this is part 2 of 2\n  hint: name the first: m/big-00001-of-00002.gguf"),
        ("x-00001-of-00000.gguf", "expected 1 to 1000 parts, got 0"),
        ("x-00001-of-99999.gguf", "expected 1 to 1000 parts, got 99999"),
    ],
)
def test_a_name_that_is_no_first_part_is_refused(name: str, message: str) -> None:
    with pytest.raises(LauncherError) as caught:
        part_names(name)
    assert message in str(caught.value)


def test_a_missing_part_is_named() -> None:
    assert str(missing_part(NAMES[1], NAMES)).startswith(f"{NAMES[1]}: part 2 of 2 is missing")


def test_parts_become_one_header() -> None:
    sources = [part(0, "a"), part(1, "b")]
    header = read_header(sources, TYPES, "file")
    assert [tensor.name for tensor in header.tensors] == ["a", "b"]
    assert header.file_bytes == sum(source.size for source in sources)
    assert (header.architecture, header.source) == ("llama", "file")


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([part(0, "a")], "split.count is 2, but the file name says 1"),
        ([part(0, "a"), part(0, "b")], "split.no is 0, expected 1"),
        ([part(0, "a"), part(1, "a")], "tensor 'a' stands in an earlier part, too"),
        ([part(0, "a", total=3), part(1, "b")], "2 tensors, but split.tensors.count is 3"),
        ([MemorySource(WRITE.file([]))], "the metadata name no general.architecture"),
        ([MemorySource(small_file()[:-1])], "the file ends here, but with its tensors it takes"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(sources: list[MemorySource], message: str) -> None:
    with pytest.raises(HeaderError) as caught:
        read_header(sources, TYPES, "file")
    assert message in str(caught.value)
