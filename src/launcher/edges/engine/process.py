"""One process, with an end: its output, or an error when it can't start or doesn't finish."""

import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from shlex import join
from typing import IO

from launcher.core.dry_run.commands import Command
from launcher.core.errors import failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Exit status (negative: ended by that signal), standard output, standard error."""

    status: int
    output: str
    log: str


def run(command: Command, seconds: float, variables: tuple[str, ...]) -> Finished:
    """Run `command`, which keeps only `variables` of this process's environment.

    Raises LauncherError when the program is missing, and when it is not done after `seconds`; it
    is then ended with all its children.
    """
    inherited = {name: os.environ[name] for name in variables if name in os.environ}
    with tempfile.TemporaryFile() as log:
        process = _start(command, inherited | dict(command.environment), log)
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise failure(
                f"the dry run was not done after {seconds:g} seconds, and was ended",
                hint=f"run it again: {shell_line(command)}",
                where="engine",
            ) from None
        log.seek(0)
        text = log.read().decode(errors="replace")
    return Finished(status=process.returncode, output=output.decode(errors="replace"), log=text)


def _start(command: Command, environment: dict[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start the process in a session of its own. Its log goes to a file: the engine drops lines
    when it ends before a slow reader has taken them."""
    try:
        return subprocess.Popen(
            command.words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    except OSError as error:
        raise failure(f"can't run {command.words[0]}: {error.strerror}", where="engine") from error


def shell_line(command: Command) -> str:
    """`command` as one can paste it into a shell."""
    variables = [f"{name}={value}" for name, value in command.environment]
    return join(["env", *variables, *command.words] if variables else command.words)
