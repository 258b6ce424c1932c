"""Headers of models, wherever they are: a file, a URL, or a snapshot kept beside the profiles."""

import os
from dataclasses import dataclass
from pathlib import Path

from launcher.core.errors import failure
from launcher.core.gguf_reader import Part
from launcher.core.header import Header
from launcher.core.snapshot import Origin, snapshot_name
from launcher.edges.headers.cache import HeaderCache, Write, default_folder
from launcher.edges.headers.file import read_file, read_file_parts
from launcher.edges.headers.url import Access, UrlReader


def is_url(model: str) -> bool:
    return model.startswith(("http://", "https://"))


def open_headers(models: Path, snapshots: Path, write: Write) -> "Headers":
    """The headers of these folders, with the user's cache and token (``HF_TOKEN``)."""
    token = os.environ.get("HF_TOKEN")
    urls = UrlReader(access=Access(token) if token else None)
    cache = HeaderCache(default_folder(), write)
    return Headers(models=models, snapshots=snapshots, urls=urls, cache=cache, write=write)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """Finds headers. `models` is the models folder, `snapshots` the folder of kept headers; a
    model is named by a path below the models folder (an absolute path is taken as it is) or by URL.
    """

    models: Path
    snapshots: Path
    urls: UrlReader
    cache: HeaderCache
    write: Write

    def find(self, model: str) -> Header:
        """The header of `model`: of its file if that is there, else its snapshot.

        Raises HeaderError for a bad file, LauncherError when there is neither.
        """
        if is_url(model):
            return self.urls.read(model)
        if _is_there(self._file(model)):
            return read_file(self._file(model), self.cache)
        snapshot = self.snapshot(model)
        if snapshot is None:
            raise failure(
                f"neither the file nor a snapshot of it ({self._kept(model)}) is there",
                where=str(self._file(model)),
                hint="download the model, or keep its header: launcher snapshot URL",
            )
        return snapshot

    def snapshot(self, model: str) -> Header | None:
        """The snapshot of `model`; None if there is none."""
        kept = self._kept(model)
        return read_file(kept, self.cache) if _is_there(kept) else None

    def read_parts(self, model: str) -> tuple[tuple[Part, ...], Origin]:
        """All of the header of `model` from its file or URL, and where that is: for a snapshot."""
        return self.urls.read_parts(model) if is_url(model) else read_file_parts(self._file(model))

    def keep(self, path: Path, data: bytes) -> None:
        """Write a snapshot to `path`, and make its folder. Raises LauncherError."""
        self.write(path, data)

    def _file(self, model: str) -> Path:
        return self.models / model

    def _kept(self, model: str) -> Path:
        return self.snapshots / snapshot_name(model)


def _is_there(path: Path) -> bool:
    """Whether there is something at `path`, also where only reading it will tell what is wrong."""
    try:
        return path.exists()
    except OSError:
        return True
