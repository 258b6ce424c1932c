"""What the engine answered: its output read, or an error that says how to see it oneself."""

from dataclasses import dataclass, replace

from launcher.core.dry_run.questions import Question
from launcher.core.errors import LauncherError, failure
from launcher.core.logs import HOST, Load, is_read, read_loads, read_output_row
from launcher.core.machine import Machine

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
    """The load that a run measured: its table from the output, the rest from the log.

    Raises LauncherError if the run failed, if its output has no table or its log no context, or if
    the engine found no GPU though the machine has some.
    """
    if answer.status != 0:
        raise broken(answer)
    rows = tuple(row for line in answer.output.splitlines() if (row := read_output_row(line)))
    loads = read_loads(answer.log) or (Load(),)
    load = checked(replace(loads[-1], rows=rows), answer, machine)
    if load.n_ctx is None:
        raise unknown_format(answer, "no size of the context in its log")
    return load


def checked(load: Load, answer: Answer, machine: Machine) -> Load:
    """`load`, if it has a memory table, and GPUs in it when the machine has some."""
    if not any(row.name == HOST for row in load.rows):
        raise unknown_format(answer, "no memory table")
    if machine.gpus and all(row.name == HOST for row in load.rows):
        raise failure(
            f"the engine found no GPU, though machine {machine.name} has {len(machine.gpus)}",
            hint=f"has this llama.cpp a backend for them (libggml-cuda.so)? It was asked: {answer.command}",
            where="engine",
        )
    return load


def is_cut_short(answer: Answer) -> bool:
    """Whether the end of the log is missing, as it may be: the engine doesn't wait for its log
    when it ends (common/log.cpp, build 11160)."""
    if answer.status > 0:
        return not any(word in answer.log for word in ("failed", "error"))
    return answer.status == 0 and not answer.question.fits and "splits =" not in answer.log


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
