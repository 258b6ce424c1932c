"""Text files: atomic writes, and errors that name the place."""

import stat
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError, UsageError
from launcher.edges.files import draft, load_yaml, read_text, write_atomic


def test_a_text_comes_back_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomic(path, "ä\r\n\u2028 $x # y\n")
    assert path.read_bytes() == "ä\r\n\u2028 $x # y\n".encode()
    assert read_text(path) == "ä\r\n\u2028 $x # y\n"


def test_a_write_makes_the_folder_and_takes_bytes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a"
    write_atomic(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(LauncherError, match=r"a/b/c: cannot be written: Not a directory"):
        write_atomic(tmp_path / "a" / "b" / "c", "x")


def test_a_write_keeps_the_mode_of_the_file_and_leaves_nothing_aside(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o600)
    write_atomic(path, "new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_mode_can_be_given(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", "x", mode=0o640)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_write_that_fails_leaves_the_old_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LauncherError, match="cannot be written: No space left on device"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_missing_file_and_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="none: no such file"):
        read_text(tmp_path / "none")
    (tmp_path / "b").write_bytes(b"ok\xff")
    with pytest.raises(LauncherError, match="b: is not UTF-8 at byte 2"):
        read_text(tmp_path / "b")


def test_yaml_that_cannot_be_read_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "s.yml"
    path.write_text("a: 1\nb: [\n")
    with pytest.raises(UsageError) as caught:
        load_yaml(path)
    assert str(caught.value).startswith(f"{path}:3: is not YAML: ")


def test_a_key_that_stands_twice_is_an_error_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "s.yml"
    path.write_text("a: 1\ngpus:\n  - {total: 1, free: 2, total: 3}\n'a': 2\n")
    with pytest.raises(UsageError) as caught:
        load_yaml(path)
    assert [(problem.line, problem.path) for problem in caught.value.problems] == [
        (3, str(path)),
        (4, str(path)),
    ]
    assert str(caught.value).splitlines()[2:] == [
        f"{path}:4: the key a is in line 1 already",
        "  hint: keep one of them",
    ]


def test_a_key_of_another_mapping_or_type_stands_once(tmp_path: Path) -> None:
    path = tmp_path / "s.yml"
    path.write_text("a: &x {k: 1}\nb: {<<: *x, k: 2}\nc: *x\n1: a\n'1': b\n")
    assert load_yaml(path) == {"a": {"k": 1}, "b": {"k": 2}, "c": {"k": 1}, 1: "a", "1": "b"}


def test_an_empty_yaml_file_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.yml"
    path.write_text("# nothing\n")
    assert load_yaml(path) is None


def test_a_part_that_is_used_again_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "s.yml"
    path.write_text("a: &x [*x, &y {b: 1, b: 2}, *y]\nc: *x\n")
    with pytest.raises(UsageError, match=r"s.yml:1: the key b is in line 1 already") as caught:
        load_yaml(path)
    assert len(caught.value.problems) == 1


def test_yaml_makes_only_plain_values(tmp_path: Path) -> None:
    path = tmp_path / "s.yml"
    path.write_text("!!python/object/apply:os.getcwd []")
    with pytest.raises(UsageError, match="is not YAML"):
        load_yaml(path)


def test_drafts_have_names_of_their_own(tmp_path: Path) -> None:
    first, second = draft(tmp_path / "new", "a"), draft(tmp_path / "new", "b")
    assert (first.read(), second.read()) == ("a", "b")
    first.remove()
    assert not first.path.exists()
