"""`launcher bench` and `launcher update` where nothing runs."""

from pathlib import Path

import pytest

from launcher import cli
from launcher.core.images import Lock, lock_text

NAME = "registry/llama.cpp:server"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a profile that nobody started; Docker is not there."""
    (tmp_path / "models.conf").write_text("[glm]\nMODEL=glm.gguf\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-docker.sock")
    return tmp_path


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("lengths", ["many", "512,", "0", "-1", "5.5"])
def test_lengths_are_numbers_of_tokens(lengths: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["bench", "--prompt-lengths", lengths]) == 2
    assert "expected numbers of tokens" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("words", [["a", "b", "c"], ["a", "b", "--against", "c"]])
def test_two_profiles_are_compared_at_most(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["bench", *words]) == 2
    assert "expected one profile, or two to compare" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_without_a_server_the_next_step_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["bench", "glm"]) == 1
    assert "hint: launcher up glm" in capsys.readouterr().err


def test_a_rollback_is_pinned_without_asking_docker(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = Lock().moved(NAME, "registry/llama.cpp@sha256:2", "registry/llama.cpp@sha256:1")
    (project / "images.lock").write_text(lock_text(lock), encoding="utf-8")
    assert cli.run(["update", "--rollback"]) == 0
    assert "registry/llama.cpp@sha256:1" in capsys.readouterr().out
    assert (project / "images.lock").read_text(encoding="utf-8") == lock_text(lock.rolled_back())


@pytest.mark.usefixtures("project")
def test_a_rollback_to_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["update", "--rollback"]) == 2
    assert "images.lock: no image to fall back to" in capsys.readouterr().err
