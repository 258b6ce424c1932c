"""The stand-ins for NVIDIA's libraries, compiled on first use into the cache."""

import shutil
import subprocess
import tempfile
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from launcher.core.errors import failure

SOURCES = ("machine.h", "driver.c", "runtime.c", "blas.c")
LIBRARIES = {
    "libcuda.so.1": "driver.c",
    "libcudart.so.12": "runtime.c",
    "libcudart.so.13": "runtime.c",
    "libcublas.so.12": "blas.c",
    "libcublas.so.13": "blas.c",
}
FLAGS = ("-std=gnu11", "-O2", "-fPIC", "-shared")


def stand_ins(cache: Path) -> Path:
    """The folder below `cache` that holds the stand-ins, made now if need be.

    Raises LauncherError when there is no C compiler, or it fails.
    """
    sources = {name: files("launcher").joinpath("simgpu", name).read_bytes() for name in SOURCES}
    folder = cache / "simgpu" / sha256(b"".join(sources.values())).hexdigest()[:16]
    if not folder.is_dir():
        _build(sources, folder)
    return folder


def _build(sources: dict[str, bytes], folder: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise failure(
            "simulated GPUs need a C compiler, and none was found",
            hint="install one, such as: sudo apt-get install gcc libc6-dev",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        made = Path(work, "made")
        made.mkdir()
        for name, text in sources.items():
            Path(work, name).write_bytes(text)
        for library, source in LIBRARIES.items():
            _compile(compiler, Path(work), source, made / library)
        _publish(made, folder)


def _compile(compiler: str, work: Path, source: str, library: Path) -> None:
    """Compile one library. Its symbols carry the version that programs linked to NVIDIA's ask for."""
    link = [f"-Wl,-soname,{library.name}"]
    if library.name != "libcuda.so.1":
        script = work / f"{library.name}.map"
        script.write_text(f"{library.name} {{ global: *; }};\n", encoding="ascii")
        link.append(f"-Wl,--version-script,{script}")
    command = [compiler, *FLAGS, *link, "-o", str(library), str(work / source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise failure(
            f"{compiler} could not build the simulated GPUs:\n{done.stderr.strip()}",
            hint="is a C library with headers installed (libc6-dev)?",
        )


def _publish(made: Path, folder: Path) -> None:
    """Put the finished folder in place; another process may have been faster."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
