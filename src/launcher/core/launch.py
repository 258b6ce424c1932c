"""A server that was started, as observed and as remembered."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from launcher.core.profiles import RuntimeName
from launcher.core.render import Rendered

State = Literal["starting", "healthy", "unhealthy", "exited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A server that the launcher started, as observed now.

    id: container id, or process id of an embedded one. exit_code: of an exited one.
    started: seconds since the epoch. restarts: times that Compose restarted it.
    """

    id: str
    profile: str
    runtime: RuntimeName
    plan_hash: str
    state: State
    url: str
    image: str | None = None
    exit_code: int | None = None
    started: float | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A server as it was started. free: bytes free by GPU (UUID or name) just before."""

    rendered: Rendered
    free: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the launcher remembers between commands.

    active: the launch that last became healthy and was not taken down. pending: one that was
    begun and neither became healthy nor was undone: what a killed launcher leaves behind.
    """

    active: Launch | None = None
    pending: Launch | None = None

    @property
    def runtimes(self) -> frozenset[RuntimeName]:
        """Where something was started that is not known to be gone."""
        return frozenset(launch.rendered.runtime for launch in (self.active, self.pending) if launch)


def to_json(memory: Memory) -> dict[str, Any]:
    """`memory` as plain JSON values."""
    return asdict(memory)


def from_json(value: Mapping[str, Any]) -> Memory:
    """The Memory that `to_json` wrote; raises KeyError or TypeError on anything else."""
    return Memory(active=_launch(value["active"]), pending=_launch(value["pending"]))


def _launch(value: Mapping[str, Any] | None) -> Launch | None:
    if value is None:
        return None
    rendered = dict(value["rendered"])
    rendered["command"] = tuple(rendered["command"])
    return Launch(rendered=Rendered(**rendered), free=dict(value["free"]))
