"""The edges that a change of the running server needs, as Protocols."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from launcher.core.answers import Health
from launcher.core.launch import Instance, Memory
from launcher.core.profiles import RuntimeName
from launcher.core.render import Rendered
from launcher.workflow.runtime import Runtime

if TYPE_CHECKING:
    from launcher.core.evidence import Evidence


class Clock(Protocol):
    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...


class Server(Protocol):
    def health(self, url: str) -> Health: ...


class Ports(Protocol):
    def holder(self, bind: str, port: int) -> str | None:
        """Who listens on `port`, in words; None when it is free."""


class Journal(Protocol):
    """Keeps Memory on disk; every write is atomic."""

    def read(self) -> Memory: ...

    def write(self, memory: Memory) -> None: ...


class Lock(Protocol):
    """One change at a time per project folder; freed by the kernel when its holder dies."""

    def hold(self, purpose: str) -> AbstractContextManager[None]:
        """Waits for the lock, or raises LauncherError that says who holds it."""


class Reporter(Protocol):
    """Tells the user what is being done, and asks."""

    def say(self, text: str, seconds: float | None = None) -> None:
        """`seconds`: for how long that has been going on."""

    def note(self, text: str) -> None: ...

    def agrees(self, question: str) -> bool: ...


class WritableFiles(Protocol):
    def write(self, files: Mapping[str, str]) -> None:
        """Replace the project folder's rendered files, by name."""


class Witness(Protocol):
    """Keeps what starts showed."""

    def record(self, rendered: Rendered, seconds: float | None, report: Reporter) -> None:
        """seconds: until the server answered; None when it never did, while what is left of it is
        still there. Fails no start: what can't be read or kept is a note."""

    def recall(self, instance: Instance) -> "Evidence | None":
        """What the start of `instance` showed; None when nothing was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The edges that a change of the running server needs.

    witness: made when it is wanted, as reading logs takes modules that nothing before that needs.
    """

    runtimes: Mapping[RuntimeName, Runtime]
    server: Server
    ports: Ports
    files: WritableFiles
    journal: Journal
    lock: Lock
    clock: Clock
    witness: Callable[[], Witness]
    free_memory: Callable[[], Mapping[str, int]]
