"""A plan with the engine's figures: the same strategy, its own ledger, and what differs."""

from collections.abc import Mapping
from dataclasses import replace

from launcher.core.fit import Placement
from launcher.core.ledger import Usage
from launcher.core.machine import Machine
from launcher.core.model import Model
from launcher.core.plan import Plan, plan
from planning import GLM, TINY, machine, mib, placement, production, subject

DESK = machine()
FITTING = (Usage(model=mib(20_490), context=mib(2_524), compute=mib(359)), Usage(model=mib(9_546)))


def answered(placed: Placement) -> tuple[Plan, Mapping[str, str]]:
    """The plan with that answer, and the environment that the engine was asked about."""
    asked: dict[str, str] = {}

    def ask(model: Model, environment: Mapping[str, str], command: tuple[str, ...], on: Machine) -> Placement:
        asked.update(environment)
        return replace(placed, fitted=replace(placed.fitted, source="engine"))

    return plan(subject(GLM), DESK, ask=ask), asked


def test_the_ledger_is_the_engines() -> None:
    found, asked = answered(placement(*FITTING, on=DESK, layers=(33, 15)))
    assert (found.source, found.verdict) == ("engine", "fits")
    assert found.placed is not None
    assert found.placed.devices[0].usage == FITTING[0]
    assert asked["LLAMA_ARG_FIT_TARGET"] == "128,1024"


def test_what_the_engine_says_decides() -> None:
    found, _ = answered(placement(FITTING[0], Usage(model=mib(13_001)), on=DESK))
    assert (found.verdict, found.reason) == (
        "does-not-fit",
        "CUDA1 needs 501 MiB more than is free (1,525 MiB with its margin)",
    )


def test_a_difference_from_the_estimate_is_a_finding() -> None:
    more = replace(FITTING[0], compute=mib(759))
    found, _ = answered(placement(more, FITTING[1], on=DESK))
    messages = [each.message for each in found.findings if each.code == "E001"]
    assert messages[0].startswith("the engine puts 39")
    assert messages[0].endswith("MiB more on CUDA0 than the estimate")


def test_a_gpu_that_the_engine_leaves_out_is_empty() -> None:
    alone = plan(subject(TINY, production(n_ctx=8192)), DESK)
    assert alone.placed is not None
    engine = replace(alone.placed, source="engine", devices=(alone.placed.devices[0], alone.placed.host))
    answer = Placement(initial=engine, fitted=engine, n_ctx=8192)
    found = plan(subject(TINY, production(n_ctx=8192)), DESK, ask=lambda *_: answer)
    assert found.placed is not None
    assert [line.usage.total > 0 for line in found.placed.gpus] == [True, False]
    assert found.verdict == "fits"
