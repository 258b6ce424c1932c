"""Evidence on disk: JSON lines that are only added to; and files of what machines elsewhere learned."""

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from launcher.core.errors import LauncherError, failure
from launcher.core.evidence import Evidence
from launcher.core.evidence.codec import from_json, to_json

EXPORT_SCHEMA = "launcher.evidence.machine/1"


class EvidenceFile:
    """The records of one project folder, oldest first."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[Evidence, ...]:
        """All whole lines; a last one without its end was torn by a crash, and is none.

        Raises LauncherError for a line that the launcher did not write.
        """
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        lines = text.split(b"\n")[:-1]
        return tuple(_record(line, f"{self._path}:{number}") for number, line in enumerate(lines, 1))

    def append(self, record: Evidence) -> None:
        """Add a record; returns when the disk has it. Raises LauncherError when it can't be written."""
        line = json.dumps(to_json(record), ensure_ascii=False).encode() + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                _cut_torn_line(file)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise failure(
                f"cannot be written: {error.strerror}",
                where=str(self._path),
                hint="see the folder's permissions",
            ) from error


def read_exports(folder: Path) -> tuple[Evidence, ...]:
    """The records in all files of a folder (``profiles/evidence``); raises LauncherError."""
    return tuple(record for path in sorted(folder.glob("*.json")) for record in _read_export(path))


def write_export(
    folder: Path, machine: str, records: Iterable[Evidence], write: Callable[[Path, str], None]
) -> Path:
    """Give `write` one machine's records as a file of their own; returns its path."""
    value = {"schema": EXPORT_SCHEMA, "machine": machine, "records": [to_json(record) for record in records]}
    path = folder / f"{machine}.json"
    write(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    return path


def _cut_torn_line(file: IO[bytes]) -> None:
    file.seek(0)
    text = file.read()
    file.truncate(text.rfind(b"\n") + 1)


def _read_export(path: Path) -> list[Evidence]:
    told = _parse(path.read_bytes(), str(path))
    if told.get("schema") != EXPORT_SCHEMA or not isinstance(told.get("records"), list):
        raise _foreign(str(path), f"expected schema {EXPORT_SCHEMA}")
    return [_built(record, f"{path} records[{index}]") for index, record in enumerate(told["records"])]


def _record(line: bytes, where: str) -> Evidence:
    return _built(_parse(line, where), where)


def _parse(text: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise _foreign(where, str(error)) from error
    if not isinstance(value, dict):
        raise _foreign(where, "expected an object")
    return value


def _built(value: Mapping[str, Any], where: str) -> Evidence:
    try:
        return from_json(value)
    except (KeyError, TypeError, ValueError) as error:
        raise _foreign(where, str(error)) from error


def _foreign(where: str, why: str) -> LauncherError:
    return failure(
        f"is not evidence ({why})", where=where, hint="delete it; the next launcher up measures again"
    )
