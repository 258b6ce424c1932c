"""What `launcher bench` shows."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from launcher.console import Console, table
from launcher.console.evidence import show_speeds
from launcher.core.bench import Bench, Ratio
from launcher.core.units import mib_up

SCHEMA = "launcher.bench/1"


def show_bench(console: Console, found: Bench) -> None:
    """Speeds by prompt length, peak memory, and what went wrong."""
    console.data(f"{found.profile}, context {found.n_ctx:,} tokens")
    show_speeds(console, found.speeds)
    for gpu, peak in found.peak.items():
        console.data(f"peak {gpu}: {mib_up(peak):,} MiB")
    if found.failure:
        console.note(f"error: {found.failure}", style="red")


def show_ratios(console: Console, before: str, after: str, found: Sequence[Ratio]) -> None:
    """How many times as fast the second is as the first."""
    numbers = ("prompt tokens", "prompt", "answer")
    rows = table(*numbers, right=numbers, title=f"{after} against {before}")
    for each in found:
        rows.add_row(f"{each.prompt_tokens:,}", f"{each.prompt:.2f}x", f"{each.answer:.2f}x")
    console.show(rows)
    if not found:
        console.note("no prompt length in common")


def bench_json(runs: Sequence[Bench], found: Sequence[Ratio]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "runs": [asdict(run) for run in runs],
        "ratios": [asdict(each) for each in found],
    }
