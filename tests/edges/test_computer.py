"""What is installed on this computer, in folders of the test's own."""

from pathlib import Path

import pytest

from launcher.edges import computer


def test_a_folder_that_is_there_and_one_that_is_not(tmp_path: Path) -> None:
    there = computer.folder(str(tmp_path))
    assert (there.exists, there.readable) == (True, True)
    assert there.free is not None
    missing = computer.folder(str(tmp_path / "no"))
    assert (missing.exists, missing.readable, missing.free) == (False, False, None)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert not computer.folder(str(file)).exists


def test_packages() -> None:
    assert computer.has_package("click")
    assert not computer.has_package("no_such_package")


def test_programs_are_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert computer.compiler() is None
    assert not computer.has_nvidia_hook()
    for name in ("clang", "nvidia-container-runtime-hook"):
        (tmp_path / name).touch(mode=0o755)
    assert computer.compiler() == str(tmp_path / "clang")
    assert computer.has_nvidia_hook()


def test_a_cdi_specification_of_nvidia_gpus(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    folders = [str(tmp_path / "no"), str(tmp_path)]
    spec.write_text("cdiVersion: 0.6.0\nkind: amd.com/gpu\n", encoding="utf-8")
    assert not computer.has_nvidia_cdi(folders)
    spec.write_text("cdiVersion: 0.6.0\nkind: nvidia.com/gpu\n", encoding="utf-8")
    assert computer.has_nvidia_cdi(folders)
