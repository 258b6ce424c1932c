"""The Profile of values that were checked."""

from collections.abc import Mapping
from typing import cast

from launcher.core.profiles.keys import names
from launcher.core.profiles.values import Placement, Profile, RuntimeName, Setting, Status
from launcher.core.units import parse_size

DEFAULT_PORT = 8080
DEFAULT_BIND = "127.0.0.1"


def build(
    name: str,
    settings: Mapping[str, Setting],
    pending: Mapping[str, Setting],
    environment: Mapping[str, str],
    command: tuple[str, ...],
    line: int,
) -> Profile:
    """The profile that these checked settings describe; `pending` ones are only shown."""

    def text(key: str) -> str | None:
        return settings[key].value if key in settings else None

    def size(key: str) -> int | None:
        return parse_size(settings[key].value) if key in settings else None

    return Profile(
        name=name,
        title=text("NAME"),
        description=text("DESCRIPTION"),
        status=cast(Status, text("STATUS") or "active"),
        model=text("MODEL"),
        mmproj=text("MMPROJ"),
        draft_model=text("SPEC_DRAFT_MODEL"),
        placement=cast(Placement, text("PLACEMENT") or "any"),
        machines=names(text("MACHINES") or "") or None,
        runtime=cast(RuntimeName, text("RUNTIME") or "compose"),
        image=text("IMAGE"),
        host_port=int(text("HOST_PORT") or DEFAULT_PORT),
        host_bind=text("HOST_BIND") or DEFAULT_BIND,
        api_key_file=text("API_KEY_FILE"),
        memory_limit=size("MEMORY_LIMIT"),
        headroom_compute=size("HEADROOM_COMPUTE"),
        headroom_display=size("HEADROOM_DISPLAY"),
        min_ctx=int(settings["MIN_CTX"].value) if "MIN_CTX" in settings else None,
        max_host_weights=size("MAX_HOST_WEIGHTS"),
        environment=environment,
        command=command,
        settings={**settings, **pending},
        line=line,
    )
