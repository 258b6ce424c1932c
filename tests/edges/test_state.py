"""The lock and the journal on a real file system."""

import subprocess
import sys
from pathlib import Path

import pytest

from fakes import rendered
from launcher.core.errors import LauncherError
from launcher.core.launch import Launch, Memory
from launcher.edges.files import write_atomic
from launcher.edges.state import FileLock, JournalFile

HOLD_AND_WAIT = """
import sys, pathlib
from launcher.edges.state import FileLock
with FileLock(pathlib.Path(sys.argv[1])).hold("up glm"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_what_was_written_is_read(tmp_path: Path) -> None:
    memory = Memory(active=Launch(rendered=rendered("glm"), free={"GPU-1": 5}), pending=None)
    journal = JournalFile(tmp_path / "new", write_atomic)
    journal.write(memory)
    assert journal.read() == memory
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["state.json"]


def test_nothing_written_is_nothing_remembered(tmp_path: Path) -> None:
    assert JournalFile(tmp_path, write_atomic).read() == Memory()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"active": {"rendered": 1}, "pending": null}'])
def test_a_damaged_journal_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(LauncherError, match=r"state\.json: cannot be read"):
        JournalFile(tmp_path, write_atomic).read()


def test_a_held_lock_names_its_holder_and_is_free_after_a_kill(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_WAIT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(
                LauncherError, match=rf"launcher up glm \(process {holder.pid}, since .*\) is at work"
            ),
            FileLock(tmp_path, wait=0.0).hold("down"),
        ):
            pass
        holder.kill()
    with FileLock(tmp_path, wait=0.0).hold("down"):
        assert "launcher down" in (tmp_path / "lock").read_text()
