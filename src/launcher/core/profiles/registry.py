"""models.conf as a whole: its profiles by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from launcher.core.errors import Problem, UsageError
from launcher.core.machine import Machine
from launcher.core.profiles.grammar import DEFAULTS, Document, Section, read
from launcher.core.profiles.layers import merge, with_known_keys
from launcher.core.profiles.resolve import Resolution
from launcher.core.profiles.values import Profile, Sampler


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """models.conf as read. `problems` are those of its form and its keys; `validate` finds the others."""

    document: Document

    @property
    def path(self) -> str:
        return self.document.path

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.document.problems

    def names(self, *, include_retired: bool = False) -> tuple[str, ...]:
        """The profiles in the order of the file."""
        return tuple(
            name
            for name, section in self.document.sections.items()
            if name != DEFAULTS and (include_retired or not _is_retired(section))
        )

    def resolve(
        self,
        name: str,
        *,
        samplers: Mapping[str, Sampler],
        machine: Machine | None = None,
        partial: bool = False,
    ) -> Profile:
        """The profile; raises UsageError with everything that is wrong with it.

        partial: without a machine, leave out the values whose template needs one; they stand in
        `settings` as they are written.
        """
        self.section(name)
        layers = merge(self.document, name)
        resolution = Resolution(self.document, layers, samplers, machine, lenient=partial)
        profile = resolution.run()
        if profile is None:
            raise UsageError(*resolution.problems)
        return profile

    def section(self, name: str) -> Section:
        """The section of a profile; raises UsageError with the nearest name when there is none."""
        if name == DEFAULTS or name not in self.document.sections:
            raise UsageError(self._no_such(name))
        return self.document.sections[name]

    def _no_such(self, name: str) -> Problem:
        near = get_close_matches(name, self.names(include_retired=True), n=1)
        hint = f"did you mean {near[0]}?" if near else "launcher list --all shows the profiles"
        return Problem(where=self.path, what=f"no profile {name!r}", hint=hint, path=self.path)


def parse(text: str, path: str) -> Registry:
    """Read models.conf; `path` is only for messages. Never raises: see Registry.problems."""
    return Registry(document=with_known_keys(read(text, path)))


def _is_retired(section: Section) -> bool:
    status = section.entries.get("STATUS")
    return status is not None and status.value == "retired"
