"""Which program is Compose."""

import os
from collections.abc import Sequence
from pathlib import Path
from shutil import which

DOCKER, PLUGIN = "docker", "docker-compose"
FOLDERS = tuple(
    Path("/usr", place, "docker/cli-plugins") for place in ("local/lib", "local/libexec", "lib", "libexec")
)
"""Where ``docker`` looks for its plugins, after the user's own (docker/cli, cli-plugins/manager)."""


def compose(folders: Sequence[Path] = FOLDERS) -> tuple[str, ...]:
    """The plugin that ``docker compose`` runs; that command itself where no plugin is in its usual place.

    The plugin takes the same words alone (Docker's manual, "Install the Docker Compose standalone").
    ``docker`` would first ask it what it is, which takes as long as Compose takes to begin.
    """
    own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins"
    plugins = (folder / PLUGIN for folder in (own, *folders))
    found = next((plugin for plugin in plugins if os.access(plugin, os.X_OK)), None)
    return (str(found),) if found and which(DOCKER) else (DOCKER, "compose")
