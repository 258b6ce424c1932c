"""Profiles on the screen: the list, and one with the origin of every value."""

from collections.abc import Mapping, Sequence
from typing import Any

from launcher.console import Console, table
from launcher.core.profiles import Profile


def list_profiles(console: Console, profiles: Sequence[Profile]) -> None:
    """One line per profile."""
    from rich.text import Text

    made = table("profile", "context", "runtime", "description", right=["context"])
    for profile in profiles:
        retired = profile.status == "retired"
        description = profile.description or profile.title or ""
        made.add_row(
            Text(profile.name, style="dim" if retired else "bold"),
            _value(profile, "CTX_SIZE"),
            profile.runtime,
            f"(retired) {description}".strip() if retired else description,
        )
    console.show(made)


def list_json(console: Console, profiles: Sequence[Profile]) -> None:
    console.json({"schema": "launcher.list/1", "profiles": [_summary(profile) for profile in profiles]})


def show_profile(console: Console, profile: Profile, path: str) -> None:
    """Every value and where it comes from."""
    made = table("key", "value", "from", "line", right=["line"], title=profile.title or profile.name)
    for setting in profile.settings.values():
        made.add_row(setting.key, setting.value, setting.origin, str(setting.line or ""))
    console.show(made)
    console.note(f"lines are those of {path}")


def profile_json(console: Console, profile: Profile, path: str) -> None:
    settings = [
        {"key": setting.key, "value": setting.value, "from": setting.origin, "line": setting.line}
        for setting in profile.settings.values()
    ]
    value = {
        "schema": "launcher.show/1",
        **_summary(profile),
        "path": path,
        "line": profile.line,
        "settings": settings,
        "environment": dict(profile.environment),
        "command": list(profile.command),
    }
    console.json(value)


def _value(profile: Profile, key: str) -> str:
    setting = profile.settings.get(key)
    return setting.value if setting else ""


def _summary(profile: Profile) -> Mapping[str, Any]:
    return {
        "name": profile.name,
        "title": profile.title,
        "description": profile.description,
        "status": profile.status,
        "model": profile.model,
        "runtime": profile.runtime,
        "placement": profile.placement,
        "machines": list(profile.machines) if profile.machines else None,
    }
