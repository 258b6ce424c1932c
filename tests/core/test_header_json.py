"""A header survives the cache."""

import pytest

from gguf_bytes import TYPES, MemorySource, small_file
from launcher.core.gguf_split import read_header
from launcher.core.header_json import dump_header, load_header


def test_a_header_reads_back_as_it_was() -> None:
    header = read_header([MemorySource(small_file())], TYPES, "file")
    assert load_header(dump_header(header)) == header


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"metadata": {"k": null}, "tensors": []}'])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        load_header(text)
