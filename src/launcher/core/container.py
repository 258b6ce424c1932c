"""Memory that the server's container may use, as a compose file sets it."""

import re
from collections.abc import Mapping

from launcher.core.errors import misuse

SERVICE = "server"
_PLACES = (("mem_limit",), ("deploy", "resources", "limits", "memory"))
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?) ?(?P<unit>[kmgtp]?)i?b?", re.IGNORECASE)
_UNITS = ("", "k", "m", "g", "t", "p")


def memory_limit(document: object, path: str) -> int | None:
    """Bytes that the compose file `document` lets the server use; None without a limit.

    Raises UsageError for a value that is no size, as one that a variable gives.
    """
    found = (_limit(document, place, path) for place in _PLACES)
    return next((limit for limit in found if limit), None)


def _limit(document: object, place: tuple[str, ...], path: str) -> int | None:
    node = document
    for key in ("services", SERVICE, *place):
        node = node.get(key) if isinstance(node, Mapping) else None
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
