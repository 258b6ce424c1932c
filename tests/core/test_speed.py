"""Speed from bandwidth: what makes it faster or slower, what is unknown, what was measured."""

from dataclasses import replace

import pytest

from launcher.core.assessment import assess
from launcher.core.machine import Gpu, Machine
from launcher.core.settings import Settings
from launcher.core.speed import Speed, estimate_speed
from launcher.core.speed_seeds import Row, rows, section
from planning import GLM, HYBRID, RTX_4090, TINY, known, machine, mib, production

DESK = machine()
ROOMY = replace(RTX_4090, total=mib(81_920), free=mib(80_000))


def speed(name: str, *gpus: Gpu, settings: Settings | None = None) -> Speed:
    on = machine(*gpus)
    model = known(name).model
    assert model is not None
    found = assess(settings or production(n_ctx=8192), model, on)
    return estimate_speed(model, found.choice.settings, found.placement, on)


def generation(name: str, *gpus: Gpu, settings: Settings | None = None) -> float:
    rate = speed(name, *gpus, settings=settings).generation
    assert rate is not None
    return rate


def test_twice_the_bandwidth_is_faster_but_not_twice_as_fast() -> None:
    assert RTX_4090.bandwidth is not None
    fast = replace(ROOMY, bandwidth=2 * RTX_4090.bandwidth)
    assert 1 < generation(HYBRID, fast) / generation(HYBRID, ROOMY) < 2


def test_weights_in_host_memory_are_slow() -> None:
    small = replace(ROOMY, free=mib(12_000))
    assert generation(HYBRID, small) < generation(HYBRID, ROOMY) / 3


def test_only_the_experts_that_are_used_are_read() -> None:
    # 30B parameters of which 3B are active, against 27B that all are
    assert generation(GLM, ROOMY) > 2 * generation(HYBRID, ROOMY)


def test_a_gpu_of_unknown_bandwidth_has_no_estimate() -> None:
    assert speed(TINY, replace(RTX_4090, bandwidth=None)) == Speed(generation=None, prompt=None)


def test_a_gpu_of_an_unknown_kind_has_no_estimate_of_prompts() -> None:
    found = speed(TINY, replace(RTX_4090, compute_capability="7.5"))
    assert found.prompt is None
    assert found.generation is not None


def test_no_gpu_reads_everything_from_host_memory() -> None:
    bare = Machine(name="bare", gpus=(), host_memory=DESK.host_memory)
    model = known(TINY).model
    assert model is not None
    found = assess(production(n_ctx=8192), model, bare)
    estimate = estimate_speed(model, found.choice.settings, found.placement, bare)
    assert estimate.prompt is None
    assert estimate.generation is not None


def test_what_was_measured_is_met_within_15_percent() -> None:
    shipped = (GLM, "Qwen3-Next-80B-A3B-Instruct-Q5_K_M.gguf", "Qwen3.5-122B-A10B-Q4_K_M.gguf", HYBRID)
    models = {name: model for name in shipped if (model := known(name).model)}
    found = list(rows(models, DESK))
    assert len(found) == 6
    assert {row.what: row.error for row in found if abs(row.error) > 0.15} == {}


@pytest.mark.parametrize(("estimated", "error"), [(1.0, -0.5), (2.0, 0.0), (4.0, 0.0), (10.0, 1.0)])
def test_an_error_is_measured_from_the_range(estimated: float, error: float) -> None:
    assert Row(what="x", measured=(2, 5), estimated=estimated).error == pytest.approx(error)


def test_the_section_has_a_line_per_row() -> None:
    text = section({}, DESK)
    assert text.count("\n| 70B Q4") == 2
