"""What `launcher update` shows."""

from dataclasses import asdict
from typing import Any

from launcher.console import Console, table
from launcher.core.images import Lock
from launcher.workflow.update import Update

SCHEMA = "launcher.update/1"


def show_update(console: Console, update: Update) -> None:
    """Trials, and what is pinned now."""
    if not update.changed:
        console.note("nothing newer")
        return
    rows = table("architecture", "profile", "result")
    for trial in update.trials:
        rows.add_row(trial.architecture or "", trial.profile, trial.failure or "answered long prompts")
    console.show(rows)
    if update.kept:
        show_lock(console, update.lock)
    else:
        console.note("error: the new image did not pass; nothing was changed", style="red")


def show_lock(console: Console, lock: Lock) -> None:
    """Each image, what it is pinned to, and its fallback."""
    for name, pin in lock.pins.items():
        console.facts([("image", name), ("pinned", pin.digest), ("fallback", pin.fallback or "none")])
    console.note("a running server changes with the next launcher up")


def update_json(update: Update) -> dict[str, Any]:
    return {
        **lock_json(update.lock),
        "changed": list(update.changed),
        "kept": update.kept,
        "trials": [asdict(trial) for trial in update.trials],
    }


def lock_json(lock: Lock) -> dict[str, Any]:
    return {"schema": SCHEMA, "images": {name: asdict(pin) for name, pin in lock.pins.items()}}
