"""The Protocol of a runtime: a place where one llama.cpp server runs, Compose or embedded."""

from collections.abc import Iterator
from typing import Protocol

from launcher.core.launch import Instance
from launcher.core.render import Rendered


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
