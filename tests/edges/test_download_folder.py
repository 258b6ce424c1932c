"""The folder for what servers download."""

import os
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.edges.downloads import provide

USER = f"{os.getuid()}:{os.getgid()}"


def test_the_folder_is_made_with_those_around_it(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "downloads"
    provide(folder, USER)
    assert [(each.stat().st_uid, each.stat().st_gid) for each in (folder, folder.parent)] == [
        (os.getuid(), os.getgid())
    ] * 2


def test_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir(mode=0o700)
    before = folder.stat()
    provide(folder, "12345:12345")
    assert folder.stat() == before


def test_a_file_in_its_place_is_an_error_that_says_where(tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.write_text("not a folder")
    with pytest.raises(LauncherError, match=str(folder)):
        provide(folder, USER)
