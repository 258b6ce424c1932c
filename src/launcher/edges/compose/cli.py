"""Docker Compose, run by argument list."""

import os
import subprocess
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from launcher.core.errors import LauncherError, Problem, failure
from launcher.edges.compose.program import compose

TAIL_LINES = 40
PRIVATE_PREFIXES = ("COMPOSE_", "LAUNCHER_", "LLAMA_")


class ComposeCli:
    """Compose in the folder `root`, where docker-compose.yml and ``.env`` lie; `say` takes its lines."""

    def __init__(self, root: Path, say: Callable[[str], None] = lambda line: None) -> None:
        self._root = root
        self._say = say

    def up(self) -> None:
        """``docker compose up --detach``; downloads the image if it is missing.

        Raises LauncherError with what Compose said last.
        """
        words = (*compose(), "--progress", "plain", "up", "--detach", "--remove-orphans")
        try:
            process = subprocess.Popen(
                words,
                cwd=self._root,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except FileNotFoundError as error:
            raise _no_docker() from error
        last = self._report(process)
        if process.wait():
            raise _diagnosed(last)

    def version(self) -> str:
        """Compose's version, such as ``2.26.1``; raises LauncherError when it isn't there."""
        try:
            done = subprocess.run(
                (*compose(), "version", "--short"),
                cwd=self._root,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
        except FileNotFoundError as error:
            raise _no_docker() from error
        if done.returncode:
            raise _diagnosed(done.stderr.splitlines())
        return done.stdout.strip()

    def _report(self, process: "subprocess.Popen[str]") -> deque[str]:
        last: deque[str] = deque(maxlen=TAIL_LINES)
        assert process.stderr is not None
        with process.stderr:
            for line in map(str.strip, process.stderr):
                last.append(line)
                self._say(line)
        return last


def _environment() -> dict[str, str]:
    """The user's environment without what would go before ``.env``."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE_PREFIXES)}


def _diagnosed(lines: Iterable[str]) -> LauncherError:
    from launcher.core.diagnosis import diagnose

    found = diagnose(tuple(lines), None)
    return LauncherError(Problem(what="\n  ".join((found.what, *found.lines)), hint=found.hint))


def _no_docker() -> LauncherError:
    return failure(
        "the command 'docker' is not there",
        hint="install Docker Engine with Compose v2, or run without it: launcher up --runtime embedded",
    )
