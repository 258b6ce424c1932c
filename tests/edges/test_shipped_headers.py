"""Every profile that is shipped can be planned on a machine without its model."""

from pathlib import Path

import pytest

from launcher.core.machine import Machine
from launcher.core.profiles import parse, parse_samplers
from launcher.edges.files import load_yaml, read_text, write_atomic
from launcher.edges.headers import open_headers

ROOT = Path(__file__).parents[2]
REGISTRY = parse(read_text(ROOT / "models.conf"), "models.conf")
SAMPLERS, _ = parse_samplers(load_yaml(ROOT / "profiles" / "samplers.yml"), "samplers.yml")


@pytest.mark.parametrize("name", REGISTRY.names())
def test_an_active_profile_has_a_header(name: str, tmp_path: Path) -> None:
    model = REGISTRY.resolve(name, samplers=SAMPLERS, machine=Machine(name="desk", gpus=())).model
    assert model is not None
    header = open_headers(tmp_path, ROOT / "profiles" / "headers", write_atomic).find(model)
    assert header.source in ("snapshot", "reconstructed")
    assert header.file_bytes > sum(tensor.nbytes for tensor in header.tensors)
