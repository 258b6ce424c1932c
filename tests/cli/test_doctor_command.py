"""`launcher doctor`, on whatever computer the tests run on."""

import json
from pathlib import Path

import pytest

from launcher import cli


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a models.conf, which is the current folder; no Docker is within reach."""
    (tmp_path / "models.conf").write_text("[a]\nMODEL=a.gguf\nHOST_PORT=18999\n", encoding="utf-8")
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def checks(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    printed = json.loads(capsys.readouterr().out)
    assert printed["schema"] == "launcher.doctor/1"
    return {check["name"]: check for check in printed["checks"]}


@pytest.mark.usefixtures("project")
def test_without_docker_it_fails_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "--json"]) == 1
    found = checks(capsys)
    assert found["Docker engine"]["what"] == "the Docker daemon does not answer"
    assert found["Docker Compose"]["what"] == "the command 'docker' is not there"
    assert found["models folder"]["level"] == "ok"
    assert found["docker-compose.yml"]["what"] == "no such file"
    assert "port 18999" in found


def test_a_problem_is_shown_with_its_next_step(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models").rmdir()
    assert cli.run(["doctor", "--runtime", "embedded"]) == 1
    shown = capsys.readouterr().out
    assert f"{project}/models is not there" in shown
    assert f"models folder: mkdir -p {project}/models" in shown


def test_errors_in_models_conf_are_a_problem(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models.conf").write_text("[a]\nMODLE=a.gguf\n", encoding="utf-8")
    assert cli.run(["doctor", "--json"]) == 1
    assert checks(capsys)["models.conf"]["level"] == "problem"
