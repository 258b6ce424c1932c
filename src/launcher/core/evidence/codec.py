"""Evidence as JSON: one object, ``launcher.evidence/1``."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from launcher.core.evidence.values import Evidence, Speed
from launcher.core.ledger import DeviceLine, Ledger, Usage

SCHEMA = "launcher.evidence/1"


def to_json(record: Evidence) -> dict[str, Any]:
    """`record` as plain JSON values."""
    return {"schema": SCHEMA, **asdict(record)}


def from_json(value: Mapping[str, Any]) -> Evidence:
    """The record that `to_json` wrote; raises KeyError, TypeError or ValueError on anything else."""
    fields = dict(value)
    if fields.pop("schema") != SCHEMA:
        raise ValueError(f"expected schema {SCHEMA}")
    return Evidence(
        **{
            **fields,
            "gpus": tuple(fields["gpus"]),
            "gpu_names": tuple(fields["gpu_names"]),
            "predicted": _ledger(fields["predicted"]),
            "projected": _ledger(fields["projected"]),
            "measured": _ledger(fields["measured"]),
            "speeds": tuple(Speed(**speed) for speed in fields["speeds"]),
        }
    )


def _ledger(value: Mapping[str, Any] | None) -> Ledger | None:
    if value is None:
        return None
    return Ledger(**{**value, "devices": tuple(map(_line, value["devices"]))})


def _line(value: Mapping[str, Any]) -> DeviceLine:
    return DeviceLine(**{**value, "usage": Usage(**value["usage"])})
