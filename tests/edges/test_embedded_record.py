"""The record that an embedded server leaves of itself."""

import os
from pathlib import Path

from launcher.edges.embedded.record import announcement, read, write_own


def announced(path: Path) -> dict[str, str]:
    return announcement(path, profile="demo", plan_hash="abc", url="http://127.0.0.1:8080")


def test_a_server_records_its_own_process(tmp_path: Path) -> None:
    path = tmp_path / "embedded.json"
    write_own(announced(path))
    record = read(path)
    assert record is not None
    assert (record.pid, record.profile, record.alive) == (os.getpid(), "demo", True)


def test_a_server_that_was_started_by_hand_records_nothing(tmp_path: Path) -> None:
    write_own({})
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_is_still_being_written_is_none(tmp_path: Path) -> None:
    path = tmp_path / "embedded.json"
    assert read(path) is None
    write_own(announced(path))
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert read(path) is None
