"""The record of an embedded server: written by the server itself, so that none runs unrecorded."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "LAUNCHER_EMBEDDED_RECORD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A server's process. born: its start in kernel ticks, so that a reused id is not mistaken for it."""

    pid: int
    born: int
    profile: str
    plan_hash: str
    url: str
    started: float

    @property
    def alive(self) -> bool:
        return _born(self.pid) == self.born


def announcement(path: Path, *, profile: str, plan_hash: str, url: str) -> dict[str, str]:
    """The environment variable that tells a new server what to record, and where."""
    return {VARIABLE: json.dumps({"path": str(path), "profile": profile, "plan_hash": plan_hash, "url": url})}


def write_own(environment: Mapping[str, str]) -> None:
    """Record this process as announced in `environment`; nothing to do when it was started by hand."""
    if VARIABLE not in environment:
        return
    announced = json.loads(environment[VARIABLE])
    path = Path(announced.pop("path"))
    pid = os.getpid()
    record = Record(pid=pid, born=_born(pid) or 0, started=time.time(), **announced)
    aside = path.with_name(f"{path.name}.{pid}")
    aside.write_text(json.dumps(asdict(record)), encoding="utf-8")
    aside.replace(path)


def read(path: Path) -> Record | None:
    """The record at `path`; None when there is none, or none that is whole."""
    try:
        return Record(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _born(pid: int) -> int | None:
    """Start time of a live process in kernel ticks (proc(5), stat, field 22); None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])
