"""The stand-ins for NVIDIA's libraries: built once, talkative about the machine, good for nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.edges.engine.stand_ins import stand_ins

DESK = "RTX 4090|25249710080|24746393600|8.9|128;RTX 5070 Ti|16672358400|13107200000|12.0|70"

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stand_ins(tmp_path_factory.mktemp("cache"))


def ask(folder: Path, library: str, code: str, gpus: str | None = DESK) -> subprocess.CompletedProcess[str]:
    """Run `code` in a process of its own, with the library as `lib`."""
    program = f"import ctypes, struct\nlib = ctypes.CDLL({str(folder / library)!r})\n{code}"
    environment = {} if gpus is None else {"LAUNCHER_SIMULATED_GPUS": gpus}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )


PROPERTIES = """
data = ctypes.create_string_buffer(1032)
assert lib.{}(data, 1) == 0
read = lambda layout, at: struct.unpack_from(layout, data.raw, at)[0]
print(data.value.decode(), read("Q", 288), read("i", 308), read("i", 360), read("i", 364),
      read("i", {}), read("i", {}), read("Q", {}))
"""


@needs_compiler
@pytest.mark.parametrize(
    ("library", "function", "offsets"),
    [
        (
            "libcudart.so.12",
            "cudaGetDeviceProperties_v2",
            (388, 584, 696),
        ),
        ("libcudart.so.13", "cudaGetDeviceProperties", (384, 568, 672)),
    ],
)
def test_properties_lie_where_that_version_of_cuda_keeps_them(
    folder: Path, library: str, function: str, offsets: tuple[int, int, int]
) -> None:
    done = ask(folder, library, PROPERTIES.format(function, *offsets))
    assert done.stdout == "RTX 5070 Ti 16672358400 32 12 0 70 2 101376\n"


@needs_compiler
def test_memory_is_that_of_the_current_device(folder: Path) -> None:
    code = """
free, total = ctypes.c_size_t(), ctypes.c_size_t()
for device in range(2):
    assert lib.cudaSetDevice(device) == 0
    lib.cudaMemGetInfo(ctypes.byref(free), ctypes.byref(total))
    print(free.value, total.value)
print(lib.cudaSetDevice(2))
"""
    done = ask(folder, "libcudart.so.13", code)
    assert done.stdout.splitlines() == ["24746393600 25249710080", "13107200000 16672358400", "101"]


@needs_compiler
@pytest.mark.parametrize(
    ("library", "function"),
    [
        ("libcudart.so.13", "cudaMemcpyAsync"),
        ("libcudart.so.13", "__cudaLaunchKernel"),
        ("libcudart.so.12", "cudaLaunchKernel"),
        ("libcublas.so.12", "cublasCreate_v2"),
        ("libcuda.so.1", "cuMemCreate"),
    ],
)
def test_work_is_refused_loudly(folder: Path, library: str, function: str) -> None:
    done = ask(folder, library, f"lib.{function}()")
    assert done.returncode == 86
    assert f"{function} was called" in done.stderr
    assert "dry runs (llama fit-params) only" in done.stderr


@needs_compiler
@pytest.mark.parametrize(
    ("gpus", "message"),
    [
        (None, "LAUNCHER_SIMULATED_GPUS is not set"),
        ("RTX 4090|1|2", "expected name|total|free|major.minor|multiprocessors"),
        (";".join([DESK] * 9), "lists more than 16 GPUs"),
    ],
)
def test_a_machine_that_cannot_be_read_ends_the_process(folder: Path, gpus: str | None, message: str) -> None:
    done = ask(folder, "libcudart.so.13", "", gpus)
    assert done.returncode == 86
    assert message in done.stderr


@needs_compiler
def test_they_are_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = stand_ins(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert stand_ins(tmp_path) == first
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def test_without_a_compiler_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LauncherError, match="simulated GPUs need a C compiler"):
        stand_ins(tmp_path)


def test_a_compiler_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bin" / "cc"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'stdio.h: no such file' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    with pytest.raises(LauncherError, match=r"stdio\.h: no such file"):
        stand_ins(tmp_path / "cache")
