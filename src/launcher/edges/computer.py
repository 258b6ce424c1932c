"""This computer: what is installed on it, and its folders."""

import os
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from launcher.core.doctor import Folder

COMPILERS = ("cc", "gcc", "clang")
NVIDIA_HOOK = "nvidia-container-runtime-hook"
NVIDIA_CDI_KIND = "nvidia.com/gpu"


def folder(path: str) -> Folder:
    """A folder, and how much is free on its file system."""
    return Folder(
        path=path,
        exists=Path(path).is_dir(),
        readable=os.access(path, os.R_OK | os.X_OK),
        free=_free(path),
    )


def has_package(name: str) -> bool:
    return find_spec(name) is not None


def compiler() -> str | None:
    """The path of a C compiler."""
    return next(filter(None, map(shutil.which, COMPILERS)), None)


def has_nvidia_hook() -> bool:
    """Whether the hook is there by which Docker's engine, without further settings, adds NVIDIA GPUs."""
    return shutil.which(NVIDIA_HOOK) is not None


def has_nvidia_cdi(folders: Sequence[str]) -> bool:
    """Whether one of these folders holds a CDI specification of NVIDIA GPUs."""
    files = (path for folder in folders for path in Path(folder).glob("*") if path.is_file())
    return any(_names_nvidia(path) for path in files)


def _names_nvidia(path: Path) -> bool:
    try:
        return NVIDIA_CDI_KIND in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _free(path: str) -> int | None:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None
