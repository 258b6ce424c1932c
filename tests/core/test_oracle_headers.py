"""The headers of 46 models against the sizes of their files, and against the gguf package's reader."""

import gzip
import json
from pathlib import Path

import pytest

from gguf_bytes import MemorySource
from launcher.core.architecture import describe
from launcher.core.gguf_reader import read_part
from launcher.core.gguf_split import read_header
from launcher.edges.headers.types import tensor_types

pytestmark = pytest.mark.oracle

FOLDER = Path(__file__).parents[3] / "shared" / "oracle" / "headers"
SIZES: dict[str, int] = json.loads((FOLDER / "sizes.json").read_text()) if FOLDER.is_dir() else {}


def source(name: str) -> MemorySource:
    data = gzip.decompress((FOLDER / f"{name}.gz").read_bytes())
    return MemorySource(data, name=name, length=SIZES[name])


@pytest.mark.parametrize("name", SIZES)
def test_the_tensors_fill_the_file_to_the_byte(name: str) -> None:
    part = read_part(source(name), tensor_types())
    assert part.data_start + part.data_bytes == SIZES[name]


@pytest.mark.parametrize("name", SIZES)
def test_every_model_can_be_described(name: str) -> None:
    found = describe(read_header([source(name)], tensor_types(), "file"), tensor_types())
    assert 0 < found.active_parameters <= found.parameters
    assert found.attention or found.recurrence
    assert sum(share.bytes for share in found.quantization) <= SIZES[name]


@pytest.mark.parametrize("name", [name for name in SIZES if SIZES[name] < 1 << 33])
def test_the_gguf_package_finds_the_same_tensors(name: str, tmp_path: Path) -> None:
    from gguf import GGUFReader

    file = tmp_path / name
    file.write_bytes(source(name).data)
    with file.open("r+b") as opened:
        opened.truncate(SIZES[name])
    theirs = [(each.name, each.shape.tolist(), int(each.n_bytes)) for each in GGUFReader(file).tensors]
    ours = read_part(source(name), tensor_types()).tensors
    assert [(each.name, list(each.shape), each.nbytes) for each in ours] == theirs
