"""Asking the engine: one run for the fit, one for what it chose."""

import pytest

from fakes import FakeEngine
from launcher.core.errors import LauncherError
from launcher.core.header import Header
from launcher.core.machine import Gpu, Machine
from launcher.core.units import MIB
from launcher.workflow.engine import ask_engine

HEADER = Header(metadata={"general.architecture": "x"}, tensors=(), file_bytes=0, source="file")
DESK = Machine(
    name="desk",
    gpus=(
        Gpu(name="RTX 4090", total=24080 * MIB, free=23600 * MIB, role="compute"),
        Gpu(name="RTX 5070 Ti", total=15900 * MIB, free=12500 * MIB, role="display"),
    ),
)


def test_the_fit_comes_first_and_then_what_it_chose() -> None:
    engine = FakeEngine()
    result = ask_engine(engine, HEADER, {"LLAMA_ARG_CTX_SIZE": "131072"}, (), DESK)
    assert [question.fits for question in engine.asked] == [True, False]
    assert engine.asked[1].words[-9:-4] == ("48", "-ts", "33,15", "-ot", r"blk\.32\.ffn_down.*=CUDA1")
    assert [line.usage.total // MIB for line in result.initial.devices] == [23260, 11985, 841]
    assert [line.usage.total // MIB for line in result.fitted_ledger.devices] == [23373, 10978, 457]
    assert (result.graph_splits, result.graph_splits_bs1) == (5, 5)
    placement = result.placement
    assert (placement.n_ctx, placement.n_gpu_layers, placement.tensor_split) == (131072, 48, (33, 15))
    assert placement.changed
    assert [line.overflow_layers for line in placement.fitted.gpus] == [0, 0]


def test_without_fit_the_settings_are_only_measured() -> None:
    engine = FakeEngine()
    result = ask_engine(engine, HEADER, {"LLAMA_ARG_FIT": "off"}, (), DESK)
    assert [question.fits for question in engine.asked] == [False]
    assert result.initial == result.fitted_ledger
    assert not result.placement.changed


def test_a_fit_that_gives_up_leaves_the_settings_as_given() -> None:
    reason = "failed to fit params to free device memory: tensor_split already set by user, abort\n"
    engine = FakeEngine(fit_status=1, fit_log=reason)
    result = ask_engine(engine, HEADER, {}, ("-ts", "3,1"), DESK)
    assert result.placement.gave_up == "tensor_split already set by user"
    assert engine.asked[1].words[-4:] == ("--fit-print", "on", "-lv", "5")
    assert "-ngl" not in engine.asked[1].words


def test_an_engine_that_fails_is_an_error() -> None:
    with pytest.raises(LauncherError, match="the dry run failed"):
        ask_engine(FakeEngine(fit_status=1), HEADER, {}, (), DESK)


def test_settings_that_llama_server_refuses_are_refused() -> None:
    engine = FakeEngine()
    with pytest.raises(LauncherError, match="CTX_SIZE"):
        ask_engine(engine, HEADER, {"LLAMA_ARG_CTX_SIZE": "many"}, (), DESK)
    assert engine.asked == []
