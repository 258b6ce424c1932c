"""The real engine on simulated machines of every kind, and what happens when it is to do real work."""

import subprocess
from pathlib import Path

import pytest

from launcher.core.dry_run.file import dry_file
from launcher.core.machine import Gpu, Machine
from launcher.core.simulation import VARIABLE, describe
from launcher.core.tune import Task, ranked
from launcher.core.units import MIB
from launcher.edges.engine import DirectEngine
from launcher.edges.engine.files import DryFiles
from launcher.edges.engine.stand_ins import stand_ins
from launcher.workflow.engine import ask_engine
from launcher.workflow.tune import tune
from planning import GLM, RTX_4090, RTX_5070_TI, TINY, header

pytestmark = pytest.mark.engine

DESK = Machine(name="desk", gpus=(RTX_4090, RTX_5070_TI))
PRODUCTION = {
    "LLAMA_ARG_CTX_SIZE": "131072",
    "LLAMA_ARG_CACHE_TYPE_K": "q8_0",
    "LLAMA_ARG_CACHE_TYPE_V": "q8_0",
    "LLAMA_ARG_FLASH_ATTN": "on",
    "LLAMA_ARG_N_PARALLEL": "1",
    "LLAMA_ARG_FIT_TARGET": "128,1024",
}


def gpu(free: int, capability: str = "8.9") -> Gpu:
    return Gpu(name="GPU", total=24000 * MIB, free=free * MIB, compute_capability=capability, role="compute")


def test_the_reference_machine_has_five_splits(engine: DirectEngine) -> None:
    result = ask_engine(engine, header(GLM), PRODUCTION, ("--jinja",), DESK)
    assert (result.graph_splits, result.placement.n_gpu_layers) == (5, 48)
    assert [line.layers for line in result.fitted_ledger.gpus] == [33, 15]
    assert all((line.left or 0) >= (line.margin or 0) for line in result.fitted_ledger.gpus)


def test_tuning_the_reference_machine_finds_no_more_splits(engine: DirectEngine) -> None:
    task = Task(
        header=header(GLM),
        machine=DESK,
        environment=PRODUCTION,
        command=(),
        margins=(128 * MIB, 1024 * MIB),
    )
    best = ranked(tune(engine, task, jobs=2, budget=12))[0]
    assert best.holds
    assert best.graph_splits is not None
    assert best.graph_splits <= 5


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_a_machine_has_as_many_gpus_as_it_says(engine: DirectEngine, count: int) -> None:
    machine = Machine(name="many", gpus=(gpu(12000),) * count)
    result = ask_engine(engine, header(GLM), {"LLAMA_ARG_CTX_SIZE": "4096"}, (), machine)
    lines = result.fitted_ledger.gpus
    assert [line.name for line in lines] == [f"CUDA{index}" for index in range(count)]
    assert sum(line.layers or 0 for line in lines) <= 48
    assert [line.free for line in lines] == [12000 * MIB] * count


@pytest.mark.parametrize("capability", ["7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "12.0"])
def test_every_compute_capability_is_laid_out(engine: DirectEngine, capability: str) -> None:
    machine = Machine(name="one", gpus=(gpu(23000, capability),))
    result = ask_engine(engine, header(TINY), {"LLAMA_ARG_CTX_SIZE": "8192"}, (), machine)
    assert result.fitted_ledger.gpus[0].layers == 31
    assert result.graph_splits == 2


def test_a_gpu_without_free_memory_gets_nothing(engine: DirectEngine) -> None:
    machine = Machine(name="full", gpus=(gpu(0), gpu(23000)))
    result = ask_engine(engine, header(TINY), {"LLAMA_ARG_CTX_SIZE": "8192"}, (), machine)
    full, other = result.fitted_ledger.gpus
    assert (full.free, full.layers, full.usage.model) == (0, 0, 0)
    assert other.layers == 31


def test_a_machine_without_gpus_is_laid_out_in_host_memory(engine: DirectEngine) -> None:
    result = ask_engine(
        engine, header(TINY), {"LLAMA_ARG_CTX_SIZE": "8192"}, (), Machine(name="bare", gpus=())
    )
    (host,) = result.fitted_ledger.devices
    assert host.usage.model == 92 * MIB
    assert result.graph_splits == 1


def test_settings_that_place_layers_are_measured_as_they_are(engine: DirectEngine) -> None:
    words = ("-ngl", "20", "-ts", "3,1", "-c", "8192")
    result = ask_engine(engine, header(GLM), {}, words, DESK)
    assert [line.layers for line in result.fitted_ledger.gpus] == [15, 5]
    assert not result.placement.changed


def test_loading_real_weights_is_refused(engine_bin: Path, tmp_path: Path) -> None:
    files = DryFiles()
    try:
        model = files.path(dry_file(header(TINY)))
        done = subprocess.run(
            [engine_bin, "completion", "-m", model, "-ngl", "99", "-p", "x", "-n", "1", "--no-warmup"],
            env={"LD_LIBRARY_PATH": str(stand_ins(tmp_path)), VARIABLE: describe(DESK)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        files.remove()
    assert done.returncode == 86
    assert "simulated GPUs serve dry runs (llama fit-params) only" in done.stderr
