"""images.lock of the project folder."""

from dataclasses import dataclass
from pathlib import Path

from launcher.cli.options import Workspace
from launcher.cli.project import shown
from launcher.core.images import NAME, Lock, lock_text, parse_lock
from launcher.edges.files import read_text, write_atomic


@dataclass(frozen=True, slots=True)
class LockFile:
    """The lock on disk, replaced whole; no file is a lock without pins."""

    path: Path

    def read(self) -> Lock:
        return parse_lock(read_text(self.path), shown(self.path)) if self.path.exists() else Lock()

    def write(self, lock: Lock) -> None:
        write_atomic(self.path, lock_text(lock))


def lock_file(space: Workspace) -> LockFile:
    return LockFile(space.root / NAME)
