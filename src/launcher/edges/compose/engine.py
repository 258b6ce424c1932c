"""The Docker engine, asked through its own client library."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from launcher.core.errors import LauncherError, failure
from launcher.core.launch import Instance, State

if TYPE_CHECKING:
    from docker.client import DockerClient
    from docker.models.containers import Container

PROJECT_LABEL = "com.docker.compose.project"
PROFILE_LABEL = "launcher.profile"
PLAN_LABEL = "launcher.plan"
URL_LABEL = "launcher.url"
STOP_SECONDS = 10
REQUEST_SECONDS = 120

_STATES: dict[str, State] = {"starting": "starting", "healthy": "healthy", "unhealthy": "unhealthy"}


class Engine:
    """The Docker engine that the command ``docker`` would talk to; connects at the first question."""

    def version(self) -> str:
        """The engine's version, such as ``20.10.24``."""
        with _explained():
            return str(self._client.version()["Version"])

    def runtimes(self) -> frozenset[str]:
        """Names of the container runtimes that the engine knows, such as ``runc`` and ``nvidia``."""
        with _explained():
            return frozenset(self._client.info()["Runtimes"])

    def cdi_folders(self) -> tuple[str, ...]:
        """Folders where the engine looks for CDI's device specifications; none where CDI is off."""
        with _explained():
            return tuple(self._client.info().get("CDISpecDirs") or ())

    def data_root(self) -> str:
        """The folder where the engine keeps its images, on the engine's computer."""
        with _explained():
            return str(self._client.info()["DockerRootDir"])

    def image_digest(self, reference: str) -> str | None:
        """What identifies the image that is there under this name; None when none is.

        The digest in its registry, and for an image that was made here, its own id.
        """
        import docker.errors

        with _explained():
            try:
                image = self._client.images.get(reference)
            except docker.errors.ImageNotFound:
                return None
            digests = image.attrs.get("RepoDigests") or [str(image.id)]
            return str(digests[0])

    def newest(self, reference: str) -> str:
        """The digest (``REPOSITORY@sha256:...``) that an image's name stands for in its registry now."""
        from docker.utils import parse_repository_tag

        with _explained():
            repository, _ = parse_repository_tag(reference)
            return f"{repository}@{self._client.images.get_registry_data(reference).id}"

    def pull(self, digest: str) -> None:
        """Get the image ``REPOSITORY@sha256:...`` from its registry; returns when it is there."""
        repository, _, number = digest.partition("@")
        with _explained():
            self._client.images.pull(repository, tag=number)

    def instance(self, project: str) -> Instance | None:
        """The server of this compose project, whatever its state; None when there is none."""
        container = self._server(project, details=True)
        return to_instance(container) if container else None

    def remove(self, project: str) -> None:
        """Stop and remove the project's containers, then its networks; returns when they are gone."""
        import docker.errors

        label = {"label": f"{PROJECT_LABEL}={project}"}
        with _explained():
            for container in self._containers(label["label"]):
                try:
                    container.stop(timeout=STOP_SECONDS)
                    container.remove(force=True, v=True)
                except docker.errors.NotFound:
                    continue
            for network in self._client.networks.list(filters=label):
                network.remove()

    def logs(self, project: str, *, follow: bool, tail: int | None) -> Iterator[str]:
        """Lines of the server's log, oldest first; with `follow` until the server ends."""
        container = self._server(project)
        if container is None:
            return
        with _explained():
            lines: int | Literal["all"] = "all" if tail is None else tail
            # as a stream only what has no end: the client library reads one in two pieces a line
            chunks = container.logs(stream=True, tail=lines) if follow else [container.logs(tail=lines)]
            yield from whole_lines(chunks)

    @cached_property
    def _client(self) -> "DockerClient":
        import docker
        from docker.context import ContextAPI

        with _explained():
            if "DOCKER_HOST" in os.environ:
                return docker.from_env(timeout=REQUEST_SECONDS)
            context = ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT"))
            return docker.DockerClient(context.Host, tls=context.TLSConfig, timeout=REQUEST_SECONDS)

    def _server(self, project: str, *, details: bool = False) -> "Container | None":
        with _explained():
            found = self._containers(f"{PROJECT_LABEL}={project}", PROFILE_LABEL, details=details)
            return min(found, key=lambda container: container.status != "running", default=None)

    def _containers(self, *labels: str, details: bool = False) -> "list[Container]":
        """Those with all the labels, each looked at by itself for its details; one that vanishes while
        it is looked at is left out."""
        return self._client.containers.list(
            all=True, filters={"label": list(labels)}, sparse=not details, ignore_removed=True
        )


def to_instance(container: "Container") -> Instance:
    """What a container's attributes say, in the launcher's words."""
    attributes: dict[str, Any] = container.attrs
    labels, state = attributes["Config"]["Labels"], attributes["State"]
    running = state["Status"] == "running"
    return Instance(
        id=str(container.id),
        profile=labels[PROFILE_LABEL],
        runtime="compose",
        plan_hash=labels.get(PLAN_LABEL, ""),
        state=_state(state),
        url=labels.get(URL_LABEL, ""),
        image=attributes["Config"]["Image"],
        exit_code=None if running or state["Status"] == "created" else state["ExitCode"],
        started=_seconds(state["StartedAt"]) if running else None,
        restarts=attributes["RestartCount"],
    )


def _state(state: dict[str, Any]) -> State:
    """Docker's state in the launcher's words.

    One that waits to be restarted has exited. One that was created only has failed to start, or its
    launcher was killed in between: it isn't going to start by itself.
    """
    if state["Status"] == "paused":
        return "unhealthy"
    if state["Status"] != "running":
        return "exited"
    return _STATES.get(state.get("Health", {}).get("Status", ""), "starting")


def _seconds(stamp: str) -> float:
    """Seconds since the epoch of the engine's time stamps, which have nanoseconds."""
    return datetime.fromisoformat(stamp).timestamp()


def whole_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines of text from pieces that end anywhere."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


@contextmanager
def _explained() -> Iterator[None]:
    """Turns the client library's errors into the launcher's."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except (DockerException, RequestException) as error:
        raise explanation(error) from error


def explanation(error: BaseException) -> LauncherError:
    """Why the engine does not answer, and what to do."""
    text = str(error)
    if "Permission denied" in text:
        return failure(
            "no permission on the Docker socket",
            hint="sudo usermod -aG docker $USER, then log out and in again",
        )
    if any(
        word in text for word in ("No such file or directory", "Connection refused", "Connection aborted")
    ):
        return failure(
            "the Docker daemon does not answer",
            hint="start it: sudo systemctl start docker; or run without it: launcher up --runtime embedded",
        )
    return failure(f"Docker says: {text}", hint="launcher doctor looks at the Docker installation")
