"""The real parts that some tests need, and whether they are there."""

import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

IMAGE = "ghcr.io/ggml-org/llama.cpp:server"
HOME = Path.home()
CACHE = Path(os.environ.get("XDG_CACHE_HOME", HOME / ".cache")) / "launcher"
DOCKER_CONFIG = os.environ.get("DOCKER_CONFIG", str(HOME / ".docker"))


@cache
def _docker_missing() -> str | None:
    for words in (("docker", "compose", "version"), ("docker", "image", "inspect", IMAGE)):
        try:
            done = subprocess.run(words, capture_output=True, check=False)
        except FileNotFoundError:
            return "no Docker here: make test-setup"
        if done.returncode:
            return f"{' '.join(words)} fails: make test-setup"
    return None


@cache
def _engine_missing() -> str | None:
    there = any(CACHE.glob("engine/llama-*/llama"))
    return None if there else "llama.cpp is not built: make engine"


PARTS: dict[str, Callable[[], str | None]] = {"e2e": _docker_missing, "engine": _engine_missing}
