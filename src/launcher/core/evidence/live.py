"""A running server's devices: what was planned, what it allocated, what it holds now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from launcher.core.evidence.values import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUse:
    """Bytes on one device; None is unknown.

    measured: the buffers that the server allocated when it started. in_use: what is free less than
    before the start; a driver's own share is in it, and other programs since.
    """

    name: str
    gpu: str | None
    planned: int | None
    measured: int | None
    in_use: int | None


def device_use(record: Evidence, before: Mapping[str, int], now: Mapping[str, int]) -> tuple[DeviceUse, ...]:
    """The devices of `record`, from free bytes by GPU key before the start and now."""
    return tuple(_uses(record, before, now))


def _uses(record: Evidence, before: Mapping[str, int], now: Mapping[str, int]) -> Iterator[DeviceUse]:
    planned = {line.name: line for line in record.predicted.devices} if record.predicted else {}
    measured = {line.name: line for line in record.measured.devices} if record.measured else {}
    keys = dict(zip((name for name in planned if name != "Host"), record.gpus, strict=False))
    for name in dict.fromkeys((*planned, *measured)):
        lines = [ledger[name] for ledger in (planned, measured) if name in ledger]
        key = keys.get(name, "")
        known = key in before and key in now
        yield DeviceUse(
            name=name,
            gpu=next((line.gpu for line in lines if line.gpu), None),
            planned=planned[name].usage.total if name in planned else None,
            measured=measured[name].usage.total if name in measured else None,
            in_use=max(0, before[key] - now[key]) if known else None,
        )
