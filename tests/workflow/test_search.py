"""The search: an opening, then what is near the best, within a budget."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock

import pytest

from launcher.core.dry_run import Answer, Question
from launcher.core.errors import LauncherError, failure
from launcher.core.header import Header, Tensor
from launcher.core.machine import Gpu, Machine
from launcher.core.tune import Task, ranked
from launcher.core.units import MIB
from launcher.workflow.tune import tune

LAYER, CACHE, COMPUTE = 1000, 100, 500


@dataclass
class ToyEngine:
    """An engine of ten layers of 1000 MiB, whose fit puts one layer too many on the first GPU."""

    asked: list[Question] = field(default_factory=list)
    broken: Callable[[Question], bool] = lambda _question: False
    lock: Lock = field(default_factory=Lock)

    def keep_files(self) -> None:
        raise AssertionError("a candidate that fails is no reason")

    def ask(self, question: Question, header: Header, machine: Machine) -> Answer:
        with self.lock:
            self.asked.append(question)
        if self.broken(question):
            raise failure("it broke")
        words = dict(zip(question.words, question.words[1:], strict=False))
        words |= {
            {"LLAMA_ARG_TENSOR_SPLIT": "-ts"}.get(key, key): value for key, value in question.environment
        }
        counts = [int(count) for count in words.get("-ts", "7,4").split(",")]
        rows = [f"CUDA{i} {LAYER * n} {CACHE * n} {COMPUTE} " for i, n in enumerate(counts)]
        table = [
            f"|   - CUDA{i} (A) | 9 = 9 + ( 9 = {LAYER * n} + {CACHE * n} + {COMPUTE}) +"
            for i, n in enumerate(counts)
        ]
        homes = [f"CUDA{i}" for i, n in enumerate(counts) for _ in range(n)]
        log = [f"layer {i} assigned to device {home}, is_swa = 0" for i, home in enumerate(homes)]
        log += ["llama_context: n_ctx = 4096", "splits = 3, x", "memory breakdown [MiB]", *table]
        return Answer(
            question=question,
            status=0,
            output="-c 4096 -ngl 11 -ts 7,4" if question.fits else "\n".join([*rows, "Host 300 0 0 "]),
            log="\n".join([*log, "|   - Host | 300 = 300 + 0 + 0 "]),
            command="llama fit-params",
        )


HEADER = Header(
    metadata={"general.architecture": "x", "x.block_count": 10},
    tensors=tuple(
        Tensor(name=f"blk.{layer}.attn_q.weight", shape=(1,), type=0, nbytes=LAYER * MIB)
        for layer in range(10)
    ),
    file_bytes=0,
    source="file",
)
GPU = Gpu(name="A", total=9000 * MIB, free=7800 * MIB, compute_capability="8.9")
TASK = Task(
    header=HEADER,
    machine=Machine(name="two", gpus=(GPU, GPU)),
    environment={"LLAMA_ARG_CTX_SIZE": "4096"},
    command=(),
    margins=(128 * MIB, 128 * MIB),
)


def test_a_layout_that_the_fit_misses_is_found_near_it() -> None:
    seen: list[tuple[int, str]] = []
    trials = tune(ToyEngine(), TASK, jobs=2, progress=lambda count, best: seen.append((count, best)))
    assert not trials[0].holds
    best = ranked(trials)[0]
    assert best.holds
    assert dict(best.candidate.changes)["TENSOR_SPLIT"] in ("6,5", "5,6")
    assert seen[-1][0] == len(trials)


def test_no_candidate_is_tried_twice_and_the_budget_holds() -> None:
    engine = ToyEngine()
    trials = tune(engine, TASK, jobs=3, budget=20)
    assert len({trial.candidate.changes for trial in trials}) == len(trials) <= 20


def test_the_outcome_does_not_depend_on_how_many_run_at_a_time() -> None:
    one, four = (tune(ToyEngine(), TASK, jobs=jobs) for jobs in (1, 4))
    assert [trial.candidate for trial in one] == [trial.candidate for trial in four]


def test_a_candidate_that_the_engine_refuses_is_no_end() -> None:
    def refuses(question: Question) -> bool:
        return ("LLAMA_ARG_UBATCH", "256") in question.environment

    trials = tune(ToyEngine(broken=refuses), TASK, jobs=2)
    failures = [trial for trial in trials if trial.result is None]
    assert failures
    assert {trial.failure for trial in failures} == {"it broke"}
    assert ranked(trials)[0].holds


def test_an_engine_that_refuses_everything_is_an_error() -> None:
    with pytest.raises(LauncherError, match="it broke"):
        tune(ToyEngine(broken=lambda _: True), TASK, jobs=2)


def test_a_tight_budget_is_the_opening_cut_short() -> None:
    assert len(tune(ToyEngine(), TASK, jobs=1, budget=1)) == 1


def test_the_fit_is_told_to_leave_what_other_models_are_going_to_take() -> None:
    engine = ToyEngine()
    environment = {**TASK.environment, "LLAMA_ARG_FIT_TARGET": "128,128"}
    tune(engine, replace(TASK, environment=environment, unseen=(500 * MIB, 0)), jobs=1, budget=2)
    fits = [question.words for question in engine.asked if question.fits]
    targets = [words[words.index("--fit-target") + 1] for words in fits]
    assert targets == ["628,128", "756,128"]


def test_nothing_is_added_where_nothing_else_is_loaded() -> None:
    engine = ToyEngine()
    tune(engine, TASK, jobs=1, budget=2)
    assert not [question for question in engine.asked if "--fit-target" in question.words]
