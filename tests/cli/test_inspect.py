"""``launcher inspect`` and ``launcher snapshot``, as commands."""

import json
from pathlib import Path

import pytest

from gguf_bytes import small_file
from launcher import cli

HEADERS = Path(__file__).parents[2] / "profiles" / "headers"


def test_inspect_tells_what_a_model_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["inspect", str(HEADERS / "Qwen3.5-35B-A3B-Q6_K.gguf")]) == 0
    out = capsys.readouterr().out
    for words in (
        "mixture of 256 experts, 8 and 1 shared used per token",
        "34.66 billion, 3.45 billion active per token",
        "grouped-query: 16 heads on 2; 10 layers keep a KV cache",
        "DeltaNet: 30 layers keep a state, 62.8 MiB per sequence",
        "reconstructed from the published configuration, not read from the file",
    ):
        assert words in out


def test_inspect_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    model = str(HEADERS / "SmolLM2-135M-Instruct.Q4_1.gguf")
    assert cli.run(["inspect", model, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["schema"], value["model"], value["header"]) == ("launcher.inspect/1", model, "snapshot")
    assert value["experts"] is None
    assert value["attention"]["cached_layers"] == value["layers"] == 30


def test_inspect_of_what_is_not_there_names_the_next_step(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run(["inspect", str(tmp_path / "m.gguf")]) == 1
    assert "launcher snapshot URL" in capsys.readouterr().err


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "models.conf").write_text("[mine]\nMODEL=sub/m-Q8_0.gguf\n[far]\nHF_REPO=org/repo\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_snapshot_keeps_a_header_beside_the_profiles(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "m-Q8_0.gguf").write_bytes(small_file())
    assert cli.run(["snapshot", "m-Q8_0.gguf", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    kept = project / "profiles" / "headers" / "m-Q8_0.gguf"
    assert (value["path"], value["bytes"]) == (str(kept), kept.stat().st_size)
    assert value["origin"]["file_bytes"] == len(small_file())


def test_a_profile_is_looked_at_and_kept_by_its_model(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = project / "models" / "sub" / "m-Q8_0.gguf"
    model.parent.mkdir(parents=True)
    model.write_bytes((HEADERS / "SmolLM2-135M-Instruct.Q4_1.gguf").read_bytes())
    assert cli.run(["snapshot", "mine"]) == 0
    model.unlink()
    capsys.readouterr()
    assert cli.run(["inspect", "mine"]) == 0
    assert "a snapshot of the file" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "message", "code"),
    [
        ("far", "far: llama-server itself downloads the model", 1),
        ("mime", "did you mean mine?", 2),
    ],
)
def test_a_profile_without_a_file_is_an_error(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, message: str, code: int
) -> None:
    assert cli.run(["inspect", name]) == code
    assert message in capsys.readouterr().err


def test_snapshot_writes_where_it_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "m.gguf").write_bytes(small_file())
    assert cli.run(["snapshot", "m.gguf", "--output", "kept.gguf"]) == 0
    assert capsys.readouterr().out.startswith("kept.gguf: ")
    assert (project / "kept.gguf").is_file()


def test_a_broken_file_is_an_error_at_its_byte(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "m.gguf").write_bytes(b"GGML")
    assert cli.run(["snapshot", "m.gguf"]) == 1
    assert "m.gguf, byte 0: expected b'GGUF', got b'GGML'" in capsys.readouterr().err
