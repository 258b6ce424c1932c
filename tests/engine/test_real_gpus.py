"""Simulated GPUs against the real ones of this computer, where it has some."""

from ctypes.util import find_library
from pathlib import Path

import pytest

from launcher.edges.engine import DirectEngine
from launcher.edges.files import write_atomic
from launcher.edges.hardware import observe
from launcher.workflow.engine import ask_engine
from planning import GLM, TINY, header

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        not Path("/proc/driver/nvidia/gpus").is_dir() or find_library("cublas") is None,
        reason="no NVIDIA GPU here, or no CUDA libraries",
    ),
]


@pytest.mark.parametrize("model", [GLM, TINY])
def test_simulated_gpus_say_what_the_real_ones_say(engine_bin: Path, model: str, tmp_path: Path) -> None:
    settings = {"LLAMA_ARG_CTX_SIZE": "8192", "LLAMA_ARG_N_PARALLEL": "1"}
    results = []
    for simulated in (False, True):
        with DirectEngine(engine_bin, cache=tmp_path, write=write_atomic, simulated=simulated) as engine:
            results.append(ask_engine(engine, header(model), settings, (), observe().machine()))
    real, pretended = results
    assert real.graph_splits == pretended.graph_splits
    assert [line.layers for line in real.fitted_ledger.gpus] == [
        line.layers for line in pretended.fitted_ledger.gpus
    ]
    assert [line.usage for line in real.fitted_ledger.devices] == [
        line.usage for line in pretended.fitted_ledger.devices
    ]
