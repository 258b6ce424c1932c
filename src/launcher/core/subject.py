"""What is planned: a profile, its settings and its model."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from launcher.core.companions import ALONE, Companions, beside, drafted, left_out, underived
from launcher.core.errors import LauncherError, misuse
from launcher.core.header import Header, HeaderSource
from launcher.core.ledger import NO_USAGE, Usage
from launcher.core.machine import Headroom, Machine
from launcher.core.memory.projector import projector_usage
from launcher.core.model import Model, features
from launcher.core.options import TRUTHY
from launcher.core.profiles import Profile
from launcher.core.settings import Settings
from launcher.core.settings_reader import read_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a plan says of its model; None is unknown.

    path: below the models folder. file_bytes: all parts on disk. layers: without the output and
    the MTP blocks. features: words for what sets it apart. header: where the facts came from.
    """

    path: str | None
    architecture: str | None = None
    file_bytes: int | None = None
    parameters: int | None = None
    layers: int | None = None
    experts: int | None = None
    experts_used: int | None = None
    features: tuple[str, ...] = ()
    header: HeaderSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model as far as it is known: read once for all profiles and machines.

    model: None when `missing` says why. stale: how the kept header differs from the file that it
    was taken from.
    """

    facts: ModelFacts
    model: Model | None = None
    missing: str | None = None
    stale: str | None = None

    @classmethod
    def of(cls, path: str | None, header: Header, *, stale: str | None = None) -> "KnownModel":
        """The model in `header`."""
        try:
            model, missing = Model.of(header), None
        except LauncherError as error:
            model, missing = None, error.problems[0].what
        return cls(facts=_facts(path, header, model), model=model, missing=missing, stale=stale)

    @classmethod
    def without_header(cls, path: str | None, missing: str) -> "KnownModel":
        """A model of which nothing is known, and why."""
        return cls(facts=ModelFacts(path=path), missing=missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A profile ready to be planned."""

    profile: Profile
    settings: Settings
    known: KnownModel
    companions: Companions = ALONE

    @classmethod
    def of(cls, profile: Profile, known: KnownModel, companions: Companions = ALONE) -> "Subject":
        """Raises UsageError for settings that llama-server would refuse."""
        settings = read_settings(profile.environment, profile.command)
        beside = replace(
            settings,
            projector=projector_usage(companions.projector, flash=settings.flash_attention != "off"),
            drafting=replace(settings.drafting, model=companions.draft),
        )
        return cls(profile=profile, settings=beside, known=known, companions=companions)

    @property
    def missing(self) -> str | None:
        """The fact without which there is no plan."""
        drafting = underived(self.settings.drafting, self.known.model)
        return self.known.missing or self.companions.missing or drafting

    @property
    def context_shift(self) -> bool:
        """The profile turns context shift on."""
        switched = self.profile.environment.get("LLAMA_ARG_CONTEXT_SHIFT", "off").lower() in TRUTHY
        return switched or "--context-shift" in self.profile.command

    def on(self, machine: Machine) -> Machine:
        """What the engine's dry run has of `machine`: less than is free where it leaves something out."""
        return beside(self.seen(machine), self.claims(machine))

    def seen(self, machine: Machine) -> Machine:
        """`machine` with the headroom and the memory limit that the profile sets.

        The embedded server sees no GPUs, and has no container. Raises UsageError for a MAIN_GPU that
        the machine lacks, where that is the only one to be used: the server would not load.
        """
        profile, given = self.profile, machine.headroom
        compute = given.compute if profile.headroom_compute is None else profile.headroom_compute
        display = given.display if profile.headroom_display is None else profile.headroom_display
        headroom = Headroom(compute=compute, display=display)
        if profile.runtime == "embedded":
            return replace(machine, gpus=(), headroom=headroom)
        main, count = self.settings.main_gpu, len(machine.gpus)
        if self.settings.split_mode == "none" and 0 < count <= main:
            raise misuse(f"no GPU {main} on {machine.name}, which has {count}", where="MAIN_GPU")
        return replace(machine, host_limit=profile.memory_limit, headroom=headroom)

    def drafted(self, machine: Machine) -> tuple[Usage, ...]:
        """What drafting takes on each GPU, and last on the host."""
        return self._beside(drafted, machine)

    def left_out(self, machine: Machine) -> tuple[Usage, ...]:
        """What the engine's dry run doesn't count, on each GPU and last on the host."""
        return self._beside(left_out, machine)

    def _beside(
        self, taken: Callable[[Model, Settings, Machine], tuple[Usage, ...]], machine: Machine
    ) -> tuple[Usage, ...]:
        seen, settings = self.seen(machine), self.settings
        if self.known.model is None or not (settings.drafting.active or settings.projector.total):
            return (NO_USAGE,) * (len(seen.gpus) + 1)
        return taken(self.known.model, settings, seen)

    def claims(self, machine: Machine) -> tuple[int, ...]:
        """Bytes that it leaves out on each GPU."""
        return tuple(usage.total for usage in self.left_out(machine)[:-1])


def _facts(path: str | None, header: Header, model: Model | None) -> ModelFacts:
    return ModelFacts(
        path=path,
        architecture=header.architecture,
        file_bytes=header.file_bytes,
        parameters=sum(tensor.elements for tensor in header.tensors),
        layers=model.n_layer if model else None,
        experts=model.experts if model else None,
        experts_used=model.experts_used if model else None,
        features=features(model) if model else (),
        header=header.source,
    )
