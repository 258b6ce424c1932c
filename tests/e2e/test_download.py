"""Models that the server downloads itself, from a web server on this computer."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from e2e.conftest import MODEL
from e2e.stage import Stage
from launcher.edges.downloads import provide

pytestmark = pytest.mark.e2e

OWNER = 12345
REPO, COMMIT, FILE = "stand/in", "c" * 40, "model-Q4_1.gguf"


@pytest.fixture
def hub(models: Path) -> Iterator[str]:
    """Where containers reach a stand-in for Hugging Face, which has the model and nothing else."""
    model = (models / MODEL).read_bytes()
    listing = [{"type": "file", "path": FILE, "lfs": {"oid": sha256(model).hexdigest()}, "size": len(model)}]
    answers = {
        f"/api/models/{REPO}/refs": json.dumps(
            {"branches": [{"name": "main", "targetCommit": COMMIT}]}
        ).encode(),
        f"/api/models/{REPO}/tree/{COMMIT}": json.dumps(listing).encode(),
        f"/{REPO}/resolve/{COMMIT}/{FILE}": model,
    }

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            body = answers.get(urlsplit(self.path).path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(answers.get(urlsplit(self.path).path, b""))

    with ThreadingHTTPServer((_gateway(), 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{server.server_address[0]!s}:{server.server_port}"
        server.shutdown()


def _gateway() -> str:
    """This computer's address in Docker's own network."""
    words = ("docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty models folder that belongs to somebody else."""
    made = tmp_path / "large files"
    made.mkdir()
    os.chown(made, OWNER, OWNER)
    return made


def test_a_url_is_kept_below_the_models_folder_by_its_owner(
    project: Callable[[str], Stage], hub: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = project("")
    monkeypatch.setenv("LAUNCHER_MODELS_DIR", str(folder))
    url = f"{hub}/{REPO}/resolve/{COMMIT}/{FILE}"
    conf = f"[net]\nMODEL_URL={url}\nCTX_SIZE=1024\nHOST_PORT={stage.profile.host_port}\n"
    (stage.root / "models.conf").write_text(conf, encoding="utf-8")
    done = stage.launcher("up", "net")
    assert done.returncode == 0, done.stderr
    answer = stage.server.ask(f"http://127.0.0.1:{stage.profile.host_port}", "Say hello.", max_tokens=4)
    assert answer.answer_tokens == 4
    assert (folder / "downloads" / FILE).stat().st_uid == OWNER
    assert stage.container()["HostConfig"]["ReadonlyRootfs"]


def test_a_repository_is_kept_there_too_with_plain_docker_compose(
    stage: Stage, hub: str, folder: Path
) -> None:
    environment = {"LLAMA_ARG_HF_REPO": REPO, "LLAMA_ARG_CTX_SIZE": "1024", "HF_ENDPOINT": hub}
    site = replace(stage.site, models_dir=str(folder), user=f"{OWNER}:{OWNER}")
    provide(Path(site.downloads), site.user)
    rendered = stage.render(replace(stage.profile, model=None, environment=environment), site=site)
    stage.compose("up", "--detach")
    stage.until_healthy(rendered)
    assert stage.server.ask(rendered.url, "Say hello.", max_tokens=4).answer_tokens == 4
    assert {path.stat().st_uid for path in (folder / "downloads").rglob(f"*{FILE}")} == {OWNER}
