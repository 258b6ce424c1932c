"""`launcher render`: what it writes, prints and compares."""

import json
import shutil
from pathlib import Path

import pytest

from launcher import cli
from launcher.core import dotenv, overlay
from launcher.core.units import GIB

ROOT = Path(__file__).parents[2]
HEADERS = ROOT / "profiles" / "headers"
CONF = """[large]
MODEL=GLM-4.7-Flash-Q8_0.gguf
CTX_SIZE=131072
RUNTIME=embedded
EXTRA_ARGS=--temp 0.5
"""
DESK = """name: desk
host: {memory: 64GiB}
gpus:
  - {name: A card, total: 24000MiB, free: 23000MiB, role: compute, uuid: GPU-b}
  - {name: Another, total: 16000MiB, free: 12000MiB, role: display, uuid: GPU-a}
"""
RENDER = ["render", "large", "--machine", "desk"]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a profile and a machine, which is the current folder."""
    machines = tmp_path / "profiles" / "machines"
    machines.mkdir(parents=True)
    (tmp_path / "profiles" / "headers").symlink_to(HEADERS)
    (machines / "desk.yml").write_text(DESK, encoding="utf-8")
    (tmp_path / "models.conf").write_text(CONF, encoding="utf-8")
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_files_of_compose_are_written(project: Path) -> None:
    assert cli.run(RENDER) == 0
    written = dotenv.parse((project / ".env").read_text(encoding="utf-8"))
    assert written["LLAMA_ARG_CTX_SIZE"] == "131072"
    assert written["LLAMA_ARG_FIT_TARGET"] == "128,1024"
    assert written["LAUNCHER_MODELS_DIR"] == str(project / "models")
    arguments = overlay.from_yaml((project / "compose.launch.yml").read_text(encoding="utf-8"))
    assert arguments.nvidia == ("GPU-b", "GPU-a")
    assert arguments.command == ("--temp", "0.5")


def test_stdout_prints_the_files_and_writes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([*RENDER, "--stdout"]) == 0
    printed = capsys.readouterr().out
    assert "LLAMA_ARG_CTX_SIZE=131072\n" in printed
    assert '- "--temp"\n' in printed
    assert not (project / ".env").exists()


def test_check_tells_which_files_differ(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*RENDER, "--check"]) == 1
    assert capsys.readouterr().out.split() == [".env", "compose.launch.yml"]
    assert cli.run(RENDER) == 0
    capsys.readouterr()
    assert cli.run([*RENDER, "--check"]) == 0
    (project / ".env").write_text("A=1\n", encoding="utf-8")
    assert cli.run([*RENDER, "--check"]) == 1
    assert capsys.readouterr().out.split() == [".env"]


@pytest.mark.parametrize("words", [(), ("--check",)])
def test_a_compose_file_that_would_start_something_else_is_refused(
    project: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    compose = project / "docker-compose.yml"
    compose.write_text(compose.read_text(encoding="utf-8").replace("env_file:", "x-old:"), encoding="utf-8")
    assert cli.run([*RENDER, *words]) == 2
    assert "services.server lacks env_file: [.env]" in capsys.readouterr().err
    assert not (project / ".env").exists()


def test_files_are_the_same_whether_a_limit_stands_in_the_profile_or_the_compose_file(project: Path) -> None:
    compose = project / "docker-compose.yml"
    compose.write_text(compose.read_text(encoding="utf-8") + "    mem_limit: 48g\n", encoding="utf-8")
    assert cli.run(RENDER) == 0
    arguments = overlay.from_yaml((project / "compose.launch.yml").read_text(encoding="utf-8"))
    assert arguments.memory_limit == 48 * GIB


def test_json_holds_what_the_server_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*RENDER, "--check", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "launcher.render/1"
    assert told["image"] == "ghcr.io/ggml-org/llama.cpp:server-cuda"
    assert told["command"] == ["--temp", "0.5"]
    assert told["stale"] == [".env", "compose.launch.yml"]


def test_stdout_and_check_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*RENDER, "--stdout", "--check"]) == 2
    assert "only one" in capsys.readouterr().err
