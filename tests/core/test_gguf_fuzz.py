"""Damaged headers: refused with the one error, at a byte of the file, or read. `make fuzz` runs longer."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gguf_bytes import MemorySource, small_file
from launcher.core.gguf_split import read_header
from launcher.core.header import HeaderError
from launcher.edges.headers.types import tensor_types
from mutations import mutate

SHIPPED = sorted((Path(__file__).parents[2] / "profiles" / "headers").glob("*.gguf"))


def read_or_refuse(data: bytes) -> None:
    """Either a header whose tensors all have a size, or the one error at a byte of the file."""
    try:
        header = read_header([MemorySource(data)], tensor_types(), "file")
    except HeaderError as refusal:
        error = refusal
    else:
        assert all(tensor.nbytes > 0 for tensor in header.tensors)
        return
    assert 0 <= error.offset <= len(data)


@given(st.integers(min_value=0))
def test_a_damaged_small_file_is_read_or_refused(seed: int) -> None:
    read_or_refuse(mutate(small_file(), random.Random(seed)))


@given(st.binary(max_size=300))
def test_any_bytes_after_the_magic_are_read_or_refused(data: bytes) -> None:
    read_or_refuse(b"GGUF\x03\0\0\0" + data)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_damaged_headers_of_real_models_are_read_or_refused(path: Path) -> None:
    chance, data = random.Random(path.name), path.read_bytes()
    for _ in range(40):
        read_or_refuse(mutate(data, chance))
