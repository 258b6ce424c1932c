"""What ``launcher up`` adds to bare ``docker compose up -d`` and waiting for health, side by side."""

import os
import shutil
import socket
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import Row, launcher, table

ROOT = Path(__file__).parents[1]
RUNS = 9
POLL_SECONDS = 0.1


def rows() -> list[Row]:
    with TemporaryDirectory() as name:
        project = _project(Path(name))
        _quiet(project, launcher(), "up", "small")
        with_launcher, bare = [], []
        for _ in range(RUNS):
            with_launcher.append(_until_down(project, lambda: _quiet(project, launcher(), "up", "small")))
            _quiet(project, launcher(), "render", "small")
            bare.append(_until_down(project, lambda: _bare(project)))
    added = statistics.median(ours - theirs for ours, theirs in zip(with_launcher, bare, strict=True))
    return [
        Row(what="`launcher up`, wall time", measured=statistics.median(with_launcher), unit="s"),
        Row(what="`docker compose up -d` and waiting, wall time", measured=statistics.median(bare), unit="s"),
        Row(what="difference, median of the pairs", measured=added, unit="s", limit=0.3),
    ]


def _project(folder: Path) -> Path:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    shutil.copy(ROOT / "docker-compose.yml", folder)
    conf = f"[small]\nMODEL=SmolLM2-135M-Instruct.Q4_1.gguf\nCTX_SIZE=1024\nHOST_PORT={port}\n"
    (folder / "models.conf").write_text(conf, encoding="utf-8")
    return folder


def _until_down(project: Path, start: Callable[[], None]) -> float:
    """Seconds of wall time that `start` takes; the server is taken down afterwards."""
    begin = time.perf_counter()
    start()
    taken = time.perf_counter() - begin
    _quiet(project, launcher(), "down")
    return taken


def _bare(project: Path) -> None:
    _quiet(project, "docker", "compose", "up", "--detach")
    url = next(
        line.partition("=")[2]
        for line in (project / ".env").read_text().splitlines()
        if line.startswith("LAUNCHER_URL")
    )
    while not _answers(f"{url}/health"):
        time.sleep(POLL_SECONDS)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _quiet(project: Path, *words: str) -> None:
    subprocess.run(words, cwd=project, check=True, capture_output=True, env={**os.environ, "NO_COLOR": "1"})


if __name__ == "__main__":
    print(table("Starting a server", rows()))
