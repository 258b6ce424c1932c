"""Estimate, engine and measurement side by side; a difference that matters is a finding."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from launcher.core.evidence.values import Evidence
from launcher.core.findings import Finding
from launcher.core.ledger import DeviceLine, Ledger
from launcher.core.units import MIB, mib_up

Part = Literal["model", "context", "compute", "total"]

PARTS: tuple[Part, ...] = ("model", "context", "compute", "total")
SHARE = 0.03
AMOUNT = 256 * MIB
ASK_ENGINE = "launcher plan --engine asks the engine itself"
FEWER_LOGITS = "a server reserves logits for its slots, the dry run that plans follow for a whole micro-batch"
DIFFERS, ON_HOST, SPLITS = "E001", "E002", "E003"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One part of one device in bytes; a ledger that is not known gives None.

    estimate: the plan's. projected: of the engine's fit in the same start. measured: allocated.
    """

    device: str
    part: Part
    estimate: int | None
    projected: int | None
    measured: int | None

    @property
    def difference(self) -> int | None:
        """How much more was allocated than the plan says; negative: less."""
        if self.estimate is None or self.measured is None:
            return None
        return self.measured - self.estimate

    @property
    def share(self) -> float | None:
        """The difference as a share of the estimate; None when that is nothing."""
        return self.difference / self.estimate if self.difference is not None and self.estimate else None

    @property
    def matters(self) -> bool:
        """The difference is above 3 % of the estimate, or above 256 MiB."""
        return abs(self.difference or 0) > min(SHARE * (self.estimate or 0), AMOUNT)


def side_by_side(record: Evidence) -> tuple[Comparison, ...]:
    """Each part of each device that is in one of the ledgers; the host last."""
    ledgers = (record.predicted, record.projected, record.measured)
    lines = [{line.name: line for line in ledger.devices} if ledger else None for ledger in ledgers]
    names = dict.fromkeys(name for each in lines if each for name in each)
    return tuple(
        _comparison(name, part, [_amount(each, name, part) for each in lines])
        for name in sorted(names, key=_is_host)
        for part in PARTS
    )


def findings(record: Evidence) -> tuple[Finding, ...]:
    """What came otherwise than planned, of a start that was whole."""
    if not record.complete or record.predicted is None or record.measured is None:
        return ()
    compared = side_by_side(record)
    return (
        *_totals(compared),
        *(_host_weights(compared) if record.gpus else ()),
        *_splits(record.predicted, record.measured),
    )


def _is_host(name: str) -> bool:
    return name == "Host"


def _comparison(name: str, part: Part, amounts: list[int | None]) -> Comparison:
    estimate, projected, measured = amounts
    return Comparison(device=name, part=part, estimate=estimate, projected=projected, measured=measured)


def _amount(lines: dict[str, DeviceLine] | None, name: str, part: Part) -> int | None:
    """Nothing lies on a device that a known ledger doesn't list."""
    if lines is None:
        return None
    return int(getattr(lines[name].usage, part)) if name in lines else 0


def _totals(compared: tuple[Comparison, ...]) -> Iterator[Finding]:
    for total in (each for each in compared if each.part == "total" and each.matters):
        parts = [each for each in compared if each.device == total.device and each.part != "total"]
        worst = max(parts, key=lambda each: abs(each.difference or 0))
        more = (total.difference or 0) > 0
        yield Finding(
            code=DIFFERS,
            level="warning" if more else "info",
            message=f"{total.device}: {_words(total)}, most of it in {worst.part}",
            hint=ASK_ENGINE if more else FEWER_LOGITS,
        )


def _words(each: Comparison) -> str:
    """Of a comparison whose difference is known."""
    amount, share = each.difference or 0, each.share
    change = f"{abs(amount) / MIB:,.1f} MiB {'more' if amount > 0 else 'less'} than estimated"
    percent = "" if share is None else f" ({share:+.1%})"
    return f"{mib_up(each.measured or 0):,} MiB measured, {change}{percent}"


def _host_weights(compared: tuple[Comparison, ...]) -> Iterator[Finding]:
    for each in compared:
        if _is_host(each.device) and each.part == "model" and each.matters and (each.difference or 0) > 0:
            yield Finding(
                code=ON_HOST,
                level="warning",
                message=f"{mib_up(each.measured or 0):,} MiB of weights are on the host;"
                f" the plan promised {mib_up(each.estimate or 0):,} MiB",
                hint="see what else took GPU memory before the start: launcher status",
            )


def _splits(planned: Ledger, measured: Ledger) -> Iterator[Finding]:
    expected, found = planned.graph_splits, measured.graph_splits
    if expected is not None and found is not None and expected != found:
        yield Finding(
            code=SPLITS, level="warning", message=f"{found} graph splits measured, {expected} planned"
        )
