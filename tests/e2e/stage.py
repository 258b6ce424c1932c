"""A project folder in which end-to-end tests start real servers."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.core.machine import Gpu
from launcher.core.profiles import Profile
from launcher.core.render import Rendered, Site, render
from launcher.edges.compose import ComposeRuntime
from launcher.edges.server import LlamaServer

PATIENCE = 120.0  # seconds: a shared machine of two cores may be slow
POLL = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A project folder with its own compose project and port.

    profile: one that works; tests change it with dataclasses.replace.
    """

    root: Path
    name: str
    site: Site
    profile: Profile
    runtime: ComposeRuntime
    server: LlamaServer

    def render(self, profile: Profile, *, site: Site | None = None, gpus: Sequence[Gpu] = ()) -> Rendered:
        """Render `profile` for this stage (or another site), and write its files."""
        rendered = render(profile, site or self.site, gpus=gpus)
        for name, text in rendered.files.items():
            (self.root / name).write_text(text, encoding="utf-8")
        return rendered

    def compose(self, *words: str) -> str:
        """The output of plain ``docker compose`` in the project folder."""
        return self._run("docker", "compose", *words).stdout

    def launcher(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """``launcher`` run in the project folder, as a process of its own; any exit code."""
        return subprocess.run(
            (sys.executable, "-m", "launcher", *words),
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def container(self) -> dict[str, Any]:
        """What the engine says of the server's container."""
        instance = self.runtime.instance()
        assert instance is not None
        inspected: list[dict[str, Any]] = json.loads(self._run("docker", "inspect", instance.id).stdout)
        return inspected[0]

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until `holds`; fails the test when it doesn't in time."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
            time.sleep(POLL)

    def until_healthy(self, rendered: Rendered) -> None:
        self.until(lambda: self.server.health(rendered.url) == "ok", f"{rendered.profile} answers")

    def _run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(words, cwd=self.root, capture_output=True, text=True, check=True)
