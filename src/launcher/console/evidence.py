"""Evidence laid beside the plan, and speeds."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from launcher.console import Console, table
from launcher.core.evidence import Evidence, Speed, findings, side_by_side
from launcher.core.evidence.codec import to_json
from launcher.core.units import MIB, mib_up

SCHEMA = "launcher.evidence.list/1"
UNKNOWN = "-"


def show_evidence(console: Console, records: Sequence[Evidence]) -> None:
    """Each record: how the start went, the ledgers side by side, and what came otherwise."""
    for record in records:
        console.facts(_facts(record))
        if record.measured is not None:
            _show_ledgers(console, record)
        if record.speeds:
            show_speeds(console, record.speeds)
        for finding in findings(record):
            console.data(f"{finding.level} {finding.code}: {finding.message}")
            if finding.hint:
                console.data(f"  hint: {finding.hint}")


def show_speeds(console: Console, speeds: Sequence[Speed]) -> None:
    """A row for each prompt length."""
    numbers = ("prompt tokens", "prompt tokens/s", "answer tokens", "answer tokens/s")
    rows = table(*numbers, right=numbers)
    for speed in speeds:
        rows.add_row(
            f"{speed.prompt_tokens:,}",
            f"{speed.prompt_per_second:,.1f}",
            f"{speed.answer_tokens:,}",
            f"{speed.answer_per_second:,.1f}",
        )
    console.show(rows)


def evidence_json(records: Sequence[Evidence]) -> dict[str, Any]:
    return {"schema": SCHEMA, "records": [_record_json(record) for record in records]}


def _record_json(record: Evidence) -> dict[str, Any]:
    return {
        **to_json(record),
        "compared": [
            {**asdict(each), "difference": each.difference, "share": each.share}
            for each in side_by_side(record)
        ],
        "findings": [asdict(finding) for finding in findings(record)],
    }


def _facts(record: Evidence) -> list[tuple[str, str]]:
    splits = record.measured.graph_splits if record.measured else None
    healthy = None if record.seconds is None else f"{record.seconds:.1f} s until healthy"
    pairs = [
        ("profile", record.profile),
        ("machine", ", ".join((record.machine, *record.gpu_names))),
        ("engine", " ".join(word for word in (record.build, record.image) if word)),
        ("start", healthy or "incomplete: the server ended before it was whole"),
        ("splits", "" if splits is None else str(splits)),
    ]
    return [(name, value) for name, value in pairs if value]


def _show_ledgers(console: Console, record: Evidence) -> None:
    numbers = ("estimate MiB", "engine's fit MiB", "measured MiB", "difference MiB", "%")
    rows = table("device", "part", *numbers, right=numbers)
    for each in side_by_side(record):
        rows.add_row(
            each.device,
            each.part,
            *map(_amount, (each.estimate, each.projected, each.measured)),
            UNKNOWN if each.difference is None else f"{each.difference / MIB:+,.1f}",
            UNKNOWN if each.share is None else f"{each.share:+.1%}",
        )
    console.show(rows)


def _amount(nbytes: int | None) -> str:
    return UNKNOWN if nbytes is None else f"{mib_up(nbytes):,}"
