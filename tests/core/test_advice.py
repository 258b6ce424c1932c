"""Advice: every suggestion was tried, and holds when it is followed."""

from dataclasses import replace
from typing import Any

from launcher.core.advice import Advice, advise, largest_context, remedy, trial
from launcher.core.assessment import Assessment, assess
from launcher.core.header import TensorTypes
from launcher.core.machine import Machine
from launcher.core.model import Model
from launcher.core.quantise import smaller
from launcher.core.units import mib_up
from launcher.edges.headers.types import tensor_types
from planning import GLM, HYBRID, RTX_4090, RTX_5070_TI, TINY, header, known, machine, mib, production

SPARSE = "Qwen3.5-35B-A3B-Q6_K.gguf"
DESK = machine()
TYPES: TensorTypes = tensor_types()


def model(name: str) -> Model:
    found = known(name).model
    assert found is not None
    return found


def found(name: str, on: Machine = DESK, **settings: Any) -> Assessment:
    return assess(production(**settings), model(name), on)


def advice(name: str, on: Machine = DESK, **settings: Any) -> dict[str, str]:
    given: tuple[Advice, ...] = advise(found(name, on, **settings), model(name), on, TYPES)
    return {each.change: each.effect for each in given}


def test_the_target_that_a_remedy_names_holds() -> None:
    wrong = found(SPARSE, n_ctx=262_144)
    assert not wrong.holds
    text = remedy(wrong, model(SPARSE), DESK)
    assert text == "FIT_TARGET=704,1024 holds: all layers on GPU, margins kept"
    assert found(SPARSE, n_ctx=262_144, fit_target=(mib(704), mib(1024))).judgement.verdict == "fits"


def test_layers_that_were_given_are_left_to_fit() -> None:
    text = remedy(found(HYBRID, machine(RTX_5070_TI), n_gpu_layers=99), model(HYBRID), machine(RTX_5070_TI))
    assert text is not None
    assert text.startswith("leaving the placement to FIT")


def test_nothing_helps_a_model_larger_than_all_memory() -> None:
    small = machine(replace(RTX_4090, free=mib(4000)), memory=mib(8000))
    assert remedy(found(HYBRID, small), model(HYBRID), small) is None


def test_the_largest_context_fits_and_one_step_more_does_not() -> None:
    on = machine(RTX_4090)
    attempt = trial(model(HYBRID), on)
    largest = largest_context(production(), model(HYBRID), attempt)
    assert largest is not None
    assert largest % 256 == 0
    assert attempt(production(n_ctx=largest)).judgement.verdict == "fits"
    assert attempt(production(n_ctx=largest + 256)).judgement.verdict != "fits"


def test_a_model_that_fits_as_trained_has_its_trained_context() -> None:
    assert largest_context(production(), model(TINY), trial(model(TINY), DESK)) == 8192


def test_what_does_not_fit_is_told_a_context_and_a_quantisation() -> None:
    given = advice(HYBRID, machine(RTX_5070_TI), n_ctx=32_768)
    assert given["CTX_SIZE"] == "no context leaves all layers on the GPUs"
    assert [change for change in given if change.endswith("file")] == ["a Q2_K file"]


def test_what_fits_is_told_what_its_cache_costs() -> None:
    given = advice(GLM, machine(replace(RTX_4090, free=mib(60_000))))
    assert list(given) == ["CACHE_TYPE_K/V=f16"]
    assert given["CACHE_TYPE_K/V=f16"].endswith("MiB more for context and compute: fits")


def test_without_a_gpu_a_cache_costs_what_it_takes_on_the_host() -> None:
    bare = Machine(name="bare", gpus=(), host_memory=mib(64 * 1024))
    small, large = (
        found(TINY, bare, n_ctx=8192, cache_type_k=kind, cache_type_v=kind).placement.initial.host
        for kind in ("q8_0", "f16")
    )
    more = mib_up(large.usage.total - small.usage.total)
    assert more > 0
    told = advice(TINY, bare, n_ctx=8192, cache_type_k="q8_0", cache_type_v="q8_0")["CACHE_TYPE_K/V=f16"]
    assert told.startswith(f"{more:,} MiB more for context and compute: ")


def test_a_large_micro_batch_is_told_what_it_costs() -> None:
    assert "less for context and compute" in advice(GLM, n_ctx=8192, n_ubatch=2048)["UBATCH=512"]


def test_smaller_quantisations_shrink_matrices_and_nothing_else() -> None:
    whole = header(HYBRID)
    sizes = []
    for name, shrunk in smaller(whole, TYPES):
        sizes.append(shrunk.file_bytes)
        changed = [new for old, new in zip(whole.tensors, shrunk.tensors, strict=True) if old != new]
        assert {TYPES[tensor.type].name for tensor in changed} == {name}
        assert all(len(tensor.shape) > 1 for tensor in changed)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < whole.file_bytes / 2
