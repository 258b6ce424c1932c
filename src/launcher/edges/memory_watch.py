"""Free memory, looked at again and again from a thread of its own."""

from collections.abc import Callable, Mapping
from threading import Event, Thread
from types import TracebackType
from typing import Self

from launcher.core.errors import LauncherError

SECONDS = 0.1


class MemoryWatch:
    """Enter it to begin, leave it to end; it looks once at least.

    free: free bytes of each GPU by key; a look that fails is left out.
    """

    def __init__(self, free: Callable[[], Mapping[str, int]], *, seconds: float = SECONDS) -> None:
        self._free = free
        self._seconds = seconds
        self._ended = Event()
        self._lowest: dict[str, int] = {}
        self._thread = Thread(target=self._watch, daemon=True)

    @property
    def lowest(self) -> Mapping[str, int]:
        """The fewest free bytes that were seen of each GPU."""
        return dict(self._lowest)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self._seconds):
            self._look()

    def _look(self) -> None:
        try:
            seen = self._free()
        except LauncherError:
            return
        for gpu, free in seen.items():
            self._lowest[gpu] = min(free, self._lowest.get(gpu, free))
