"""What ``launcher render`` shows."""

from collections.abc import Sequence
from typing import Any

from launcher.console import Console
from launcher.core.render import Rendered


def show_rendered(console: Console, rendered: Rendered) -> None:
    """Each file under a line with its name."""
    for name, text in rendered.files.items():
        console.data(f"# ---- {name}\n{text}")


def show_stale(console: Console, rendered: Rendered, differing: Sequence[str]) -> None:
    for name in differing:
        console.data(name)
    if differing:
        console.note(f"not as rendered now; write it with: launcher render {rendered.profile}")


def show_written(console: Console, rendered: Rendered, differing: Sequence[str]) -> None:
    for name in rendered.files:
        console.data(f"{name}  {'written' if name in differing else 'unchanged'}")
    console.note("docker compose up -d starts it")


def render_json(rendered: Rendered, differing: Sequence[str]) -> dict[str, Any]:
    return {
        "schema": "launcher.render/1",
        "profile": rendered.profile,
        "image": rendered.image,
        "environment": dict(rendered.environment),
        "command": list(rendered.command),
        "plan_hash": rendered.plan_hash,
        "url": rendered.url,
        "files": dict(rendered.files),
        "stale": list(differing),
    }
