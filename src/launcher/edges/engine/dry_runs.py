"""Engines that answer questions: a binary of this computer, or the one in a Docker image."""

import os
import subprocess
from abc import ABC, abstractmethod
from functools import cached_property
from hashlib import sha256
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from launcher.core.dry_run.answers import Answer, is_cut_short, trimmed
from launcher.core.dry_run.commands import Command, direct_command, docker_command
from launcher.core.dry_run.file import DryFile, dry_file
from launcher.core.dry_run.questions import Question
from launcher.core.errors import LauncherError, failure
from launcher.core.header import Header
from launcher.core.machine import Machine
from launcher.core.simulation import describe
from launcher.edges.engine.cache import Answers, Write, key_of
from launcher.edges.engine.files import DryFiles
from launcher.edges.engine.process import Finished, run, shell_line
from launcher.edges.engine.stand_ins import stand_ins

SECONDS = 180.0
TRIES = 10
DOCKER_VARIABLES = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR")


class _Engine(ABC):
    """Asks one engine. `simulated`: on the machine's GPUs as described, whatever this computer has;
    answers are then kept below `cache`, with `write`. Use it as a context: its files go with it, but
    stay when a run failed, for the command that is named in the error to work."""

    def __init__(self, *, cache: Path, write: Write, simulated: bool, seconds: float = SECONDS) -> None:
        self._cache = cache
        self._simulated = simulated
        self._seconds = seconds
        self._files = DryFiles()
        self._answers = Answers(cache / "dry-runs", write)
        self._kept = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept and not isinstance(error, LauncherError):
            self.close()

    def keep_files(self) -> None:
        """Don't remove the files in the end: a run that failed is to be run again by hand."""
        self._kept = True

    def close(self) -> None:
        """Remove the files."""
        self._files.remove()

    def ask(self, question: Question, header: Header, machine: Machine) -> Answer:
        """The answer to `question` about the model on `machine`.

        Raises LauncherError when the engine can't run or doesn't end. A run that fails is an answer.
        """
        file = dry_file(header)
        if not self._simulated:
            return self._ask(question, file, machine)
        key = key_of(self.identity, file.header, question, describe(machine))
        kept = self._answers.get(key, question)
        if kept is not None:
            return kept
        answer = self._ask(question, file, machine)
        if answer.status == 0 and not is_cut_short(answer):
            self._answers.put(key, answer)
        return answer

    def _ask(self, question: Question, file: DryFile, machine: Machine) -> Answer:
        """Ask until the log is whole: the engine may end before all of it is written."""
        libraries = str(stand_ins(self._cache)) if self._simulated and machine.gpus else None
        for _ in range(TRIES):
            command = self._command(question, str(self._files.path(file)), machine, libraries)
            done = self._run(command)
            answer = Answer(
                question=question,
                status=done.status,
                output=done.output,
                log=trimmed(done.log) if done.status == 0 else done.log,
                command=shell_line(command),
            )
            if not is_cut_short(answer):
                break
        return answer

    @cached_property
    @abstractmethod
    def identity(self) -> str:
        """What tells this build of the engine from others."""

    @abstractmethod
    def _command(
        self, question: Question, model: str, machine: Machine, libraries: str | None
    ) -> Command: ...

    @abstractmethod
    def _run(self, command: Command) -> Finished: ...


class DirectEngine(_Engine):
    """The ``llama`` binary at a path, with its libraries beside it."""

    def __init__(
        self, binary: Path, *, cache: Path, write: Write, simulated: bool, seconds: float = SECONDS
    ) -> None:
        super().__init__(cache=cache, write=write, simulated=simulated, seconds=seconds)
        if not binary.is_file() or not os.access(binary, os.X_OK):
            raise failure(
                "no such program",
                hint="give the path of llama.cpp's `llama`; `make engine` builds one and prints it",
                where=f"--engine-bin {binary}",
            )
        self._binary = binary.resolve()

    @cached_property
    def identity(self) -> str:
        """Names, sizes and times of the binary and of the libraries beside it."""
        files = [self._binary, *sorted(self._binary.parent.glob("lib*.so*"))]
        stamps = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        return sha256(repr(stamps).encode()).hexdigest()

    def _command(self, question: Question, model: str, machine: Machine, libraries: str | None) -> Command:
        return direct_command(str(self._binary), question, model, machine, libraries)

    def _run(self, command: Command) -> Finished:
        return run(command, self._seconds, ("PATH", "HOME"))


class DockerEngine(_Engine):
    """The engine of an image, run in a container for each question."""

    def __init__(
        self, image: str, *, cache: Path, write: Write, simulated: bool, seconds: float = SECONDS
    ) -> None:
        super().__init__(cache=cache, write=write, simulated=simulated, seconds=seconds)
        self._image = image
        self._numbers = count()

    @cached_property
    def identity(self) -> str:
        """The image's digest."""
        command = Command(
            words=("docker", "image", "inspect", "--format={{.Id}}", self._image), environment=()
        )
        done = run(command, self._seconds, DOCKER_VARIABLES)
        if done.status != 0:
            raise failure(
                done.log.strip(), hint=f"docker pull {self._image}, or use --engine-bin", where="engine"
            )
        return done.output.strip()

    def _command(self, question: Question, model: str, machine: Machine, libraries: str | None) -> Command:
        name = f"launcher-dry-run-{os.getpid()}-{next(self._numbers)}"
        return docker_command(self._image, question, model, machine, libraries, name)

    def _run(self, command: Command) -> Finished:
        try:
            return run(command, self._seconds, DOCKER_VARIABLES)
        except LauncherError:
            name = command.words[command.words.index("--name") + 1]
            subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)
            raise
