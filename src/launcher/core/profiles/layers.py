"""Which value of a key a profile gets: defaults, then its parents, then its own section."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from launcher.core.errors import Problem
from launcher.core.profiles.grammar import DEFAULTS, Document, Entry, Section, problem
from launcher.core.profiles.keys import KEYS, canonical, unknown
from launcher.core.profiles.values import Setting

OWN_ONLY = ("NAME", "DESCRIPTION", "STATUS", "EXTENDS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A setting and the place that gave it. spelled: the key as written there. depth: 0 is [*]; the
    profile's own section is deepest."""

    setting: Setting
    section: str
    spelled: str
    depth: int

    @property
    def value(self) -> str:
        return self.setting.value


@dataclass(slots=True)
class Layers:
    """The values of one profile before templates, and what is wrong with its parents.

    orphaned: a parent is missing, so that values are missing too.
    """

    document: Document
    name: str
    placed: dict[str, Placed] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    orphaned: bool = False

    def complain(self, section: str, entry: Entry, what: str, hint: str | None = None) -> None:
        path = self.document.path
        self.problems.append(problem(path, entry.line, section, entry.key, what, hint=hint))

    def merge(self) -> None:
        """Fill `placed` from the farthest layer to the nearest."""
        chain = self._chain()
        for depth, section in enumerate(reversed([*chain, *self._defaults()])):
            for key, entry in section.entries.items():
                self._place(key, entry, section, depth)

    def _place(self, key: str, entry: Entry, section: Section, depth: int) -> None:
        if key in OWN_ONLY and section.name != self.name:
            return
        if not entry.value:
            self.placed.pop(key, None)
            return
        setting = Setting(key=key, value=entry.value, origin=self._origin(section), line=entry.line)
        self.placed[key] = Placed(setting=setting, section=section.name, spelled=entry.key, depth=depth)

    def _origin(self, section: Section) -> str:
        if section.name == self.name:
            return "profile"
        return "defaults" if section.name == DEFAULTS else f"parent {section.name}"

    def _defaults(self) -> list[Section]:
        section = self.document.sections.get(DEFAULTS)
        return [section] if section else []

    def _chain(self) -> list[Section]:
        """The profile's section and its parents, nearest first, as far as they can be followed."""
        sections = self.document.sections
        chain = [sections[self.name]]
        while (entry := chain[-1].entries.get("EXTENDS")) and entry.value:
            parent = sections.get(entry.value)
            if parent is None or parent.name == DEFAULTS:
                self._orphan(chain[-1], entry, *self._no_parent(entry.value))
                break
            if parent in chain:
                circle = " -> ".join(section.name for section in [*chain[chain.index(parent) :], parent])
                self._orphan(chain[-1], entry, f"goes in a circle: {circle}", "remove one EXTENDS")
                break
            chain.append(parent)
        return chain

    def _orphan(self, section: Section, entry: Entry, what: str, hint: str) -> None:
        self.orphaned = True
        self.complain(section.name, entry, what, hint)

    def _no_parent(self, name: str) -> tuple[str, str]:
        if name == DEFAULTS:
            return "expected a profile", f"every profile has the defaults of [{DEFAULTS}] already"
        near = get_close_matches(name, self.document.sections, n=1)
        hint = f"did you mean {near[0]}?" if near else "launcher list --all shows the profiles"
        return f"no profile {name!r}", hint


def merge(document: Document, name: str) -> Layers:
    """The layers of a profile that exists, merged."""
    layers = Layers(document, name)
    layers.merge()
    return layers


def with_known_keys(document: Document) -> Document:
    """The document with its entries by present spelling of their key, and complaints of the others."""
    problems = list(document.problems)
    sections = {
        name: replace(section, entries=_known(document.path, section, problems))
        for name, section in document.sections.items()
    }
    return Document(path=document.path, sections=sections, problems=tuple(problems))


def _known(path: str, section: Section, problems: list[Problem]) -> Mapping[str, Entry]:
    known: dict[str, Entry] = {}
    for entry in section.entries.values():
        key = canonical(entry.key)
        if complaint := _complaint(section, key, entry, known.get(key)):
            what, hint = complaint
            problems.append(problem(path, entry.line, section.name, entry.key, what, hint=hint))
        else:
            known[key] = entry
    return known


def _complaint(section: Section, key: str, entry: Entry, first: Entry | None) -> tuple[str, str] | None:
    """(what is wrong, hint) of an entry; `first` is an earlier one of the same key."""
    if key not in KEYS:
        return unknown(entry.key)
    if section.name == DEFAULTS and key in OWN_ONLY:
        return "belongs to one profile", "move it to that profile's section"
    if first:
        return f"set twice; {first.key} on line {first.line} is the same", "keep one of the two"
    return None
