"""How devices are used, and what the environment gets for it."""

from dataclasses import replace
from typing import Any

import pytest

from launcher.core.machine import Gpu
from launcher.core.strategy import Choice, choose, margins
from planning import GLM, RTX_4090, RTX_5070_TI, TINY, known, machine, mib, production


def chosen(name: str, *gpus: Gpu, **settings: Any) -> Choice:
    model = known(name).model
    assert model is not None
    return choose(production(**{"n_ctx": 8192, **settings}), model, machine(*gpus))


def test_one_gpu_when_everything_fits_on_the_first() -> None:
    found = chosen(TINY)
    assert found.environment == {
        "LLAMA_ARG_FIT": "on",
        "LLAMA_ARG_FIT_TARGET": "128,1024",
        "LLAMA_ARG_SPLIT_MODE": "none",
        "LLAMA_ARG_MAIN_GPU": "0",
    }
    first, second = found.placement.fitted.gpus
    assert first.layers == 31
    assert (second.name, second.usage.total, second.layers) == ("CUDA1", 0, 0)


def test_fit_when_the_first_is_too_small() -> None:
    found = chosen(GLM)
    assert found.environment == {"LLAMA_ARG_FIT": "on", "LLAMA_ARG_FIT_TARGET": "128,1024"}
    assert found.words == "FIT over 2 GPUs, FIT_TARGET=128,1024"


def test_an_unset_context_is_the_models_own_for_each_slot() -> None:
    assert chosen(TINY, n_ctx=0, n_parallel=2, kv_unified=True).placement.n_ctx == 2 * 8192


@pytest.mark.parametrize("spare", [0, -1])
def test_the_margin_decides_between_one_gpu_and_two(spare: int) -> None:
    alone = chosen(TINY).placement.fitted.devices[0].usage.total
    tight = replace(RTX_4090, free=alone + mib(128) + spare)
    words = chosen(TINY, tight, RTX_5070_TI).words
    assert words.startswith("single GPU" if spare == 0 else "FIT over 2 GPUs")


@pytest.mark.parametrize(
    "own",
    [
        {"split_mode": "layer", "tensor_split": (1.0, 1.0)},
        {"n_gpu_layers": 99},
        {"split_mode": "none", "main_gpu": 1},
    ],
)
def test_a_profile_that_places_itself_is_left_alone(own: dict[str, Any]) -> None:
    found = chosen(TINY, **own)
    assert "LLAMA_ARG_SPLIT_MODE" not in found.environment
    assert found.words.startswith("the profile's own placement")


def test_a_split_that_the_profile_asks_for_is_made() -> None:
    found = chosen(TINY, split_mode="layer")
    assert "LLAMA_ARG_SPLIT_MODE" not in found.environment
    assert found.words == "FIT over 2 GPUs, FIT_TARGET=128,1024"
    assert all(line.usage.model for line in found.placement.fitted.gpus)


def test_the_initial_ledger_is_as_the_profile_asks() -> None:
    asked, single = chosen(TINY, split_mode="layer"), chosen(TINY)
    assert single.words.startswith("single GPU")
    assert single.placement.initial == asked.placement.initial


def test_the_target_of_the_main_gpu_stands_first_without_a_split() -> None:
    found = chosen(TINY, split_mode="none", main_gpu=1)
    assert found.environment["LLAMA_ARG_FIT_TARGET"] == "1024"
    assert [line.usage.total > 0 for line in found.placement.fitted.gpus] == [False, True]


def test_without_fit_nothing_is_added() -> None:
    assert chosen(TINY, fit=False).environment == {}


def test_a_target_of_the_profile_is_not_set_twice() -> None:
    assert "LLAMA_ARG_FIT_TARGET" not in chosen(GLM, fit_target=(mib(512), mib(512))).environment


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        (None, (128, 1024)),
        ((64, 2048), (64, 1024)),
        ((512,), (128, 512)),
        ((64,), (64, 64)),
        ((64, 64, 64), (64, 64)),
    ],
)
def test_margins_are_the_headroom_or_a_smaller_target(
    target: tuple[int, ...] | None, kept: tuple[int, ...]
) -> None:
    given = None if target is None else tuple(map(mib, target))
    assert margins(production(fit_target=given), machine()) == tuple(map(mib, kept))


def test_a_list_that_is_too_short_leaves_the_engines_default_to_the_rest() -> None:
    on = machine(RTX_4090, RTX_5070_TI, RTX_5070_TI)
    assert margins(production(fit_target=(mib(64), mib(64))), on) == (mib(64), mib(64), mib(1024))
