"""Wires the edges of this computer to the launch path."""

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.cli.evidence import evidence_file
from launcher.cli.headers import project_headers
from launcher.cli.images import lock_file
from launcher.cli.machines import machines_dir, observed_machine
from launcher.cli.options import Workspace
from launcher.cli.planning import Containers
from launcher.cli.project import Project, open_project
from launcher.core.downloads import downloads
from launcher.core.errors import failure
from launcher.core.images import Lock
from launcher.core.machine import Machine
from launcher.core.profiles import Profile, RuntimeName
from launcher.core.profiles.changes import with_changes
from launcher.core.render import Rendered, Site
from launcher.edges import bundled_models, ports
from launcher.edges.compose import ComposeRuntime, Engine
from launcher.edges.downloads import provide
from launcher.edges.embedded import EmbeddedRuntime
from launcher.edges.files import read_text, write_atomic
from launcher.edges.headers import Headers
from launcher.edges.server import LlamaServer
from launcher.edges.state import FileLock, JournalFile
from launcher.workflow.launching import Prepared, assuming_free, prepare
from launcher.workflow.planning import Models
from launcher.workflow.runtime import Runtime
from launcher.workflow.world import World

if TYPE_CHECKING:
    from launcher.edges.evidence import EvidenceFile
    from launcher.workflow.bench import Bencher
    from launcher.workflow.evidence import Recorder

_NONE: Mapping[str, str] = {}


@dataclass(slots=True)
class Preparation:
    """Prepares one profile as often as it is called; `last` is what came out last."""

    make: Callable[[Mapping[str, int]], Prepared]
    last: Prepared | None = None

    def __call__(self, free: Mapping[str, int]) -> Rendered:
        self.last = self.make(free)
        return self.last.rendered


class LaunchSite:
    """A project folder on this computer, with everything that starting a server there needs."""

    def __init__(
        self,
        space: Workspace,
        say: Callable[[str], None] = lambda text: None,
        *,
        lock: Lock | None = None,
    ) -> None:
        """lock: the images to start from, in place of those in images.lock."""
        self._space = space
        self._say = say
        self._lock = lock
        self._preparation: Preparation | None = None

    @cached_property
    def project(self) -> Project:
        return open_project(self._space)

    @cached_property
    def site(self) -> Site:
        owner = self._space.models_dir.stat() if self._space.models_dir.exists() else self._space.root.stat()
        return Site(
            models_dir=str(self._space.models_dir),
            project=compose_project(self._space.root),
            user=f"{owner.st_uid}:{owner.st_gid}",
            groups=device_groups(),
            lock=self._lock or lock_file(self._space).read(),
        )

    @cached_property
    def world(self) -> World:
        server = LlamaServer()
        runtimes: dict[RuntimeName, Runtime] = {
            "compose": self._compose,
            "embedded": EmbeddedRuntime(
                folder=self._space.state, healthy=lambda url: server.health(url) == "ok"
            ),
        }
        return World(
            runtimes=runtimes,
            server=server,
            ports=ports,
            files=ProjectFiles(self._space.root),
            journal=JournalFile(self._space.state, write_atomic),
            lock=FileLock(self._space.state),
            clock=time,
            witness=lambda: self._recorder(runtimes),
            free_memory=lambda: {gpu.key: gpu.free for gpu in observed_machine().gpus},
        )

    @cached_property
    def _containers(self) -> Containers:
        return Containers(self._space.root)

    @cached_property
    def _compose(self) -> ComposeRuntime:
        return ComposeRuntime(self._space.root, self.site.project, self._say)

    @property
    def engine(self) -> Engine:
        """The Docker engine."""
        return self._compose.engine

    def _recorder(self, runtimes: Mapping[RuntimeName, Runtime]) -> "Recorder":
        from launcher.workflow.evidence import Recorder

        return Recorder(
            runtimes=runtimes,
            prepared=lambda: self._preparation.last if self._preparation else None,
            machine=observed_machine,
            digest=lambda image: self.engine.image_digest(image),
            store=self.evidence,
            now=time.time,
        )

    def server(self, profile: str) -> LlamaServer:
        """The client for the server of `profile`, with its API key."""
        key_file = self.project.profile(profile, partial=True).api_key_file
        return LlamaServer(self._space.root / key_file if key_file else None)

    @property
    def evidence(self) -> "EvidenceFile":
        """What the servers of this folder showed."""
        return evidence_file(self._space)

    def bencher(self, seconds: float) -> "Bencher":
        """Measures the server that runs here; one prompt may take so many `seconds`."""
        from launcher.edges.memory_watch import MemoryWatch
        from launcher.workflow.bench import Bencher

        return Bencher(
            world=self.world,
            server=self.server,
            watch=lambda: MemoryWatch(self.world.free_memory),
            store=self.evidence,
            now=time.time,
            seconds=seconds,
        )

    def preparation(
        self, name: str, *, runtime: RuntimeName | None, force: bool, changes: Mapping[str, str] = _NONE
    ) -> Preparation:
        """Prepares `name`; what it starts is what this site's Witness records.

        changes: settings of the profile, as if they stood in models.conf; an empty value drops one.
        """
        self._preparation = Preparation(
            lambda free: self._startable(
                self._prepare(name, free, runtime=runtime, force=force, changes=changes)
            )
        )
        return self._preparation

    def planned(self, name: str, free: Mapping[str, int], runtime: RuntimeName) -> Rendered:
        """What `name` would be started as now."""
        return self._prepare(name, free, runtime=runtime, force=True).rendered

    def prepared(self, name: str, free: Mapping[str, int]) -> Prepared:
        """What `name` would be started as in its own runtime, whether it can be or not."""
        return self._prepare(name, free, runtime=None, force=True)

    def require_model(self, profile: Profile) -> None:
        """Refuse a model that is missing, cut short or damaged before anything is stopped for it."""
        if profile.model and self._headers(profile).find(profile.model).source != "file":
            raise failure(
                f"there is no model file {profile.model}",
                where=f"[{profile.name}]",
                hint=f"put it below {self._space.models_dir}, or name another folder with --models-dir",
            )

    def _startable(self, prepared: Prepared) -> Prepared:
        """`prepared`; raises UsageError where the compose file would start something else."""
        if prepared.profile.runtime == "compose":
            self._containers.require()
            self.provide_folders(prepared.profile)
        return prepared

    def provide_folders(self, profile: Profile) -> None:
        """Make the folder that the container of `profile` writes to, if there is one."""
        if downloads(profile):
            provide(Path(self.site.downloads), self.site.user)

    @property
    def default_port(self) -> int:
        names = self.project.registry.names()
        return self.project.profile(names[0], partial=True).host_port if names else 8080

    def _prepare(
        self,
        name: str,
        free: Mapping[str, int],
        *,
        runtime: RuntimeName | None,
        force: bool,
        changes: Mapping[str, str] = _NONE,
    ) -> Prepared:
        machine = assuming_free(observed_machine(machines_dir(self._space)), free)
        profile = self._profile(name, machine, runtime, changes)
        if not force:
            self.require_model(profile)
        return prepare(profile, Models(self._headers(profile)), machine, self.site, force=force)

    def _headers(self, profile: Profile) -> Headers:
        """Where headers are found; a model that comes with a package is put there first."""
        if profile.model:
            bundled_models.provide(self._space.models_dir, profile.model)
        return project_headers(self._space)

    def _profile(
        self, name: str, machine: Machine, runtime: RuntimeName | None, changes: Mapping[str, str]
    ) -> Profile:
        project = self.project
        if changes:
            project = replace(project, registry=with_changes(project.registry, name, changes))
        profile = self._containers.of(project.profile(name, machine))
        return replace(profile, runtime=runtime) if runtime else profile


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """The rendered files in the project folder; each is written whole, where it differs."""

    root: Path

    def read(self, name: str) -> str | None:
        path = self.root / name
        return read_text(path) if path.exists() else None

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            if text != self.read(name):
                write_atomic(self.root / name, text)


def compose_project(root: Path) -> str:
    """Compose's name for the project: $COMPOSE_PROJECT_NAME, else made of the folder's as Compose does."""
    named = os.environ.get("COMPOSE_PROJECT_NAME")
    return named or re.sub(r"[^-_a-z0-9]", "", root.name.lower()).lstrip("-_") or "launcher"


def device_groups() -> tuple[int, ...]:
    """Groups that may open this computer's GPU device nodes."""
    nodes = [Path("/dev/kfd"), *Path("/dev/dri").glob("renderD*")]
    return tuple(sorted({node.stat().st_gid for node in nodes if node.exists()}))
