"""One start of a server, as it went."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from launcher.core.images import Lock, wanted_image
from launcher.core.ledger import Ledger
from launcher.core.machine import Machine
from launcher.core.plan import Plan
from launcher.core.profiles import Profile

KEY_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """One prompt and its answer: tokens, and tokens per second."""

    prompt_tokens: int
    answer_tokens: int
    prompt_per_second: float
    answer_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one start of a server showed; unknown is None.

    settings: the `settings_key` it was started with. gpus, gpu_names: keys and names of the GPUs it
    saw, in their order. build: llama.cpp's own words. digest: of the image. at: seconds since the
    epoch. seconds: until it answered. predicted: the plan's ledger. projected: what the engine's own fit
    expected in that start. peak: most bytes in use at once by GPU key, during a bench.
    complete: it became healthy; otherwise `measured` may lack parts.
    """

    profile: str
    plan_hash: str
    settings: str
    machine: str
    gpus: tuple[str, ...] = ()
    gpu_names: tuple[str, ...] = ()
    build: str | None = None
    image: str | None = None
    digest: str | None = None
    at: float
    seconds: float | None = None
    predicted: Ledger | None = None
    projected: Ledger | None = None
    measured: Ledger | None = None
    speeds: tuple[Speed, ...] = ()
    peak: Mapping[str, int] = field(default_factory=dict)
    complete: bool

    def is_of(self, machine: Machine) -> bool:
        """It was on `machine`: the same GPUs by UUID, or a machine of the same name with such GPUs."""
        keys = tuple(gpu.key for gpu in machine.gpus)
        if keys and keys == self.gpus and all(gpu.uuid for gpu in machine.gpus):
            return True
        return self.machine == machine.name and self.gpu_names == tuple(gpu.name for gpu in machine.gpus)


def settings_key(profile: Profile, file_bytes: int | None) -> str:
    """What two starts have in common that must need the same memory on the same machine.

    Unlike the plan's hash it doesn't depend on ports and folders, so that it holds elsewhere.
    profile: with the environment of its plan. file_bytes: of the model.
    """
    facts = [
        profile.runtime,
        profile.model,
        profile.mmproj,
        profile.draft_model,
        file_bytes,
        dict(profile.environment),
        profile.command,
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:KEY_DIGITS]


def measurement(
    records: Iterable[Evidence], lock: Lock, plan: Plan, profile: Profile, machine: Machine
) -> Ledger | None:
    """What the newest whole start with the settings of `plan` on `machine` allocated; None without one.

    Only one from the image that `lock` has now: another engine says nothing of this one. profile: as it
    was planned.
    """
    name = wanted_image(profile, machine)
    image = None if name is None else lock.image(name)
    key = settings_key(replace(profile, environment=plan.environment), plan.model.file_bytes)
    found = [
        record
        for record in records
        if record.complete and record.measured and (record.settings, record.image) == (key, image)
    ]
    same = [record for record in found if record.is_of(machine)]
    return max(same, key=lambda record: record.at).measured if same else None


def newest(records: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Of each profile, plan and machine the last record, in the order in which they were made."""
    last: dict[tuple[str, str, str], Evidence] = {}
    for record in records:
        key = (record.profile, record.plan_hash, record.machine)
        last.pop(key, None)
        last[key] = record
    return tuple(last.values())
