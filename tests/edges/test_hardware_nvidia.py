"""NVIDIA GPUs through the real nvidia-ml-py, with a compiled stand-in for the driver's library."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import launcher
from launcher.core.units import MIB
from launcher.edges.hardware.nvidia import explanation, pci_address

STUB = Path(__file__).parents[1] / "nvml_stub" / "nvml.c"
Detect = Callable[..., "subprocess.CompletedProcess[str]"]

DRIVER = "driver 580.65.06\ncuda 13000\n"
DISPLAY = """\
gpu
name NVIDIA GeForce RTX 5070 Ti
uuid GPU-70700000-0000-0000-0000-000000000000
bus_id 00000000:01:00.0
memory 17094934528 422576128 13107200000
capability 12.0
cores 8960
clock 14001 256
display 1 1
graphics 2210 524288000
graphics 3001 104857600
"""
DEDICATED = """\
gpu
name NVIDIA GeForce RTX 4090
uuid GPU-40900000-0000-0000-0000-000000000000
bus_id 00000000:41:00.0
memory 25757220864 507510784 24746393600
capability 8.9
cores 16384
clock 10501 384
display 0 0
compute 4100 83886080
"""
NOT_SUPPORTED, NO_PERMISSION, UNKNOWN_ERROR = 3, 4, 999
FUNCTION_NOT_FOUND, DRIVER_NOT_LOADED, GPU_IS_LOST, VERSION_MISMATCH = 13, 9, 15, 18


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the stand-in for libnvidia-ml.so.1."""
    compiler = shutil.which("cc")
    if compiler is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs a C compiler for the stand-in of NVML")
        pytest.skip("no C compiler: the stand-in of NVML can't be built")
    folder = tmp_path_factory.mktemp("nvml")
    words = [compiler, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", str(STUB)]
    subprocess.run([*words, "-o", str(folder / "libnvidia-ml.so.1")], check=True)
    return folder


@pytest.fixture
def detect(library: Path, tmp_path: Path) -> Detect:
    """Runs ``launcher detect`` on the computer of a scenario, in a process of its own."""

    def run(scenario: str, *words: str) -> "subprocess.CompletedProcess[str]":
        file = tmp_path / "scenario"
        file.write_text(scenario, encoding="ascii")
        environment = os.environ | {
            "LD_LIBRARY_PATH": str(library),
            "NVML_SCENARIO": str(file),
            "PYTHONPATH": str(Path(launcher.__file__).parents[1]),
        }
        return subprocess.run(
            [sys.executable, "-m", "launcher", "detect", *words],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def seen(detect: Detect, scenario: str) -> dict[str, Any]:
    done = detect(scenario, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def test_the_reference_machine_whose_display_comes_first_on_the_bus(detect: Detect) -> None:
    found = seen(detect, DRIVER + DISPLAY + DEDICATED)
    assert found["fit_target"] == [128, 1024]
    assert (found["driver"], found["cuda"]) == ("580.65.06", "13.0")
    dedicated, display = found["gpus"]
    assert dedicated == {
        "device": "CUDA0",
        "name": "NVIDIA GeForce RTX 4090",
        "vendor": "nvidia",
        "uuid": "GPU-40900000-0000-0000-0000-000000000000",
        "pci": "0000:41:00.0",
        "total_bytes": 24080 * MIB,
        "used_bytes": 480 * MIB,
        "free_bytes": 23600 * MIB,
        "compute_capability": "8.9",
        "multiprocessors": 128,
        "bandwidth_bytes_per_second": 1_008_096_000_000,
        "role": "compute",
        "margin_bytes": 128 * MIB,
        "margin_reason": "only computes",
        "processes": [{"pid": 4100, "name": "process-4100", "used_bytes": 80 * MIB}],
    }
    assert (display["role"], display["multiprocessors"]) == ("display", 70)
    assert [process["pid"] for process in display["processes"]] == [2210, 3001]


def test_the_table_shows_the_order_the_reasons_and_fit_target(detect: Detect) -> None:
    done = detect(DRIVER + DISPLAY + DEDICATED)
    assert done.returncode == 0
    lines = [line.strip() for line in done.stdout.splitlines()]
    first = next(line for line in lines if line.startswith("0"))
    assert first.split()[5:10] == ["24080", "480", "23600", "8.9", "1008"]
    assert [line.split(maxsplit=2)[1:] for line in lines if "only computes" in line or "drives" in line] == [
        ["128", "only computes"],
        ["1024", "drives a display"],
    ]
    assert "FIT_TARGET   128,1024" in lines


def test_a_computer_where_nvml_tells_neither_display_nor_processes(detect: Detect) -> None:
    silent = "".join(
        f"error nvmlDeviceGet{what} {NOT_SUPPORTED}\n"
        for what in (
            "DisplayActive",
            "DisplayMode",
            "ComputeRunningProcesses_v3",
            "GraphicsRunningProcesses_v3",
        )
    )
    found = seen(detect, DRIVER + silent + DEDICATED)
    assert found["fit_target"] == [1024]
    assert found["gpus"][0]["role"] == "unknown"
    assert found["gpus"][0]["processes"] is None
    assert "can't tell" in found["gpus"][0]["margin_reason"]


def test_what_an_old_driver_can_not_tell_is_unknown(detect: Detect) -> None:
    old = "".join(
        f"error nvmlDeviceGet{what} {FUNCTION_NOT_FOUND}\n"
        for what in ("MemoryInfo_v2", "NumGpuCores", "MemoryBusWidth", "MaxClockInfo")
    )
    (gpu,) = seen(detect, DRIVER + old + DEDICATED)["gpus"]
    assert (gpu["multiprocessors"], gpu["bandwidth_bytes_per_second"]) == (None, None)
    assert gpu["total_bytes"] == 25757220864


def test_memory_that_nvml_does_not_tell_is_an_error(detect: Detect) -> None:
    silent = (
        f"error nvmlDeviceGetMemoryInfo {NOT_SUPPORTED}\nerror nvmlDeviceGetMemoryInfo_v2 {NOT_SUPPORTED}\n"
    )
    done = detect(DRIVER + silent + DEDICATED)
    assert done.returncode == 1
    assert "NVIDIA GeForce RTX 4090: NVML does not tell how much memory this GPU has" in done.stderr


def test_many_processes_are_all_in_json_and_the_largest_in_the_table(detect: Detect) -> None:
    crowd = "".join(f"compute {pid} {pid * MIB}\n" for pid in range(1, 301))
    (gpu,) = seen(detect, DRIVER + DEDICATED + crowd)["gpus"]
    assert len(gpu["processes"]) == 301
    table = detect(DRIVER + DEDICATED + crowd).stdout
    assert "process-300" in table
    assert "and 293 more" in table


@pytest.mark.parametrize(
    ("function", "code", "hint"),
    [
        ("nvmlInitWithFlags", DRIVER_NOT_LOADED, "sudo modprobe nvidia"),
        ("nvmlInitWithFlags", VERSION_MISMATCH, "restart the computer"),
        ("nvmlInitWithFlags", NO_PERMISSION, "/dev/nvidia*"),
        ("nvmlInitWithFlags", UNKNOWN_ERROR, "nvidia-smi should work"),
        ("nvmlDeviceGetCount_v2", UNKNOWN_ERROR, "nvidia-smi should work"),
        ("nvmlDeviceGetHandleByIndex_v2", GPU_IS_LOST, "fell off the bus"),
        ("nvmlDeviceGetMemoryInfo_v2", GPU_IS_LOST, "fell off the bus"),
    ],
)
def test_a_nvml_that_fails_is_an_error_and_never_no_gpu(
    detect: Detect, function: str, code: int, hint: str
) -> None:
    done = detect(f"error {function} {code}\n" + DRIVER + DEDICATED)
    assert (done.returncode, done.stdout) == (1, "")
    assert "NVML, the library of NVIDIA's driver, fails: " in done.stderr
    assert hint in done.stderr


def test_one_lost_gpu_of_two_is_an_error(detect: Detect) -> None:
    done = detect(DRIVER + DISPLAY + DEDICATED + f"error nvmlDeviceGetMemoryInfo_v2 {GPU_IS_LOST}\n")
    assert done.returncode == 1


def test_the_name_of_another_users_process_is_unknown(detect: Detect) -> None:
    hidden = f"error nvmlSystemGetProcessName {NO_PERMISSION}\n"
    (gpu,) = seen(detect, hidden + DRIVER + DEDICATED)["gpus"]
    assert gpu["processes"] == [{"pid": 4100, "name": None, "used_bytes": 80 * MIB}]


def test_write_makes_a_machine_file_that_names_the_same_gpus(detect: Detect, tmp_path: Path) -> None:
    (tmp_path / "models.conf").touch()
    path = tmp_path / "profiles" / "machines" / "box.yml"
    assert detect(DRIVER + DISPLAY + DEDICATED, "--write", "box").returncode == 0
    written = path.read_text(encoding="utf-8")
    assert written.index("RTX 4090") < written.index("RTX 5070 Ti")

    again = detect(DRIVER + DEDICATED, "--write", "box")
    assert (again.returncode, path.read_text(encoding="utf-8")) == (1, written)
    assert "--force replaces it" in again.stderr
    assert "-  - {name: NVIDIA GeForce RTX 5070 Ti" in again.stderr

    assert detect(DRIVER + DEDICATED, "--write", "box", "--force").returncode == 0
    assert "RTX 5070 Ti" not in path.read_text(encoding="utf-8")


def test_pci_addresses_are_written_as_the_kernel_does() -> None:
    assert pci_address("00000000:C1:00.0") == "0000:c1:00.0"
    assert pci_address("00010000:01:00.0") == "00010000:01:00.0"


def test_every_explanation_has_a_way_on() -> None:
    (problem,) = explanation("NVMLError_Timeout", "Timeout").problems
    assert (
        problem.hint == "nvidia-smi should work before launcher can; or name a machine file: --machine NAME"
    )
