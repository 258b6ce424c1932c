"""detect: keep what was seen of this computer as a machine file."""

from dataclasses import dataclass
from typing import Protocol

from launcher.core.errors import misuse
from launcher.core.machine import Machine
from launcher.core.machine_file import MACHINE_NAME
from launcher.core.machine_text import machine_text
from launcher.workflow.edit import Change


class MachineFile(Protocol):
    """A machine file on disk; `write` replaces it whole."""

    def exists(self) -> bool: ...

    def read(self) -> str: ...

    def write(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of the file. refused: there is one already, with another text."""

    change: Change
    refused: bool

    @property
    def written(self) -> bool:
        return self.change.before != self.change.after and not self.refused


def file_name(name: str) -> str:
    """The name of a machine's file; raises UsageError for a name that no machine can have."""
    if not MACHINE_NAME.fullmatch(name):
        what = f"expected a word of letters, digits, '.', '_', '+' and '-', got {name!r}"
        raise misuse(what, where="--write")
    return f"{name}.yml"


def keep(machine: Machine, file: MachineFile, *, force: bool) -> Kept:
    """Write the machine to its file; one that is there and differs is replaced only with `force`."""
    exists = file.exists()
    change = Change(before=file.read() if exists else "", after=machine_text(machine))
    kept = Kept(change=change, refused=exists and change.before != change.after and not force)
    if kept.written:
        file.write(change.after)
    return kept
