"""What the launch commands show."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from launcher.console import Console, Progress, table
from launcher.core.launch import Instance
from launcher.core.units import mib_up

if TYPE_CHECKING:
    from launcher.core.answers import Answer
    from launcher.core.evidence import DeviceUse
    from launcher.workflow.launching import Prepared
    from launcher.workflow.start import Outcome
    from launcher.workflow.status import Status


class Teller:
    """A Reporter on the console; `yes` answers every question, as does a missing terminal."""

    def __init__(self, console: Console, progress: Progress, *, yes: bool) -> None:
        self._console = console
        self._progress = progress
        self._yes = yes or not console.interactive

    def say(self, text: str, seconds: float | None = None) -> None:
        self._progress.say(text, seconds)

    def note(self, text: str) -> None:
        self._console.note(text)

    def agrees(self, question: str) -> bool:
        return self._yes or self._console.confirm(question)


def show_started(console: Console, outcome: "Outcome", prepared: "Prepared | None") -> None:
    """What `up` ends with: where the server is, and what it runs on."""
    took = "was already running" if outcome.already_running else f"{outcome.seconds:.1f} s until healthy"
    planned = _planned(prepared) if prepared else []
    console.facts(
        [
            ("url", outcome.instance.url),
            ("profile", outcome.instance.profile),
            *planned,
            ("started", took),
        ]
    )


def show_answer(console: Console, question: str, answer: "Answer") -> None:
    """One exchange with the server, and how fast it was."""
    console.note(f"> {question}")
    console.data(answer.text)
    if answer.answer_per_second is not None:
        console.note(f"{answer.answer_tokens} tokens at {answer.answer_per_second:.1f} tokens/s")


def started_json(outcome: "Outcome", prepared: "Prepared | None", answer: "Answer | None") -> dict[str, Any]:
    return {
        "schema": "launcher.up/1",
        "instance": asdict(outcome.instance),
        "seconds": round(outcome.seconds, 3),
        "already_running": outcome.already_running,
        "plan": {"verdict": prepared.plan.verdict, "reason": prepared.plan.reason} if prepared else None,
        "answer": asdict(answer) if answer else None,
    }


def show_status(console: Console, status: "Status") -> None:
    """One line for the state, and the instance's facts where there is one."""
    console.data(status.words)
    if status.interrupted:
        console.note(
            f"an up of {status.interrupted} was interrupted; launcher up or launcher down mends that"
        )
    if status.instance:
        console.facts(_instance_facts(status.instance))
    if status.devices:
        _show_devices(console, status.devices)
    for finding in (each for each in status.findings if each.level != "info"):
        console.note(f"{finding.level} {finding.code}: {finding.message}")


def status_json(status: "Status") -> dict[str, Any]:
    return {
        "schema": "launcher.status/1",
        "state": status.words,
        "as_planned": status.as_planned,
        "interrupted": status.interrupted,
        "instance": asdict(status.instance) if status.instance else None,
        "devices": [asdict(device) for device in status.devices],
        "findings": [asdict(finding) for finding in status.findings],
    }


def _show_devices(console: Console, devices: "Sequence[DeviceUse]") -> None:
    numbers = ("planned MiB", "measured MiB", "in use MiB")
    rows = table("device", "GPU", *numbers, right=numbers)
    for each in devices:
        amounts = (each.planned, each.measured, each.in_use)
        rows.add_row(each.name, each.gpu or "", *("-" if n is None else f"{mib_up(n):,}" for n in amounts))
    console.show(rows)


def _planned(prepared: "Prepared") -> list[tuple[str, str]]:
    plan = prepared.plan
    lines = [
        f"{line.gpu or line.name}: {mib_up(line.usage.total):,} MiB"
        for line in (plan.placed.devices if plan.placed else ())
    ]
    return [
        ("model", plan.model.path or "chosen by llama-server"),
        ("context", "unknown" if plan.n_ctx is None else f"{plan.n_ctx:,} tokens"),
        ("devices", "\n".join(lines) or "unknown"),
        ("plan", f"{plan.verdict}: {plan.reason}"),
    ]


def _instance_facts(instance: Instance) -> list[tuple[str, str]]:
    pairs = [
        ("profile", instance.profile),
        ("url", instance.url),
        ("runtime", instance.runtime),
        ("image", instance.image or ""),
        ("id", instance.id[:12]),
        ("restarts", str(instance.restarts) if instance.restarts else ""),
        ("up for", _duration(time.time() - instance.started) if instance.started else ""),
    ]
    return [(name, value) for name, value in pairs if value]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
