"""Plans from profiles, headers and machines; each model is read once, however many plans need it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from launcher.core.advice import Advice, advise, largest_context, trial
from launcher.core.assessment import assess
from launcher.core.companions import Companions
from launcher.core.errors import LauncherError, failure
from launcher.core.fit import Placement
from launcher.core.header import Header, TensorTypes
from launcher.core.machine import Machine
from launcher.core.model import Model
from launcher.core.plan import Plan, plan
from launcher.core.profiles import Profile
from launcher.core.snapshot import matches
from launcher.core.subject import KnownModel, Subject

if TYPE_CHECKING:
    from launcher.workflow.engine import Engine

Resolve = Callable[[str, Machine | None], Profile]
"""A profile by name, for a machine; raises UsageError with all that is wrong with it."""


DOWNLOADED = ("LLAMA_ARG_SPEC_DRAFT_HF_REPO", "LLAMA_ARG_MMPROJ_URL")
"""Models beside the profile's own that the launcher never sees."""


class HeaderStore(Protocol):
    """Where headers are found; a model is a path below the models folder, or a URL."""

    def find(self, model: str) -> Header: ...

    def snapshot(self, model: str) -> Header | None: ...


class Models:
    """What is known of each model, read when it is first asked for."""

    def __init__(self, headers: HeaderStore) -> None:
        self._headers = headers
        self._known: dict[str, KnownModel] = {}

    def of(self, profile: Profile) -> KnownModel:
        """The model of `profile`; one that can't be read says why."""
        path = profile.model
        if path is None:
            return KnownModel.without_header(None, "the server itself downloads the model: no header here")
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def beside(self, profile: Profile) -> Companions:
        """The models that `profile` loads beside its own."""
        downloaded = next((name for name in DOWNLOADED if name in profile.environment), None)
        if downloaded:
            return Companions(missing=f"the server itself downloads what {downloaded} names: no header here")
        try:
            projector = None if profile.mmproj is None else self._headers.find(profile.mmproj)
            draft = None if profile.draft_model is None else Model.of(self._headers.find(profile.draft_model))
        except LauncherError as error:
            return Companions(missing=str(error.problems[0].what))
        return Companions(projector=projector, draft=draft)

    def _read(self, path: str) -> KnownModel:
        try:
            header = self._headers.find(path)
            kept = self._headers.snapshot(path) if header.source == "file" else None
        except LauncherError as error:
            return KnownModel.without_header(path, str(error.problems[0].what))
        stale = None if kept is None or matches(kept, header) else _difference(kept, header)
        return KnownModel.of(path, header, stale=stale)


def _difference(kept: Header, header: Header) -> str:
    if kept.file_bytes != header.file_bytes:
        return f"it was taken of {kept.file_bytes:,} bytes, the file has {header.file_bytes:,}"
    return "tensors or metadata differ"


def subject_of(profile: Profile, models: Models) -> Subject:
    """`profile` with what is known of its models. Raises UsageError for settings that make no sense."""
    return Subject.of(profile, models.of(profile), models.beside(profile))


def plan_profile(profile: Profile, models: Models, machine: Machine) -> Plan:
    """The plan of one profile on one machine. Raises UsageError for settings that make no sense."""
    return plan(subject_of(profile, models), machine)


def plan_by_engine(subject: Subject, machine: Machine, engine: "Engine") -> Plan:
    """The plan with the figures of `engine`. Raises LauncherError where it can't be asked."""
    return plan(subject, machine, ask=partial(_ask, engine, subject.companions.known))


def _ask(
    engine: "Engine",
    counted: frozenset[str],
    model: Model,
    environment: Mapping[str, str],
    command: tuple[str, ...],
    machine: Machine,
) -> Placement:
    from launcher.workflow.engine import ask_engine

    return ask_engine(engine, model.header, environment, command, machine, counted).placement


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans profiles by name."""

    resolve: Resolve
    models: Models

    def subject(self, name: str, machine: Machine) -> Subject:
        """Raises UsageError for a profile or settings that make no sense."""
        profile = self.resolve(name, machine)
        return subject_of(profile, self.models)

    def plan(self, name: str, machine: Machine, engine: "Engine | None" = None) -> Plan:
        """The plan of a profile; with the figures of `engine` where one is given."""
        if engine is not None:
            return plan_by_engine(self.subject(name, machine), machine, engine)
        return plan_profile(self.resolve(name, machine), self.models, machine)

    def advice(self, name: str, machine: Machine, types: TensorTypes) -> tuple[Advice, ...]:
        """What would help; nothing where a fact is missing, as there is no plan then."""
        about = self.subject(name, machine)
        model, seen = about.known.model, about.seen(machine)
        if model is None or about.missing:
            return ()
        return advise(assess(about.settings, model, seen), model, seen, types)

    def max_context(self, name: str, machine: Machine) -> int | None:
        """The largest context (tokens) with all layers on the GPUs; None if there is none.

        Raises LauncherError where a fact is missing, as there is no plan then.
        """
        about = self.subject(name, machine)
        model = about.known.model
        if model is None or about.missing:
            raise failure(about.missing or "the model is not known", where=f"[{name}]")
        return largest_context(about.settings, model, trial(model, about.seen(machine)))
