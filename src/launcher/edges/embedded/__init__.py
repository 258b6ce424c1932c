"""The embedded runtime: llama.cpp's server from the wheel ``xllamacpp``, in a child process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from launcher.core.errors import failure
from launcher.core.launch import Instance, State
from launcher.core.render import Rendered
from launcher.edges.embedded.record import Record, announcement, read

STOP_SECONDS = 10.0
POLL_SECONDS = 0.05


class EmbeddedRuntime:
    """One child per project folder, remembered in ``embedded.json``; its log is ``embedded.log``."""

    def __init__(self, *, folder: Path, healthy: Callable[[str], bool]) -> None:
        self._folder = folder
        self._healthy = healthy
        self._record_path = folder / "embedded.json"
        self._log_path = folder / "embedded.log"
        self._child: subprocess.Popen[bytes] | None = None

    def instance(self) -> Instance | None:
        record = read(self._record_path)
        if record is None:
            return None
        state, exit_code = self._state(record)
        return Instance(
            id=str(record.pid),
            profile=record.profile,
            runtime="embedded",
            plan_hash=record.plan_hash,
            state=state,
            exit_code=exit_code,
            url=record.url,
            started=record.started,
        )

    def start(self, rendered: Rendered) -> None:
        if find_spec("xllamacpp") is None:
            raise failure(
                "the embedded runtime needs the package xllamacpp",
                hint="pip install 'launcher[demo]', or launcher up --runtime compose",
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        self._record_path.unlink(missing_ok=True)
        with self._log_path.open("wb") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "launcher.edges.embedded.server", *rendered.command],
                cwd=self._folder.parent,
                env=self._environment(rendered),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._await_record(self._child)

    def stop(self) -> None:
        record = read(self._record_path)
        if record is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self._alive(record):
                break
            os.kill(record.pid, number)
            self._wait_gone(record)
        self._record_path.unlink(missing_ok=True)

    def logs(self, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        if not self._log_path.exists():
            return
        with self._log_path.open(encoding="utf-8", errors="replace") as log:
            lines = log.read().splitlines()
            yield from lines if tail is None else lines[-tail:] if tail else []
            record = read(self._record_path)
            while follow and record and self._alive(record):
                line = log.readline()
                if line:
                    yield line.rstrip("\n")
                else:
                    time.sleep(POLL_SECONDS)

    def _environment(self, rendered: Rendered) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LLAMA_")}
        record = announcement(
            self._record_path, profile=rendered.profile, plan_hash=rendered.plan_hash, url=rendered.url
        )
        return inherited | dict(rendered.environment) | record

    def _await_record(self, child: subprocess.Popen[bytes]) -> None:
        """The server records itself as its first act; it is not started before that."""
        deadline = time.monotonic() + STOP_SECONDS
        while read(self._record_path) is None and time.monotonic() < deadline:
            if child.poll() is not None:
                raise failure("the embedded server died before it began", hint=f"see {self._log_path}")
            time.sleep(POLL_SECONDS)

    def _state(self, record: Record) -> tuple[State, int | None]:
        exit_code = self._child.poll() if self._child and self._child.pid == record.pid else None
        if exit_code is not None or not self._alive(record):
            return "exited", exit_code
        return ("healthy" if self._healthy(record.url) else "starting"), None

    def _alive(self, record: Record) -> bool:
        if self._child and self._child.pid == record.pid:
            return self._child.poll() is None
        return record.alive

    def _wait_gone(self, record: Record) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        while self._alive(record) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
