"""Docker Compose: one server as a container of the project folder's compose project."""

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from launcher.core.launch import Instance
from launcher.core.render import Rendered
from launcher.edges.compose.cli import ComposeCli
from launcher.edges.compose.engine import Engine

__all__ = ["ComposeCli", "ComposeRuntime", "Engine"]


class ComposeRuntime:
    """The Runtime of Compose. Containers are made by ``docker compose``, and found by their labels.

    root: the project folder. project: Compose's name for it. say: takes each line of what Compose
    reports while it works, such as the progress of a download.
    """

    def __init__(self, root: Path, project: str, say: Callable[[str], None] = lambda line: None) -> None:
        self._project = project
        self._cli = ComposeCli(root, say)

    @cached_property
    def engine(self) -> Engine:
        return Engine()

    def instance(self) -> Instance | None:
        """The project's server, whatever its state; None when there is none."""
        return self.engine.instance(self._project)

    def start(self, rendered: Rendered) -> None:
        """Create and start the server from the files on disk; returns without waiting for health."""
        self._cli.up()

    def stop(self) -> None:
        """Stop and remove the project's containers and networks; returns when they are gone.

        Needs neither the compose file nor ``.env``: both may have changed since the start.
        """
        self.engine.remove(self._project)

    def logs(self, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Lines of the server's log, oldest first; none when there is no server."""
        return self.engine.logs(self._project, follow=follow, tail=tail)
