"""What `plan` and `check` are wired from: models.conf and headers."""

from collections.abc import Mapping

from launcher.cli.project import Project
from launcher.core.machine import Machine
from launcher.core.profiles import Profile
from launcher.core.profiles.changes import with_changes
from launcher.edges.headers import open_headers
from launcher.workflow.planning import Models, Planner


def open_planner(project: Project, changes: Mapping[str, Mapping[str, str]]) -> Planner:
    """A planner for the profiles of a project, as if these settings, by profile, stood in models.conf."""
    space, registry = project.space, project.registry
    for name, settings in changes.items():
        registry = with_changes(registry, name, settings)

    def resolve(name: str, machine: Machine | None) -> Profile:
        return registry.resolve(name, samplers=project.samplers, machine=machine)

    headers = open_headers(models=space.models_dir, snapshots=space.profiles / "headers")
    return Planner(resolve, Models(headers))
