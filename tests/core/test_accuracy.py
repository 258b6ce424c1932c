"""Comparison with the engine, and the promises about it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.accuracy import Comparison, OracleCase, Truth, bars, compare, group_scores, percentile
from launcher.core.fit import Placement, place
from launcher.core.machine import Gpu, Machine
from launcher.core.settings import Settings
from launcher.core.units import MIB
from models import model

MODEL = model()
MACHINE = Machine(name="one", gpus=(Gpu(name="GPU", total=9000 * MIB, free=8000 * MIB),))
SETTINGS = Settings(n_ctx=4096, n_parallel=1)


def case_of(placement: Placement) -> OracleCase:
    """A case of which the engine says what `placement` says."""
    truth = Truth(
        initial=tuple(line.usage for line in placement.initial.devices),
        fitted=tuple(line.usage for line in placement.fitted.devices),
        n_ctx=placement.n_ctx,
        n_gpu_layers=placement.n_gpu_layers,
        tensor_split=placement.tensor_split,
        overrides=tuple(f"{pattern}={target}" for pattern, target in placement.overrides),
    )
    return OracleCase(
        name="case", model="model", architecture="llama", gguf="model.gguf", machine=MACHINE,
        settings=SETTINGS, truth=truth,
    )  # fmt: skip


PLACED = place(MODEL, SETTINGS, MACHINE)


def comparison(**truth: object) -> Comparison:
    case = case_of(PLACED)
    return compare(replace(case, truth=replace(case.truth, **truth)), MODEL, PLACED)  # type: ignore[arg-type]


def test_an_engine_that_agrees_keeps_every_promise() -> None:
    found = comparison()
    assert not any((*found.stored_errors, *found.initial_errors, *found.fitted_errors))
    assert found.promised
    assert found.held
    assert all(bar.kept for bar in bars([found]))


def test_an_engine_that_lowers_the_layers_breaks_the_promise_that_it_fits() -> None:
    found = comparison(n_gpu_layers=7)
    assert not found.same_layers
    assert not found.held
    broken = {bar.name for bar in bars([found]) if not bar.kept}
    assert "fits, where the engine doesn't place it so" in broken
    assert "same layers after the fit" in broken


def test_experts_on_another_gpu_are_still_on_the_gpus() -> None:
    assert comparison(n_gpu_layers=9, overrides=(r"blk\.3\.ffn_down.*=CUDA1",)).held
    assert not comparison(n_gpu_layers=9, overrides=(r"blk\.3\.ffn_down.*=CPU",)).held


def test_errors_are_estimate_minus_engine() -> None:
    gpu, host = case_of(PLACED).truth.initial
    found = comparison(initial=(replace(gpu, compute=gpu.compute - MIB), host))
    assert found.initial_errors == (MIB, 0)
    (score,) = group_scores([found], lambda one: one.case.model)
    assert (score.devices, score.exact, score.worst_mib) == (2, 1, 1.0)


@pytest.mark.parametrize(("percent", "expected"), [(50, 2), (95, 4), (100, 4), (0, 1)])
def test_percentiles(percent: int, expected: float) -> None:
    assert percentile([4, 1, 3, 2], percent) == expected


def test_a_percentile_of_nothing_is_zero() -> None:
    assert percentile([], 95) == 0


@pytest.mark.oracle
def test_the_promises_are_kept_on_the_recorded_dry_runs() -> None:
    from launcher.edges.headers.types import tensor_types
    from launcher.edges.oracle import OracleFolder
    from launcher.workflow.accuracy import measure_accuracy

    beside = Path(__file__).parents[3] / "shared" / "oracle"
    folder = Path(os.environ.get("LAUNCHER_ORACLE", beside))
    if not folder.is_dir():
        pytest.skip(f"no recorded dry runs at {folder}")
    report = measure_accuracy(OracleFolder(folder, tensor_types()), every=5)
    assert [bar for bar in report.bars if not bar.kept] == []
