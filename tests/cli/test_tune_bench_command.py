"""`launcher tune --bench`: what is refused before anything is stopped or started."""

from pathlib import Path

import pytest

from launcher import cli

CONF = "[small]\nMODEL=lost.gguf\nRUNTIME=embedded\n"
MACHINE = """\
name: elsewhere
host: {memory: 64GiB}
gpus: [{name: RTX 4090, total: 24080MiB, free: 23600MiB, compute_capability: "8.9", role: compute}]
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder whose one model is missing, and a machine file of another computer."""
    (tmp_path / "models.conf").write_text(CONF)
    machines = tmp_path / "profiles" / "machines"
    machines.mkdir(parents=True)
    (machines / "elsewhere.yml").write_text(MACHINE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_another_machine_can_not_be_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["tune", "small", "--bench", "--machine", "elsewhere"]) == 2
    said = capsys.readouterr().err
    assert "the GPUs of elsewhere can only be simulated, and nothing runs on those" in said
    assert "leave --machine out" in said


@pytest.mark.parametrize("words", [[], ["--machine", "detect"]])
def test_a_model_that_is_not_here_can_not_be_started(
    words: list[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["tune", "small", "--bench", *words]) == 1
    assert "lost.gguf: neither the file nor a snapshot of it" in capsys.readouterr().err
    assert not (project / ".launcher").exists()


def test_lengths_have_to_be_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["tune", "small", "--bench", "--prompt-lengths", "long"]) == 2
    assert "--prompt-lengths: expected numbers of tokens" in capsys.readouterr().err


def test_lengths_are_for_what_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["tune", "small", "--prompt-lengths", "512"]) == 2
    assert "--prompt-lengths: nothing is measured without --bench" in capsys.readouterr().err
