"""The folder ``.launcher``: the lock, and what is remembered between commands."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from launcher.core.errors import failure
from launcher.core.launch import Memory, from_json, to_json

LOCK_WAIT_SECONDS = 10.0
LOCK_POLL_SECONDS = 0.1


class JournalFile:
    """Memory as JSON in one file, replaced whole."""

    def __init__(self, folder: Path, write_atomic: Callable[[Path, str], None]) -> None:
        self._path = folder / "state.json"
        self._write_atomic = write_atomic

    def read(self) -> Memory:
        """What was written last; raises LauncherError when the file was damaged by something else."""
        try:
            return from_json(json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return Memory()
        except (ValueError, KeyError, TypeError) as error:
            raise failure(
                f"cannot be read as the launcher's state ({error})",
                where=str(self._path),
                hint="delete the file; a running server is still found by its label",
            ) from error

    def write(self, memory: Memory) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._write_atomic(self._path, json.dumps(to_json(memory), indent=1, ensure_ascii=False))


class FileLock:
    """An flock on one file: the kernel frees it when its holder dies, however it dies."""

    def __init__(self, folder: Path, *, wait: float = LOCK_WAIT_SECONDS) -> None:
        self._path = folder / "lock"
        self._wait = wait

    @contextmanager
    def hold(self, purpose: str) -> Iterator[None]:
        """Hold the lock; raises LauncherError naming its holder when it stays taken."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+", encoding="utf-8") as file:
            self._acquire(file)
            file.truncate(0)
            file.write(f"launcher {purpose} (process {os.getpid()}, since {time.strftime('%H:%M:%S')})")
            file.flush()
            yield

    def _acquire(self, file: IO[str]) -> None:
        deadline = time.monotonic() + self._wait
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    file.seek(0)
                    holder = file.read() or "another launcher"
                    raise failure(
                        f"{holder} is at work here",
                        hint="wait until it is done, or stop it with ^C where it runs",
                    ) from None
            time.sleep(LOCK_POLL_SECONDS)
