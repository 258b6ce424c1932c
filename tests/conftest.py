"""Guards of the default run: no home directory, no machine of one's own."""

import os
from pathlib import Path

import pytest

from parts import PARTS

CI = os.environ.get("CI") == "true"


@pytest.fixture(autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test gets an empty home and cache, so that none can read or change the developer's."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    return home


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test whose part is missing is skipped, saying so; in CI it fails."""
    for marker, missing in PARTS.items():
        reason = missing() if item.get_closest_marker(marker) else None
        if reason and CI:
            pytest.fail(reason, pytrace=False)
        if reason:
            pytest.skip(reason)
