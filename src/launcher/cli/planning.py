"""What `plan` and `check` are wired from: models.conf, headers and the compose file."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from launcher.cli.headers import project_headers
from launcher.cli.project import Project, shown
from launcher.core.container import foreign, memory_limit
from launcher.core.errors import Problem, UsageError
from launcher.core.machine import Machine
from launcher.core.profiles import Profile
from launcher.core.profiles.changes import with_changes
from launcher.core.render import COMPOSE_FILE
from launcher.edges.files import load_yaml
from launcher.workflow.planning import Models, Planner


class Containers:
    """What the compose file in the folder `root` says of every profile's container."""

    def __init__(self, root: Path) -> None:
        self._path = root / COMPOSE_FILE

    def of(self, profile: Profile) -> Profile:
        """`profile` with the compose file's memory limit, where it sets none itself."""
        return profile if profile.memory_limit else replace(profile, memory_limit=self._limit)

    def require(self) -> None:
        """Raises UsageError when the compose file would not start what is rendered."""
        if self.problem:
            raise UsageError(self.problem)

    @property
    def problem(self) -> Problem | None:
        """What keeps the compose file from starting what is rendered."""
        return foreign(self._document, shown(self._path))

    @cached_property
    def _limit(self) -> int | None:
        return memory_limit(self._document, shown(self._path))

    @cached_property
    def _document(self) -> object:
        """None without the file."""
        return load_yaml(self._path) if self._path.exists() else None


def open_planner(project: Project, changes: Mapping[str, Mapping[str, str]]) -> Planner:
    """A planner for the profiles of a project, as if these settings, by profile, stood in models.conf."""
    space, registry = project.space, project.registry
    containers = Containers(space.root)
    for name, settings in changes.items():
        registry = with_changes(registry, name, settings)

    def resolve(name: str, machine: Machine | None) -> Profile:
        return containers.of(registry.resolve(name, samplers=project.samplers, machine=machine))

    return Planner(resolve, Models(project_headers(space)))
