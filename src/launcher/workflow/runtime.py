"""The Protocol of a runtime: a place where one llama.cpp server runs, Compose or embedded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from launcher.core.profiles import RuntimeName
from launcher.core.render import Rendered

State = Literal["starting", "healthy", "unhealthy", "exited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A server that the launcher started, as observed now.

    id: container id, or process id of an embedded one. exit_code: of an exited one.
    started: seconds since the epoch. restarts: times that Compose restarted it.
    """

    id: str
    profile: str
    runtime: RuntimeName
    plan_hash: str
    state: State
    url: str
    image: str | None = None
    exit_code: int | None = None
    started: float | None = None
    restarts: int = 0


class Runtime(Protocol):
    """One server at a time per project folder. Every method raises LauncherError with a next step."""

    def instance(self) -> Instance | None:
        """The project's server, whatever its state; None when there is none."""

    def start(self, rendered: Rendered) -> None:
        """Create and start the server; returns without waiting for health."""

    def stop(self) -> None:
        """Stop and remove the server; returns when its process is gone. None running is no error."""

    def logs(self, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Lines of the server's log, oldest first; with `follow` until the server ends."""
