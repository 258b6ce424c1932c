"""What the engine answered: its output read, or an error that says how to see it oneself."""

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.core.dry_run.questions import Question
from launcher.core.errors import LauncherError, failure
from launcher.core.logs import Load, is_read, read_loads
from launcher.core.machine import Machine

HOST = "Host"
LAST_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One run of the engine: exit status, standard output, log, and the command to run it again."""

    question: Question
    status: int
    output: str
    log: str
    command: str


def read_load(answer: Answer, machine: Machine) -> Load:
    """The load that a run measured, which is the last one.

    Raises LauncherError if the run failed, if its log has no memory table, or if the engine found
    no GPU though the machine has some.
    """
    if answer.status != 0:
        raise broken(answer)
    return check_devices(read_loads(answer.log), answer, machine)[-1]


def check_devices(loads: Sequence[Load], answer: Answer, machine: Machine) -> Sequence[Load]:
    """`loads`, if their memory table is there and has GPUs when the machine does."""
    if not loads or not any(row.name == HOST for row in loads[-1].rows):
        raise unknown_format(answer, "no memory table in its log")
    if machine.gpus and all(row.gpu is None for row in loads[-1].rows):
        raise failure(
            f"the engine found no GPU, though machine {machine.name} has {len(machine.gpus)}",
            hint=f"has this llama.cpp a backend for them (libggml-cuda.so)? It was asked: {answer.command}",
            where="engine",
        )
    return loads


def is_cut_short(answer: Answer) -> bool:
    """Whether the end of the log is missing, as it may be: the engine doesn't wait for its log
    when it ends (common/log.cpp, build 11160)."""
    if answer.status > 0:
        return not any(word in answer.log for word in ("failed", "error"))
    if answer.status < 0 or answer.question.fits:
        return False
    return "splits =" not in answer.log or not any(
        row.name == HOST for row in read_loads(answer.log)[-1].rows
    )


def trimmed(log: str) -> str:
    """The lines of `log` that are read."""
    return "\n".join(filter(is_read, log.splitlines()))


def broken(answer: Answer) -> LauncherError:
    """The engine failed: its last words, and how to run it again."""
    if "unknown command" in answer.log:
        what = "this llama.cpp has no fit-params"
        return failure(what, hint=f"use a newer one; it was asked: {answer.command}", where="engine")
    last = "\n".join(answer.log.strip().splitlines()[-LAST_LINES:]) or "it said nothing"
    how = f"was ended by signal {-answer.status}" if answer.status < 0 else f"failed (exit {answer.status})"
    return failure(f"the dry run {how}:\n{last}", hint=f"run it again: {answer.command}", where="engine")


def unknown_format(answer: Answer, what: str) -> LauncherError:
    """The engine answered, but not in a form that is known; no figure is made up."""
    return failure(
        f"the dry run's answer can't be read: {what}",
        hint=f"is this build of llama.cpp older or newer than 11160? Run it again: {answer.command}",
        where="engine",
    )
