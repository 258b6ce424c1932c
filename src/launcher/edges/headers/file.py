"""Local GGUF files: only the bytes of their headers are read."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from stat import S_ISREG

from launcher.core.errors import failure
from launcher.core.gguf_names import missing_part, part_names
from launcher.core.gguf_reader import Part
from launcher.core.gguf_split import read_header, read_parts
from launcher.core.header import Header
from launcher.core.snapshot import Origin, origin_of_parts
from launcher.edges.headers.cache import HeaderCache, Stamp
from launcher.edges.headers.types import tensor_types

WINDOW = 1 << 20


class FileSource:
    """An open file, read by position."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.name = str(path)
        self.size = os.fstat(descriptor).st_size
        self._descriptor = descriptor

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, max(length, WINDOW), offset)


def read_file(first: Path, cache: HeaderCache) -> Header:
    """The header of the model whose first file is `first`; from the cache if no part has changed.

    Raises HeaderError for a bad file, LauncherError for a part that is missing or can't be opened.
    """
    paths = _part_paths(first)
    stamps = [_stamp(path, paths) for path in paths]
    header = cache.get(stamps)
    if header is None:
        with _open_all(paths) as sources:
            header = read_header(sources, tensor_types(), "file")
        cache.put(stamps, header)
    return header


def read_file_parts(first: Path) -> tuple[tuple[Part, ...], Origin]:
    """The parts of the model whose first file is `first`, with their metadata as it stands in the
    file, and what a snapshot is to say of where it comes from."""
    paths = _part_paths(first)
    stamps = [_stamp(path, paths) for path in paths]
    with _open_all(paths) as sources:
        parts = read_parts(sources, tensor_types())
    return parts, origin_of_parts(parts) or Origin(
        kind="file",
        name=first.name,
        file_bytes=sum(stamp.size for stamp in stamps),
        modified=max(stamp.modified_ns for stamp in stamps) // 10**9,
    )


def _part_paths(first: Path) -> list[Path]:
    return [first.with_name(name) for name in part_names(first.name)]


def _stamp(path: Path, paths: Sequence[Path]) -> Stamp:
    try:
        facts = path.stat()
    except FileNotFoundError:
        if len(paths) > 1:
            raise missing_part(str(path), [str(each) for each in paths]) from None
        raise failure("no such file", where=str(path)) from None
    except OSError as error:
        raise failure(error.strerror or str(error), where=str(path)) from None
    if not S_ISREG(facts.st_mode):
        raise failure("this is no regular file", where=str(path))
    return Stamp(str(path.resolve()), facts.st_size, facts.st_mtime_ns)


@contextmanager
def _open_all(paths: Sequence[Path]) -> Iterator[list[FileSource]]:
    with ExitStack() as stack:
        try:
            files = [stack.enter_context(path.open("rb", buffering=0)) for path in paths]
        except OSError as error:
            raise failure(error.strerror or str(error), where=error.filename) from None
        yield [FileSource(path, file.fileno()) for path, file in zip(paths, files, strict=True)]
