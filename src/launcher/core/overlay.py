"""``compose.launch.yml``: the part of the compose project that differs by profile and machine."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from launcher.core.container import memory_limit
from launcher.core.templating import render_template

NAME = "compose.launch.yml"
DOWNLOADS = "/downloads"

_ESCAPES = {"\\": "\\\\", '"': '\\"', "$": "$$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What the overlay says.

    command: words after the server's own name. nvidia: GPUs by UUID (or index). device_nodes: for
    other vendors' GPUs, and groups: numbers of the host's groups that may open them. memory_limit:
    bytes of host memory. downloads: folder of the host for what the server downloads.
    """

    command: tuple[str, ...] = ()
    nvidia: tuple[str, ...] = ()
    device_nodes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    api_key_file: str | None = None
    memory_limit: int | None = None
    downloads: str | None = None


def to_yaml(overlay: Overlay) -> str:
    """The overlay as a compose file."""
    return render_template(
        "compose.launch.yml.j2", filters={"yaml": quote}, target=DOWNLOADS, **asdict(overlay)
    )


def from_yaml(text: str) -> Overlay:
    """The overlay that `to_yaml` wrote, as a YAML reader and Compose's interpolation see it."""
    import yaml

    tree = yaml.safe_load(text)
    server = tree["services"]["server"]
    resources = server.get("deploy", {}).get("resources", {})
    nvidia = resources["reservations"]["devices"][0] if "reservations" in resources else {}
    secret = tree.get("secrets", {}).get("api_key")
    [volume] = server.get("volumes") or [None]
    return Overlay(
        command=_words(server.get("command", ())),
        nvidia=_words(nvidia.get("device_ids", ())),
        device_nodes=_words(server.get("devices", ())),
        groups=_words(server.get("group_add", ())),
        api_key_file=_interpolate(secret["file"]) if secret else None,
        memory_limit=memory_limit(tree, NAME),
        downloads=_interpolate(volume["source"]) if volume else None,
    )


def quote(value: str) -> str:
    """`value` as a YAML scalar in double quotes, in which Compose replaces nothing."""
    return '"' + "".join(_escape(char) for char in value) + '"'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _words(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(_interpolate, values))


def _interpolate(value: str) -> str:
    return value.replace("$$", "$")
