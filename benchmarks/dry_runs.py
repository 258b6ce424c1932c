"""What asking the engine costs beside the engine itself, and how long a search takes.

Wall time. Needs `make engine`; without it there are no rows.
"""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from shlex import split
from tempfile import TemporaryDirectory

from measure import Row, table

from launcher.core.dry_run import fit_question, fitted_words, measure_question, read_fit, understood
from launcher.core.header import Header
from launcher.core.machine import Gpu, Machine
from launcher.core.tune import Task
from launcher.core.units import MIB
from launcher.edges.engine import DirectEngine
from launcher.edges.files import write_atomic
from launcher.edges.headers import open_headers
from launcher.workflow.engine import ask_engine
from launcher.workflow.tune import BUDGET, tune

ROOT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "launcher"
MODEL = "GLM-4.7-Flash-Q8_0.gguf"
RUNS = 5
DESK = Machine(
    name="desk",
    gpus=(
        Gpu(
            name="NVIDIA GeForce RTX 4090",
            total=24080 * MIB,
            free=23600 * MIB,
            compute_capability="8.9",
            role="compute",
        ),
        Gpu(
            name="NVIDIA GeForce RTX 5070 Ti",
            total=15900 * MIB,
            free=12500 * MIB,
            compute_capability="12.0",
            role="display",
        ),
    ),
)
ENVIRONMENT = {
    "LLAMA_ARG_CTX_SIZE": "131072",
    "LLAMA_ARG_CACHE_TYPE_K": "q8_0",
    "LLAMA_ARG_CACHE_TYPE_V": "q8_0",
    "LLAMA_ARG_FLASH_ATTN": "on",
    "LLAMA_ARG_N_PARALLEL": "1",
    "LLAMA_ARG_FIT_TARGET": "128,1024",
}
MARGINS = (128 * MIB, 1024 * MIB)


def rows() -> list[Row]:
    binary = next(CACHE.glob("engine/llama-*/llama"), None)
    if binary is None:
        return []
    headers = open_headers(ROOT / "models", ROOT / "profiles" / "headers", write_atomic)
    header = headers.snapshot(MODEL)
    assert header is not None
    return [*_plan(binary, header), *_search(binary, header)]


def _plan(binary: Path, header: Header) -> list[Row]:
    """One plan against the two runs of the engine that it consists of, in turns."""
    bare: list[float] = []
    whole: list[float] = []
    for _ in range(RUNS):
        with TemporaryDirectory() as cache, _engine(binary, cache) as engine:
            commands = _commands(engine, header)
            bare.append(_seconds(partial(_run, commands)))
        with TemporaryDirectory() as cache, _engine(binary, cache) as engine:
            ask_engine(engine, header, {"LLAMA_ARG_FIT": "off"}, (), DESK)
            whole.append(_seconds(lambda: ask_engine(engine, header, ENVIRONMENT, (), DESK)))
    return [
        Row(what="one plan by the engine, beyond the engine's own time", measured=min(whole) - min(bare),
            unit="s", limit=0.6),
        Row(what="the same as a ratio", measured=min(whole) / min(bare), unit="x", limit=1.3),
    ]  # fmt: skip


def _commands(engine: DirectEngine, header: Header) -> list[Sequence[str]]:
    asked = understood(ENVIRONMENT, ())
    answer = engine.ask(fit_question(asked, 1), header, DESK)
    words = fitted_words(asked, read_fit(answer, DESK))
    measured = engine.ask(measure_question(asked, 1, words), header, DESK)
    return [split(answer.command), split(measured.command)]


def _search(binary: Path, header: Header) -> list[Row]:
    task = Task(header=header, machine=DESK, environment=ENVIRONMENT, command=(), margins=MARGINS)
    with TemporaryDirectory() as cache, _engine(binary, cache) as engine:
        tried = tune(engine, task, jobs=os.cpu_count() or 1)
    with TemporaryDirectory() as cache, _engine(binary, cache) as engine:
        cold, warm = (
            _seconds(lambda: tune(engine, task, jobs=os.cpu_count() or 1)) * BUDGET / len(tried)
            for _ in range(2)
        )
    return [
        Row(what=f"`tune`, per {BUDGET} candidates, two GPUs", measured=cold, unit="s", limit=30),
        Row(what="the same again, answers kept", measured=warm, unit="s", limit=1),
    ]


def _engine(binary: Path, cache: str) -> DirectEngine:
    return DirectEngine(binary, cache=Path(cache), write=write_atomic, simulated=True)


def _run(commands: Sequence[Sequence[str]]) -> None:
    for words in commands:
        subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


if __name__ == "__main__":
    print(table("Asking the engine", rows()))
