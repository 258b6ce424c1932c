"""llama.cpp's log, read. tests/data/engine holds captured logs of build 11160: of dry runs on the
simulated desk machine (the lines that are read), and of a server without a GPU. server-gpu.log is
written after the format of src/llama-model.cpp and src/llama-context.cpp: no GPU was at hand."""

from pathlib import Path

import pytest

from launcher.core.ledger import Usage
from launcher.core.logs import (
    engine_ledger,
    is_read,
    measured_ledger,
    projected_ledger,
    read_build,
    read_loads,
    read_output_row,
)
from launcher.core.machine import Gpu, Machine
from launcher.core.units import MIB

DATA = Path(__file__).parents[1] / "data" / "engine"
DESK = Machine(
    name="desk",
    gpus=(
        Gpu(name="RTX 4090", total=24080 * MIB, free=23600 * MIB, role="compute"),
        Gpu(name="RTX 5070 Ti", total=15900 * MIB, free=12500 * MIB, role="display"),
    ),
    host_memory=64 * 1024 * MIB,
)
NO_GPU = Machine(name="cpu", gpus=())


def read(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


GPU_SERVER = read("server-gpu.log")


def test_a_fit_has_one_load_for_each_trial() -> None:
    loads = read_loads(read("desk.fit.log"))
    assert len(loads) == read("desk.fit.log").count("memory breakdown [MiB]") == 12
    assert [row.usage.total // MIB for row in loads[0].rows] == [23260, 11985, 841]
    assert {load.n_ctx for load in loads} == {None}


def test_a_measurement_has_homes_splits_and_context() -> None:
    (load,) = read_loads(read("desk.measure.log"))
    assert load.layers == ("CUDA0",) * 33 + ("CUDA1",) * 15
    assert load.overridden == set()  # layer 32 has a part on the other GPU, none in host memory
    assert load.splits == (5, 5)
    assert load.n_ctx == 131072
    assert load.offloaded == (48, 48)


def test_the_ledger_of_a_dry_run_takes_the_machine_from_the_machine() -> None:
    load = read_loads(read("desk.fit.log"))[0]
    ledger = engine_ledger(load, DESK)
    assert [line.name for line in ledger.devices] == ["CUDA0", "CUDA1", "Host"]
    assert ledger.gpus[0].usage == Usage(model=20053 * MIB, context=2448 * MIB, compute=759 * MIB)
    assert [(line.gpu, line.free, line.margin) for line in ledger.gpus] == [
        ("RTX 4090", 23600 * MIB, 128 * MIB),
        ("RTX 5070 Ti", 12500 * MIB, 1024 * MIB),
    ]
    assert ledger.host.total == 64 * 1024 * MIB
    assert (ledger.source, ledger.graph_splits, ledger.gpus[0].layers) == ("engine", None, None)


def test_the_fit_of_a_server_projects_what_it_then_allocates() -> None:
    log = read("server-cpu.log")
    projected, measured = projected_ledger(log, NO_GPU), measured_ledger(log, NO_GPU)
    assert projected is not None
    assert measured is not None
    assert projected.host.usage == Usage(model=92 * MIB, context=45 * MIB, compute=15 * MIB)
    assert 0 <= measured.host.usage.total - projected.host.usage.total < 3 * MIB


def test_without_a_fit_nothing_is_projected() -> None:
    log = "\n".join(line for line in read("server-cpu.log").splitlines() if "fit" not in line)
    assert projected_ledger(log, NO_GPU) is None


@pytest.mark.parametrize("name", ["server-cpu.log", "server-cpu.jsonl"])
def test_a_log_names_the_build_that_wrote_it(name: str) -> None:
    assert read_build(read(name)) == "0 (unknown)"


@pytest.mark.parametrize("name", ["server-cpu.log", "server-cpu.jsonl"])
def test_a_server_without_gpu_is_read_in_both_forms_of_its_log(name: str) -> None:
    ledger = measured_ledger(read(name), NO_GPU)
    assert ledger is not None
    (host,) = ledger.devices
    assert host.usage == Usage(model=round(92.10 * MIB), context=45 * MIB, compute=round(15.51 * MIB))
    assert (ledger.source, ledger.n_ctx, ledger.graph_splits) == ("measured", 2048, 1)


def test_a_server_on_gpus_is_what_it_loaded_after_its_fit() -> None:
    ledger = measured_ledger(GPU_SERVER, DESK)
    assert ledger is not None
    first, second, host = ledger.devices
    assert first.usage == Usage(model=round(1000.5 * MIB), context=80 * MIB, compute=120 * MIB)
    assert second.usage == Usage(model=round(500.25 * MIB), context=8 * MIB)
    assert host.usage == Usage(model=300 * MIB, compute=40 * MIB)
    assert [(line.layers, line.overflow_layers) for line in ledger.gpus] == [(1, 0), (2, 1)]
    assert (ledger.n_ctx, ledger.graph_splits) == (8192, 5)


def test_a_device_that_the_machine_does_not_know_keeps_its_name() -> None:
    ledger = measured_ledger(GPU_SERVER, NO_GPU)
    assert ledger is not None
    assert [(line.gpu, line.total, line.free) for line in ledger.gpus] == [
        ("RTX 4090", None, 23600 * MIB),
        ("RTX 5070 Ti", None, 12500 * MIB),
    ]


@pytest.mark.parametrize("log", ["", "nothing of this is known\n{not json\n", read("desk.fit.log")])
def test_a_log_without_buffers_has_no_measured_ledger(log: str) -> None:
    assert measured_ledger(log, DESK) is None


def test_a_table_that_is_only_there_as_json_is_read_too() -> None:
    lines = [line for line in read("server-cpu.jsonl").splitlines() if "breakdown_print" not in line]
    tables = [load.rows for load in read_loads("\n".join(lines)) if load.rows]
    assert [[(row.name, row.usage.total) for row in rows] for rows in tables] == [[("Host", 152 * MIB)]] * 2


def test_json_of_another_form_holds_no_table() -> None:
    log = '{"type":"fit_memory_breakdown","data":{"rows":[{"kind":"device","name":"CUDA0"}]}}\n{"data":1}\n[]'
    assert read_loads(log) == ()


def test_lines_that_are_not_read_can_be_left_out() -> None:
    kept = "\n".join(filter(is_read, GPU_SERVER.splitlines()))
    assert read_loads(kept) == read_loads(GPU_SERVER)
    assert "repeating layers" not in kept


def test_a_printed_row_is_read_whole_or_not_at_all() -> None:
    row = read_output_row("CUDA0 20490 2524 359 ")
    assert row is not None
    assert (row.name, row.usage) == (
        "CUDA0",
        Usage(model=20490 * MIB, context=2524 * MIB, compute=359 * MIB),
    )
    assert read_output_row("CUDA0 20490 2524") is None


PROJECTOR = """\
clip_ctx: CLIP using CUDA0 backend
load_hparams: model size:         600.00 MiB
load_hparams: metadata size:      0.18 MiB
reserve_compute_meta:      CUDA0 compute buffer size =   200.00 MiB
reserve_compute_meta:        CPU compute buffer size =     5.00 MiB
"""


def test_a_projector_is_counted_where_it_lies_beside_the_models_own_buffers() -> None:
    alone, both = measured_ledger(GPU_SERVER, DESK), measured_ledger(GPU_SERVER + PROJECTOR, DESK)
    assert alone is not None
    assert both is not None
    added = [Usage(model=600 * MIB, compute=200 * MIB), Usage(), Usage(compute=5 * MIB)]
    assert [line.usage for line in both.devices] == [
        line.usage + more for line, more in zip(alone.devices, added, strict=True)
    ]


def test_what_the_fit_asks_of_a_projector_is_not_what_it_takes() -> None:
    asked_before = PROJECTOR.replace("600", "700") + GPU_SERVER
    assert measured_ledger(asked_before + PROJECTOR, DESK) == measured_ledger(GPU_SERVER + PROJECTOR, DESK)


def test_a_projector_of_images_and_sound_is_one_file() -> None:
    again = GPU_SERVER + PROJECTOR + PROJECTOR
    assert measured_ledger(again, DESK) == measured_ledger(GPU_SERVER + PROJECTOR, DESK)
