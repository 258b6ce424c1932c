"""``render``: the files that Compose reads, against those that are on disk."""

from typing import Protocol

from launcher.core.render import Rendered


class ReadableFiles(Protocol):
    """The project folder's rendered files, by name."""

    def read(self, name: str) -> str | None:
        """The text that is there; None when nothing is."""


def stale(rendered: Rendered, files: ReadableFiles) -> tuple[str, ...]:
    """Names of the files that are not on disk as they are rendered now."""
    return tuple(name for name, text in rendered.files.items() if files.read(name) != text)
