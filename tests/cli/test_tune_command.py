"""`launcher tune` from the command line, with a script that plays back what the engine said."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher import cli
from planning import HEADERS

DATA = Path(__file__).parents[1] / "data" / "engine"
MACHINE = """\
name: two
host: {memory: 64GiB}
gpus:
  - {name: RTX 4090, total: 24080MiB, free: 23600MiB, compute_capability: "8.9", role: compute}
  - {name: RTX 5070 Ti, total: 15900MiB, free: 12500MiB, compute_capability: "12.0", role: display}
"""
CONF = """\
# what we run
[glm]
MODEL=GLM-4.7-Flash-Q8_0.gguf
CTX_SIZE=131072
# one user
N_PARALLEL=1
FIT_TARGET=128,1024
"""
ENGINE = """\
#!/bin/sh
case "$*" in *--fit-print*) kind=measure;; *) kind=fit;; esac
cat {data}/desk.$kind.out
case "$LLAMA_ARG_FIT_TARGET" in 256,1152) splits=3;; *) splits=5;; esac
sed "s/splits = 5/splits = $splits/" {data}/desk.$kind.log >&2
"""

Launch = Callable[..., int]

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="simulated GPUs need a C compiler")


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    """Run launcher in a project with one profile and one machine, and the engine that plays back."""
    machines = tmp_path / "profiles" / "machines"
    machines.mkdir(parents=True)
    (tmp_path / "profiles" / "headers").symlink_to(HEADERS)
    (machines / "two.yml").write_text(MACHINE)
    (tmp_path / "models.conf").write_text(CONF)
    engine = tmp_path / "llama"
    engine.write_text(ENGINE.format(data=DATA))
    engine.chmod(0o755)
    monkeypatch.setenv("LAUNCHER_ENGINE_BIN", str(engine))
    monkeypatch.chdir(tmp_path)
    return lambda *words: cli.run((*words, "--machine", "two"))


def test_the_best_is_recommended_with_its_reason(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("tune", "glm", "--budget", "4") == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[-2:] == ["3 graph splits instead of 5", "  FIT_TARGET = 256,1152"]
    assert "as the profile says" in shown.out
    assert "candidates tried; best so far: FIT_TARGET=256,1152" in shown.err


def test_the_json_follows_its_contract(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("tune", "glm", "--json", "--budget", "4") == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["schema"], made["profile"], made["machine"]) == ("launcher.tune/1", "glm", "two")
    assert len(made["candidates"]) == 4
    recommendation = made["recommendation"]
    assert recommendation["settings"] == {"FIT_TARGET": "256,1152"}
    assert recommendation["graph_splits"] == 3
    assert [device["left_bytes"] > 0 for device in recommendation["devices"][:2]] == [True, True]


def test_apply_changes_the_one_line_and_shows_the_diff(
    launch: Launch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launch("tune", "glm", "--apply", "--budget", "4") == 0
    assert Path("models.conf").read_text() == CONF.replace("128,1024", "256,1152")
    assert {"-FIT_TARGET=128,1024", "+FIT_TARGET=256,1152"} <= set(capsys.readouterr().out.split("\n"))


def test_an_engine_that_is_not_there_is_an_error(launch: Launch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch("tune", "glm", "--engine-bin", "nowhere/llama") == 1
    assert "no such program" in capsys.readouterr().err


def test_a_machine_on_which_nothing_fits_is_exit_4(
    launch: Launch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("profiles/machines/two.yml").write_text(MACHINE.replace("12500MiB", "9000MiB"))
    assert launch("tune", "glm", "--apply", "--budget", "4") == 4
    assert "nothing that was tried fits" in capsys.readouterr().out
    assert Path("models.conf").read_text() == CONF


def test_an_embedded_profile_is_tuned_without_gpus(
    launch: Launch, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = "[demo]\nRUNTIME=embedded\nMODEL=SmolLM2-135M-Instruct.Q4_1.gguf\nCTX_SIZE=2048\n"
    Path("models.conf").write_text(conf)
    assert launch("tune", "demo", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["candidates"][0]["about"] == "as the profile says"
    assert made["recommendation"]["settings"] == {}


def test_a_profile_without_a_header_can_not_be_tuned(
    launch: Launch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("models.conf").write_text("[lost]\nMODEL=lost.gguf\n")
    assert launch("tune", "lost") == 1
    assert "nothing to tune without the model's header" in capsys.readouterr().err
