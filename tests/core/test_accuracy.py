"""Comparison with the engine, and the promises about it."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.core.accuracy import Comparison, OracleCase, Truth, compare, compare_again
from launcher.core.dry_run import EngineResult
from launcher.core.fit import Placement, place
from launcher.core.ledger import Usage
from launcher.core.machine import Gpu, Machine
from launcher.core.promises import AGAIN, SPLITS, Start, bars, group_scores, percentile
from launcher.core.settings import Settings
from launcher.core.units import MIB
from models import model
from records import ledger, record

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
        splits=(placement.fitted.graph_splits, 2),
    )
    return OracleCase(
        name="case", model="model", architecture="llama", gguf="model.gguf", machine=MACHINE,
        command=("-c", "4096"), settings=SETTINGS, truth=truth,
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
    (score,) = group_scores([found], [], lambda one: one.case.model)
    assert (score.devices, score.exact, score.worst_mib, score.again) == (2, 1, 1.0, None)


def asked_again(splits: int = 2, **usage: int) -> Comparison:
    """The engine says the same in whole MiB, but for these parts of the GPU's usage before the fit."""
    case = case_of(PLACED)
    gpu, *rest = case.truth.in_mib.initial
    truth = replace(case.truth.in_mib, initial=(replace(gpu, **usage), *rest), splits=(2, splits))
    known = replace(case, truth=replace(case.truth, splits=(2, 2)))
    return compare_again(known, MODEL, truth, PLACED.fitted.gpus)


def test_an_engine_that_says_the_same_in_whole_mib_is_exact() -> None:
    found = asked_again()
    assert found.is_exact
    assert found.held == found.promised
    assert {bar.name: bar.engine for bar in bars([comparison()], [found])}[AGAIN] == 100.0


@pytest.mark.parametrize("other", [asked_again(compute=7 * MIB), asked_again(splits=3)])
def test_an_engine_that_says_something_else_breaks_its_promise(other: Comparison) -> None:
    made = bars([comparison()], [asked_again(), other])
    assert {bar.name: bar.engine for bar in made}[AGAIN] == 50.0
    assert AGAIN in {bar.name for bar in made if not bar.kept}
    (score,) = group_scores([comparison()], [other], lambda one: one.case.model)
    assert score.again == (2 - any(other.initial_errors), 2)


def test_what_the_engine_says_now_is_read_as_what_it_said() -> None:
    result = EngineResult(placement=PLACED, graph_splits_bs1=2)
    assert Truth.of(result) == case_of(PLACED).truth


def test_other_graph_splits_count_against_the_estimate() -> None:
    made = bars([comparison(), comparison(splits=(99, 2))])
    assert {bar.name: bar.estimate for bar in made}[SPLITS] == 50.0


def test_a_column_without_figures_is_unknown_and_breaks_no_promise() -> None:
    made = bars([comparison()])
    assert {bar.engine for bar in made} == {bar.measured for bar in made} == {None}
    assert all(bar.kept for bar in made)


def start(**fields: Any) -> Start:
    made = Start.of(record(**fields))
    assert made is not None
    return made


def test_a_server_that_allocated_what_was_planned_has_no_errors() -> None:
    found = start()
    assert not any((*found.stored_errors, *found.total_errors))
    assert found.layers_apart == 0


def test_sizes_in_a_log_are_exact_to_two_digits() -> None:
    made = record()
    assert made.measured is not None
    gpu, host = made.measured.devices
    near = replace(gpu, usage=gpu.usage + Usage(model=5000))
    found = start(measured=replace(made.measured, devices=(near, host)))
    assert found.stored_errors == (0.0,) * 4


def test_plans_are_held_against_measurements_in_a_column_of_their_own() -> None:
    more = start(measured=ledger("measured", CUDA0=(1000, 200, 300), Host=(300, 0, 20)))
    made = {bar.name: bar for bar in bars([comparison()], [], [start(), more])}
    assert made["weights and context exact"].measured == 100.0
    assert made["same layers after the fit"].measured == 100.0
    assert made["total after the fit, 95th percentile"].measured == pytest.approx(100 * 200 / 1500)
    assert made["total before the fit, median error"].measured is None
    assert all(bar.kept for bar in made.values())


def test_servers_without_a_gpu_say_nothing_of_layers() -> None:
    host = ledger("estimate", Host=(300, 10, 20))
    found = start(gpus=(), gpu_names=(), predicted=host, measured=host)
    assert found.layers_apart is None
    made = {bar.name: bar.measured for bar in bars([comparison()], [], [found])}
    assert made["same layers after the fit"] is None
    assert made["total after the fit, median error"] == 0.0


@pytest.mark.parametrize("lacking", [{"complete": False}, {"measured": None}, {"predicted": None}])
def test_a_start_that_was_not_whole_is_no_measurement(lacking: dict[str, Any]) -> None:
    assert Start.of(record(**lacking)) is None


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
