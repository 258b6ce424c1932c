"""Files: read whole, load YAML, write so that a reader sees the old content or the new."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE
from threading import get_ident
from typing import TYPE_CHECKING

from launcher.core.errors import Problem, UsageError, failure

if TYPE_CHECKING:
    import yaml

NEW_FILE_MODE = 0o644


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, line ends as they are; raises LauncherError with a next step."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise failure("no such file", where=str(path)) from None
    except OSError as error:
        raise failure(
            f"cannot be read: {error.strerror}", where=str(path), hint="see its permissions"
        ) from None
    except UnicodeDecodeError as error:
        raise failure(
            f"is not UTF-8 at byte {error.start}", where=str(path), hint="save it as UTF-8"
        ) from None


class TextFile:
    """One file, read and replaced whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        return self.path.exists()

    def read(self) -> str:
        return read_text(self.path)

    def write(self, text: str) -> None:
        write_atomic(self.path, text)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def draft(folder: Path, text: str) -> TextFile:
    """A new file in `folder` that holds `text` and has a name of its own; only its owner reads it."""
    import tempfile

    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix="models.", suffix=".conf", dir=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode("utf-8"))
    return TextFile(Path(name))


def load_yaml(path: Path) -> object:
    """The content of a YAML file as plain values.

    Raises UsageError with the line of an error, and of each key that is in its mapping already: YAML
    forbids that, while its libraries quietly take the last.
    """
    import yaml

    try:
        return _plain_values(path)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        where = f"{path}:{line}" if line else str(path)
        raise UsageError(
            Problem(where=where, what=f"is not YAML: {error.problem}", path=str(path), line=line)
        ) from None
    except yaml.YAMLError as error:
        raise UsageError(Problem(where=str(path), what=f"is not YAML: {error}", path=str(path))) from None


def _plain_values(path: Path) -> object:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(read_text(path))
    try:
        root = loader.get_single_node()
        repeated = sorted(_repeated_keys(root))
        if repeated:
            raise UsageError(*(_repeated(path, *each) for each in repeated))
        value: object = None if root is None else loader.construct_document(root)
        return value
    finally:
        loader.dispose()


def _repeated(path: Path, line: int, first: int, key: str) -> Problem:
    what = f"the key {key} is in line {first} already"
    return Problem(where=f"{path}:{line}", what=what, hint="keep one of them", path=str(path), line=line)


def _repeated_keys(root: "yaml.Node | None") -> Iterator[tuple[int, int, str]]:
    """Line, line of the first, and key, of each key that its mapping has already; lines from 1."""
    from yaml import MappingNode, SequenceNode

    nodes, seen = [root], {id(root)}
    while nodes:
        node = nodes.pop()
        inside: list[yaml.Node] = []
        if isinstance(node, SequenceNode):
            inside = node.value
        elif isinstance(node, MappingNode):
            inside = [value for _, value in node.value]
            yield from _repeated_in(node)
        new = {id(child): child for child in inside if id(child) not in seen}
        seen |= new.keys()
        nodes += new.values()


def _repeated_in(mapping: "yaml.MappingNode") -> Iterator[tuple[int, int, str]]:
    lines: dict[tuple[str, str], int] = {}
    for key, _ in mapping.value:
        name, line = (key.tag, str(key.value)), key.start_mark.line + 1
        if name in lines:
            yield line, lines[name], str(key.value)
        lines.setdefault(name, line)


def write_atomic(path: Path, content: str | bytes, *, mode: int | None = None) -> None:
    """Write `content` aside, flush it to the disk, and rename it over `path`; makes the folder.

    mode: permissions; None keeps those of the file that is replaced. A symbolic link stays one: what
    it points to is replaced. Raises LauncherError when the folder can't be written.
    """
    target = path.resolve()
    aside = target.with_name(f".{target.name}.{os.getpid()}.{get_ident()}.new")
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_aside(aside, data, mode if mode is not None else _mode_of(target))
        aside.replace(target)
        _flush_folder(target.parent)
    except OSError as error:
        hint = "see the permissions of the folder, and the space left"
        raise failure(f"cannot be written: {error.strerror}", where=str(path), hint=hint) from None
    finally:
        with suppress(OSError):
            aside.unlink()


def _mode_of(path: Path) -> int:
    try:
        return S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return NEW_FILE_MODE


def _write_aside(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
