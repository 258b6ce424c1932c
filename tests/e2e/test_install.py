"""``pip install .``: the run-time dependencies alone are enough."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DEVELOPMENT = ("pytest", "mypy", "hypothesis", "xllamacpp")


@pytest.mark.install
def test_launcher_starts_with_its_run_time_dependencies_only(tmp_path: Path) -> None:
    binaries = tmp_path / "venv" / "bin"
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    run(str(binaries / "pip"), "install", "--quiet", str(REPOSITORY))
    installed = run(str(binaries / "pip"), "list", "--format", "freeze").lower()
    assert not [name for name in DEVELOPMENT if f"{name}==" in installed]
    launcher, conf = str(binaries / "launcher"), ("--conf", str(REPOSITORY / "models.conf"))
    assert "glm-flash-q8" in run(launcher, "list", *conf)
    assert "0 failed" in run(launcher, "check", *conf)
    rendered = run(launcher, "render", "glm-flash-q8", "--machine", "desk", "--stdout", *conf)
    assert "LLAMA_ARG_FIT_TARGET=128,1024" in rendered


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
