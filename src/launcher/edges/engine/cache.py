"""Answers of dry runs on simulated machines, kept: the same question has the same answer."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from launcher.core.dry_run.answers import Answer
from launcher.core.dry_run.questions import Question
from launcher.core.errors import LauncherError

Write = Callable[[Path, str], None]
"""Replaces a file whole and makes its folder; raises LauncherError when it can't."""


class Answers:
    """A folder of answers, one file each, that several processes can share; a file that can't be
    read is as good as none."""

    def __init__(self, folder: Path, write: Write) -> None:
        self._folder = folder
        self._write = write

    def get(self, key: str, question: Question) -> Answer | None:
        """The answer kept under `key`."""
        try:
            kept = json.loads(self._path(key).read_bytes())
            return Answer(question=question, status=0, **kept)
        except (OSError, ValueError, TypeError):
            return None

    def put(self, key: str, answer: Answer) -> None:
        """Keep the parts of `answer` that are read again. A cache that can't be written is no error:
        the engine is asked again."""
        kept = {"output": answer.output, "log": answer.log, "command": answer.command}
        with suppress(LauncherError):
            self._write(self._path(key), json.dumps(kept))

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"


def key_of(engine: str, header: bytes, question: Question, machine: str) -> str:
    """The key of an answer: it depends on nothing else. `engine` identifies the build, `machine`
    the simulated GPUs."""
    parts = [engine, sha256(header).hexdigest(), machine, asdict(question)]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
