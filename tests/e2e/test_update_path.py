"""update and its rollback against a real registry (Debian's docker-registry) on the loopback."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.stage import Stage
from parts import IMAGE

pytestmark = pytest.mark.e2e

CONFIG = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass(frozen=True)
class Registry:
    """A registry; `name` is the image in it that the profiles use."""

    name: str

    def publish(self, change: str) -> str:
        """Make an image of llama.cpp's with this change, push it under the name; its digest."""
        made = f"{self.name}-made"
        docker("build", "--quiet", "--tag", made, "-", text=f"FROM {IMAGE}\n{change}\n")
        docker("tag", made, self.name)
        docker("push", "--quiet", self.name)
        digests: list[str] = json.loads(docker("image", "inspect", "--format={{json .RepoDigests}}", made))
        docker("rmi", made, self.name)
        return next(digest for digest in digests if digest.startswith(self.name.rpartition(":")[0]))

    def forget(self) -> None:
        """Remove what was made and pulled from this computer."""
        repository = self.name.rpartition(":")[0]
        found = docker("images", "--quiet", "--no-trunc", f"--filter=reference={repository}").split()
        if found:
            docker("rmi", "--force", *dict.fromkeys(found))


def docker(*words: str, text: str | None = None) -> str:
    done = subprocess.run(("docker", *words), input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    program = shutil.which("docker-registry")
    if program is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("docker-registry is not there: make test-setup")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "registry.yml"
    config.write_text(CONFIG.format(folder=tmp_path / "registry", port=port), encoding="utf-8")
    words = (program, "serve", str(config))
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until_open(port)
        made = Registry(f"127.0.0.1:{port}/llama.cpp:server")
        yield made
        made.forget()
        process.terminate()


def until_open(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the registry does not listen")


@pytest.fixture
def conf(registry: Registry, stage: Stage, models: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A project with a small profile that uses the registry's image."""
    (stage.root / "models.conf").write_text(
        f"""[small]
MODEL=smollm2.gguf
IMAGE={registry.name}
HOST_PORT={stage.profile.host_port}
N_PARALLEL=1
CTX_SIZE=256
""",
        encoding="utf-8",
    )
    monkeypatch.setenv("LAUNCHER_MODELS_DIR", str(models))
    return stage


def pins(stage: Stage, name: str) -> Any:
    return json.loads((stage.root / "images.lock").read_text(encoding="utf-8"))["images"][name]


def test_update_tries_pins_refuses_and_rolls_back(conf: Stage, registry: Registry) -> None:
    first = registry.publish("LABEL launcher.release=1")
    done = conf.launcher("update")
    assert done.returncode == 0, done.stderr
    assert pins(conf, registry.name) == {"digest": first, "fallback": None}
    assert conf.launcher("up", "small").returncode == 0
    assert conf.container()["Config"]["Image"] == first

    second = registry.publish("LABEL launcher.release=2")
    done = conf.launcher("update")
    assert done.returncode == 0, done.stderr
    assert "answered long prompts" in done.stdout
    assert pins(conf, registry.name) == {"digest": second, "fallback": first}
    assert conf.container()["Config"]["Image"] == second

    broken = registry.publish('ENTRYPOINT ["/bin/false"]')
    done = conf.launcher("update")
    assert done.returncode == 1, done.stdout
    assert broken != second
    assert pins(conf, registry.name) == {"digest": second, "fallback": first}
    assert conf.container()["Config"]["Image"] == second

    assert conf.launcher("update", "--rollback").returncode == 0
    assert conf.launcher("up", "small", "--yes").returncode == 0
    assert conf.container()["Config"]["Image"] == first


def test_nothing_newer_changes_nothing(conf: Stage, registry: Registry) -> None:
    registry.publish("LABEL launcher.release=3")
    assert conf.launcher("update").returncode == 0
    before = (conf.root / "images.lock").read_bytes()
    done = conf.launcher("update")
    assert done.returncode == 0
    assert "nothing newer" in done.stderr
    assert (conf.root / "images.lock").read_bytes() == before
    assert conf.runtime.instance() is None


def test_a_registry_that_is_not_there_changes_nothing(conf: Stage, registry: Registry) -> None:
    done = conf.launcher("update")
    assert done.returncode == 1
    assert "error:" in done.stderr
    assert not (conf.root / "images.lock").exists()
