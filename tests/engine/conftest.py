"""The real engine, and a cache of its own for each run of the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.edges.engine import DirectEngine
from launcher.edges.files import write_atomic
from parts import CACHE


@pytest.fixture(scope="session")
def engine_bin() -> Path:
    """llama.cpp's `llama`, as `make engine` builds it."""
    return next(CACHE.glob("engine/llama-*/llama"))


@pytest.fixture(scope="session")
def engine(engine_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectEngine]:
    with DirectEngine(
        engine_bin, cache=tmp_path_factory.mktemp("engine"), write=write_atomic, simulated=True
    ) as made:
        yield made
