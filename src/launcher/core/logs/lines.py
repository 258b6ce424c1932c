"""A log as lines of text, whichever of llama.cpp's two forms it has (common/log.cpp, build 11160)."""

import json
from collections.abc import Iterator

from launcher.core.logs.breakdown import HEADER, format_rows


def plain_lines(log: str) -> Iterator[str]:
    """The lines of `log`; of JSON lines (``--log-jsonl``) their messages, and the memory breakdown
    as the table that the other form has. Lines that are neither are passed on as they are."""
    lines = log.splitlines()
    tables_are_text = any(HEADER in line for line in lines)
    for line in lines:
        event = _event(line)
        if event is None:
            yield line
        elif event.get("type") == "fit_memory_breakdown":
            if not tables_are_text:
                yield from format_rows(event.get("data"))
        else:
            yield from str(event.get("msg", "")).splitlines()


def _event(line: str) -> dict[str, object] | None:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
