"""What a change of the running server needs to survive the death of the launcher."""

from contextlib import AbstractContextManager
from typing import Protocol

from launcher.core.launch import Memory


class Journal(Protocol):
    """Keeps Memory on disk; every write is atomic."""

    def read(self) -> Memory: ...

    def write(self, memory: Memory) -> None: ...


class Lock(Protocol):
    """One change at a time per project folder; freed by the kernel when its holder dies."""

    def hold(self, purpose: str) -> AbstractContextManager[None]:
        """Waits for the lock, or raises LauncherError that says who holds it."""
