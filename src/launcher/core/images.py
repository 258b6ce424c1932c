"""images.lock: which images, to the byte, servers are started from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from launcher.core.errors import misuse
from launcher.core.machine import Machine
from launcher.core.profiles import Profile
from launcher.core.visibility import official_image

NAME = "images.lock"
SCHEMA = "launcher.images/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """An image by its digest in the registry (``REPOSITORY@sha256:...``).

    fallback: the one before it, for ``update --rollback``.
    """

    digest: str
    fallback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Pins by the name that profiles give the image."""

    pins: Mapping[str, Pin] = field(default_factory=dict)

    def image(self, name: str) -> str:
        """What a server is started from: the pinned image, else what the name stands for today."""
        return self.pins[name].digest if name in self.pins else name

    def moved(self, name: str, digest: str, before: str | None) -> "Lock":
        """The lock with `name` pinned to `digest`. before: to fall back to, when nothing was pinned."""
        fallback = self.pins[name].digest if name in self.pins else before
        return Lock(pins={**self.pins, name: Pin(digest=digest, fallback=fallback)})

    def rolled_back(self) -> "Lock":
        """The lock with every image that has a fallback exchanged with it; twice is where it was.

        Raises UsageError when there is none to fall back to.
        """
        back = {
            name: Pin(digest=pin.fallback, fallback=pin.digest)
            for name, pin in self.pins.items()
            if pin.fallback
        }
        if not back:
            raise misuse("no image to fall back to", where=NAME, hint="launcher update makes one")
        return Lock(pins={**self.pins, **back})


def wanted_image(profile: Profile, machine: Machine) -> str | None:
    """The name of the image that `profile` is started from; None for the embedded server."""
    if profile.runtime == "embedded":
        return None
    return profile.image or official_image(machine.gpus)


def parse_lock(text: str, where: str) -> Lock:
    """The lock that `lock_text` wrote; raises UsageError on anything else."""
    try:
        told = json.loads(text)
        if told["schema"] != SCHEMA:
            raise ValueError(f"expected schema {SCHEMA}")
        return Lock(pins={str(name): Pin(**pin) for name, pin in told["images"].items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise misuse(
            f"is not a lock of images ({error})",
            where=where,
            hint="restore it from git, or delete it: the names in the profiles count then",
        ) from error


def lock_text(lock: Lock) -> str:
    images = {name: asdict(pin) for name, pin in sorted(lock.pins.items())}
    return json.dumps({"schema": SCHEMA, "images": images}, indent=2) + "\n"
