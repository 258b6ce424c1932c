"""The server's container as a compose file sets it up: its memory, and what the launcher relies on."""

import re
from collections.abc import Iterator, Mapping

from launcher.core.errors import Problem, misuse

SERVICE = "server"
SETTINGS = ".env"
OURS = "the docker-compose.yml that comes with this launcher"
LABELS = ("launcher.profile", "launcher.plan", "launcher.url")
_PLACES = (("mem_limit",), ("deploy", "resources", "limits", "memory"))
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?) ?(?P<unit>[kmgtp]?)i?b?", re.IGNORECASE)
_UNITS = ("", "k", "m", "g", "t", "p")


def memory_limit(document: object, path: str) -> int | None:
    """Bytes that the compose file `document` lets the server use; None without a limit.

    Raises UsageError for a value that is no size, as one that a variable gives.
    """
    found = (_limit(document, place, path) for place in _PLACES)
    return next((limit for limit in found if limit), None)


def foreign(document: object, path: str) -> Problem | None:
    """Why the compose file `document` would not start what is rendered; None when it would.

    document: None without the file. One of an older launcher passes the server no settings.
    """
    if document is None:
        return Problem(where=path, what="no such file", hint=f"take {OURS}", path=path)
    lacking = ", ".join(_lacking(document))
    if not lacking:
        return None
    return Problem(
        where=path,
        what=f"does not start what this launcher renders: services.{SERVICE} lacks {lacking}",
        hint=f"take {OURS}, or add to yours what it lacks",
        path=path,
    )


def _lacking(document: object) -> Iterator[str]:
    if SETTINGS not in _env_files(_node(document, ("env_file",))):
        yield f"env_file: [{SETTINGS}]"
    labels = _names(_node(document, ("labels",)))
    yield from (f"the label {label}" for label in LABELS if label not in labels)


def _env_files(node: object) -> set[str]:
    """The paths, in either of Compose's forms of one."""
    entries = node if isinstance(node, list) else [node]
    return {str(entry.get("path") if isinstance(entry, Mapping) else entry) for entry in entries}


def _names(node: object) -> set[str]:
    """Of a mapping, or of a list of ``name=value``."""
    return {str(each).partition("=")[0] for each in node} if isinstance(node, list | Mapping) else set()


def _limit(document: object, place: tuple[str, ...], path: str) -> int | None:
    node = _node(document, place)
    if node is None:
        return None
    match = _SIZE.fullmatch(str(node))
    if match is None:
        raise misuse(
            f"expected a size such as 48g, got {str(node)!r}",
            where=f"{path}: services.{SERVICE}.{'.'.join(place)}",
            hint="write the size itself, or set MEMORY_LIMIT in models.conf: the plan counts with it",
        )
    return int(float(match["number"]) * 1024 ** _UNITS.index(match["unit"].lower()))


def _node(document: object, place: tuple[str, ...]) -> object:
    node = document
    for key in ("services", SERVICE, *place):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
