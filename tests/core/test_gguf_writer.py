"""What is written reads back as it was."""

from hypothesis import given
from hypothesis import strategies as st

from gguf_bytes import TYPES, MemorySource
from launcher.core.gguf_reader import Pair, read_part, tensor_bytes
from launcher.core.gguf_writer import write_header
from launcher.core.header import Scalar, Tensor

SCALARS: dict[int, st.SearchStrategy[Scalar]] = {
    0: st.integers(0, 255),
    1: st.integers(-128, 127),
    2: st.integers(0, 2**16 - 1),
    3: st.integers(-(2**15), 2**15 - 1),
    4: st.integers(0, 2**32 - 1),
    5: st.integers(-(2**31), 2**31 - 1),
    6: st.floats(width=32, allow_nan=False),
    7: st.booleans(),
    8: st.text(max_size=20),
    10: st.integers(0, 2**64 - 1),
    11: st.integers(-(2**63), 2**63 - 1),
    12: st.floats(allow_nan=False),
}


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    kind = draw(st.sampled_from(sorted(SCALARS)))
    key = draw(st.text(min_size=1, max_size=20).filter(lambda text: text != "general.alignment"))
    one = SCALARS[kind]
    return Pair(key, kind, draw(one | st.lists(one, max_size=5).map(tuple)))


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    kind = draw(st.sampled_from(sorted(TYPES)))
    blocks, *rest = draw(st.lists(st.integers(1, 50), min_size=1, max_size=4))
    shape = (blocks * TYPES[kind].block, *rest)
    return Tensor(draw(st.text(max_size=15)), shape, kind, tensor_bytes(shape, TYPES[kind]))


@given(
    st.lists(pairs(), max_size=8, unique_by=lambda pair: pair.key),
    st.lists(tensors(), max_size=8, unique_by=lambda tensor: tensor.name),
)
def test_metadata_and_tensors_survive(entries: list[Pair], listed: list[Tensor]) -> None:
    data = write_header(entries, listed)
    part = read_part(MemorySource(data), TYPES)
    assert (part.pairs, part.tensors) == (tuple(entries), tuple(listed))
    assert part.data_start == len(data)
