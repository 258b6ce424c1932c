"""The engine of an image answers as the same engine does without Docker."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from launcher.core.dry_run import EngineResult
from launcher.core.errors import LauncherError
from launcher.core.machine import Machine
from launcher.edges.engine import DirectEngine, DockerEngine
from launcher.edges.files import write_atomic
from launcher.workflow.engine import Engine, ask_engine
from parts import CACHE, DOCKER_CONFIG, IMAGE
from planning import GLM, RTX_4090, RTX_5070_TI, TINY, header

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


def test_an_image_without_a_cuda_backend_says_so(tmp_path: Path) -> None:
    with (
        pytest.raises(LauncherError, match=r"the engine found no GPU, though machine desk has 2"),
        DockerEngine(IMAGE, cache=tmp_path, write=write_atomic, simulated=True) as contained,
    ):
        ask(contained, GLM, DESK)
    contained.close()
