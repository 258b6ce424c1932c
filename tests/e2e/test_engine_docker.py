"""The engine of an image answers as the same engine does without Docker."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from launcher import cli
from launcher.core.dry_run import EngineResult
from launcher.core.errors import LauncherError
from launcher.core.machine import Machine
from launcher.edges.engine import DirectEngine, DockerEngine
from launcher.edges.files import write_atomic
from launcher.workflow.engine import Engine, ask_engine
from parts import CACHE, DOCKER_CONFIG, IMAGE
from planning import GLM, HEADERS, RTX_4090, RTX_5070_TI, TINY, header

pytestmark = [pytest.mark.e2e, pytest.mark.engine]

DESK = Machine(name="desk", gpus=(RTX_4090, RTX_5070_TI))
BARE = Machine(name="bare", gpus=())
SETTINGS = {
    "LLAMA_ARG_CTX_SIZE": "131072",
    "LLAMA_ARG_CACHE_TYPE_K": "q8_0",
    "LLAMA_ARG_CACHE_TYPE_V": "q8_0",
    "LLAMA_ARG_FLASH_ATTN": "on",
    "LLAMA_ARG_N_PARALLEL": "1",
    "LLAMA_ARG_FIT_TARGET": "128,1024",
}


@pytest.fixture(scope="module")
def binary() -> Path:
    return next(CACHE.glob("engine/llama-*/llama"))


@pytest.fixture(scope="module")
def cuda_image(binary: Path) -> Iterator[str]:
    """The test image with the CUDA backend, as the official CUDA image has it."""
    name = f"launcher-test-{uuid4().hex[:8]}"
    container = _docker("create", "--network", "none", IMAGE)
    _docker("cp", str(binary.with_name("libggml-cuda.so")), f"{container}:/app/")
    _docker("commit", container, name)
    yield name
    _docker("rm", container)
    _docker("rmi", name)


def _docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def ask(engine: Engine, model: str, machine: Machine) -> EngineResult:
    return ask_engine(engine, header(model), SETTINGS, ("--jinja",), machine)


@pytest.fixture(autouse=True)
def docker_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", DOCKER_CONFIG)


def test_simulated_gpus_are_the_same_in_a_container(binary: Path, cuda_image: str, tmp_path: Path) -> None:
    with DirectEngine(binary, cache=tmp_path / "direct", write=write_atomic, simulated=True) as engine:
        direct = ask(engine, GLM, DESK)
    with DockerEngine(cuda_image, cache=tmp_path / "docker", write=write_atomic, simulated=True) as contained:
        assert ask(contained, GLM, DESK) == direct
    assert direct.graph_splits == 5


def test_a_machine_without_gpus_is_the_same_in_a_container(binary: Path, tmp_path: Path) -> None:
    with DirectEngine(binary, cache=tmp_path / "direct", write=write_atomic, simulated=True) as engine:
        direct = ask(engine, TINY, BARE)
    with DockerEngine(IMAGE, cache=tmp_path / "docker", write=write_atomic, simulated=True) as contained:
        assert ask(contained, TINY, BARE) == direct


CONF = """\
[*]
IMAGE={image}
N_PARALLEL=1
FLASH_ATTN=on
CACHE_TYPE_K=q8_0
CACHE_TYPE_V=q8_0
[glm]
MODEL=GLM-4.7-Flash-Q8_0.gguf
CTX_SIZE=131072
[tiny]
MODEL=SmolLM2-135M-Instruct.Q4_1.gguf
CTX_SIZE=8192
"""


@pytest.fixture
def project(tmp_path: Path, cuda_image: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with the shipped headers and machine, whose profiles are run in the image."""
    (tmp_path / "models.conf").write_text(CONF.format(image=cuda_image), encoding="utf-8")
    (tmp_path / "profiles").mkdir()
    for name in ("headers", "machines"):
        (tmp_path / "profiles" / name).symlink_to(HEADERS.parents[1] / "profiles" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("words", [("plan", "glm"), ("check",)])
def test_the_commands_say_the_same_with_an_image_as_with_a_binary(
    words: tuple[str, ...], binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = (*words, "--engine", "--machine", "desk", "--json")
    assert cli.run(asked) == 0
    contained = json.loads(capsys.readouterr().out)
    assert cli.run((*asked, "--engine-bin", str(binary))) == 0
    assert json.loads(capsys.readouterr().out) == contained
    plans = contained.get("plans", [contained])
    assert {plan["source"] for plan in plans} == {"engine"}
    assert {plan["profile"]: plan["graph_splits"] for plan in plans}["glm"] == 5


@pytest.mark.usefixtures("project")
def test_an_engine_that_fails_in_a_container_is_told_with_a_command_that_can_be_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Path("models.conf").open("a", encoding="utf-8") as conf:
        conf.write("[bare]\nEXTENDS=tiny\nIMAGE=" + IMAGE + "\n")
    assert cli.run(["check", "--engine", "--machine", "desk", "--json"]) == 1
    plans = {plan["profile"]: plan for plan in json.loads(capsys.readouterr().out)["plans"]}
    assert [plans[name]["verdict"] for name in ("glm", "tiny", "bare")] == ["fits", "fits", "unknown"]
    (finding,) = [each for each in plans["bare"]["findings"] if each["code"] == "E004"]
    assert "the engine found no GPU" in finding["message"]
    command = finding["hint"].partition("It was asked: ")[2]
    assert subprocess.run(["bash", "-c", command], capture_output=True, check=False).returncode == 0


def test_an_image_without_a_cuda_backend_says_so(tmp_path: Path) -> None:
    with (
        pytest.raises(LauncherError, match=r"the engine found no GPU, though machine desk has 2"),
        DockerEngine(IMAGE, cache=tmp_path, write=write_atomic, simulated=True) as contained,
    ):
        ask(contained, GLM, DESK)
    contained.close()
