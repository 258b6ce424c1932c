"""Evidence on a real file system."""

from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.edges.evidence import EvidenceFile, read_exports, write_export
from launcher.edges.files import write_atomic
from records import record

FIRST, SECOND = record(), record(profile="other")


@pytest.fixture
def file(tmp_path: Path) -> EvidenceFile:
    kept = EvidenceFile(tmp_path / "state" / "evidence.jsonl")
    kept.append(FIRST)
    return kept


def path_of(folder: Path) -> Path:
    return folder / "state" / "evidence.jsonl"


def test_no_file_is_no_evidence(tmp_path: Path) -> None:
    assert EvidenceFile(tmp_path / "evidence.jsonl").read() == ()


def test_records_are_read_in_the_order_in_which_they_were_added(file: EvidenceFile) -> None:
    file.append(SECOND)
    assert file.read() == (FIRST, SECOND)


def test_adding_changes_nothing_that_is_there(file: EvidenceFile, tmp_path: Path) -> None:
    before = path_of(tmp_path).read_bytes()
    file.append(SECOND)
    assert path_of(tmp_path).read_bytes().startswith(before)


@pytest.mark.parametrize("torn", [b"{", b'{"schema": "launcher.evi', b"\xff\xfe"])
def test_a_torn_last_line_is_ignored_and_then_replaced(
    file: EvidenceFile, tmp_path: Path, torn: bytes
) -> None:
    with path_of(tmp_path).open("ab") as appended:
        appended.write(torn)
    assert file.read() == (FIRST,)
    file.append(SECOND)
    assert file.read() == (FIRST, SECOND)


@pytest.mark.parametrize("line", [b"{}", b"[]", b"nonsense", b'{"schema": "launcher.evidence/9"}'])
def test_a_damaged_line_is_named(file: EvidenceFile, tmp_path: Path, line: bytes) -> None:
    with path_of(tmp_path).open("ab") as appended:
        appended.write(line + b"\n")
    with pytest.raises(LauncherError, match=r"evidence\.jsonl:2: is not evidence"):
        file.read()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file", encoding="utf-8")
    with pytest.raises(LauncherError, match=r"evidence\.jsonl: cannot be written"):
        EvidenceFile(path_of(tmp_path)).append(FIRST)


def test_an_export_is_read_back(tmp_path: Path) -> None:
    path = write_export(tmp_path / "evidence", "desk", [FIRST, SECOND], write_atomic)
    assert path.name == "desk.json"
    assert read_exports(tmp_path / "evidence") == (FIRST, SECOND)
    write_export(tmp_path / "evidence", "desk", [SECOND], write_atomic)
    assert read_exports(tmp_path / "evidence") == (SECOND,)


def test_no_export_is_no_evidence(tmp_path: Path) -> None:
    assert read_exports(tmp_path) == ()


@pytest.mark.parametrize("text", ["[]", "{}", '{"schema": "launcher.evidence.machine/1", "records": [{}]}'])
def test_a_damaged_export_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "desk.json").write_text(text, encoding="utf-8")
    with pytest.raises(LauncherError, match=r"desk\.json.*: is not evidence"):
        read_exports(tmp_path)
