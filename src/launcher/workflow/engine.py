"""Asking the engine itself what a profile needs on a machine."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from launcher.core.dry_run import (
    Answer,
    EngineResult,
    Question,
    doubts_of,
    fit_question,
    fitted_words,
    measure_question,
    read_fit,
    read_load,
    streams_of,
    understood,
)
from launcher.core.header import Header
from launcher.core.logs import Load
from launcher.core.machine import Machine


class Engine(Protocol):
    """llama.cpp, asked without being given memory."""

    def ask(self, question: Question, header: Header, machine: Machine) -> Answer:
        """Run ``llama fit-params``. Raises LauncherError when it can't run or doesn't end."""

    def keep_files(self) -> None:
        """Let the files of past runs stay, for somebody to run one of them again."""


def ask_engine(
    engine: Engine,
    header: Header,
    environment: Mapping[str, str],
    command: Sequence[str],
    machine: Machine,
    counted: frozenset[str] = frozenset(),
) -> EngineResult:
    """What the engine makes of a server's environment and command line on `machine`.

    counted: what the dry run leaves out, but the caller counts (names of core.dry_run's LEFT_OUT).
    One run for the fit, one that measures what it chose. Raises LauncherError when a run fails or
    can't be understood; no figure is made up.
    """
    asked = understood(environment, command)
    streams, doubts = streams_of(asked, header), doubts_of(asked, header, counted)

    def measure(words: Sequence[str] = ()) -> Load:
        answer = engine.ask(measure_question(asked, streams, words), header, machine)
        return read_load(answer, machine)

    if not asked.settings.fit or not machine.gpus:
        return EngineResult.as_given(measure(), machine, doubts)
    answer = engine.ask(fit_question(asked, streams), header, machine)
    fit = read_fit(answer, machine)
    return EngineResult.fitted(fit, measure(fitted_words(asked, fit)), machine, doubts)
