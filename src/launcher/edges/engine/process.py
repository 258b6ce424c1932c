"""One process, with an end: its output, or an error when it can't start or doesn't finish."""

import os
import signal
import subprocess
from dataclasses import dataclass
from shlex import join

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
    try:
        process = subprocess.Popen(
            command.words,
            env=inherited | dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise failure(f"can't run {command.words[0]}: {error.strerror}", where="engine") from error
    try:
        output, log = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise failure(
            f"the dry run was not done after {seconds:g} seconds, and was ended",
            hint=f"run it again: {shell_line(command)}",
            where="engine",
        ) from None
    return Finished(status=process.returncode, output=output, log=log)


def shell_line(command: Command) -> str:
    """`command` as one can paste it into a shell."""
    variables = [f"{name}={value}" for name, value in command.environment]
    return join(["env", *variables, *command.words] if variables else command.words)
