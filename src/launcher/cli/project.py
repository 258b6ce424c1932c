"""The project as its files say it: models.conf and samplers, read and validated."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.cli.options import Workspace
from launcher.core.errors import Problem, UsageError
from launcher.core.machine import Machine
from launcher.core.profiles import Profile, Registry, Sampler, parse, parse_samplers, validate
from launcher.edges.files import load_yaml, read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """models.conf and the samplers of a workspace, without problems."""

    space: Workspace
    registry: Registry
    samplers: Mapping[str, Sampler]

    def profile(self, name: str, machine: Machine | None = None, *, partial: bool = False) -> Profile:
        """A profile by name; see Registry.resolve."""
        return self.registry.resolve(name, samplers=self.samplers, machine=machine, partial=partial)


def load_project(space: Workspace, machines: Sequence[Machine] = ()) -> Project:
    """Read a workspace's files; raises UsageError with everything that is wrong in them.

    With `machines`, templates are tried for each, and MACHINES must name some of them.
    """
    samplers, wrong = load_samplers(space)
    registry = parse(read_text(space.conf), shown(space.conf))
    return _faultless(
        Project(space=space, registry=registry, samplers=samplers),
        [*wrong, *validate(registry, samplers, machines)],
    )


def open_project(space: Workspace) -> Project:
    """Read a workspace's files; raises UsageError where they can't be read as profiles at all.

    What is wrong with one profile is told when that one is asked for.
    """
    samplers, wrong = load_samplers(space)
    registry = parse(read_text(space.conf), shown(space.conf))
    return _faultless(
        Project(space=space, registry=registry, samplers=samplers), [*wrong, *registry.problems]
    )


def _faultless(project: Project, problems: Sequence[Problem]) -> Project:
    if problems:
        raise UsageError(*problems)
    return project


def load_samplers(space: Workspace) -> tuple[Mapping[str, Sampler], tuple[Problem, ...]]:
    """The samplers of a workspace, none without the file; and what is wrong with them."""
    path = space.profiles / "samplers.yml"
    if not path.is_file():
        return {}, ()
    return parse_samplers(load_yaml(path), shown(path))


def shown(path: Path) -> str:
    """A path as messages write it: from the current folder, where that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
