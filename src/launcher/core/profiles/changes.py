"""Settings tried out for one command, without changing models.conf."""

from collections.abc import Mapping
from dataclasses import replace

from launcher.core.errors import UsageError
from launcher.core.profiles.grammar import Entry
from launcher.core.profiles.keys import canonical
from launcher.core.profiles.layers import with_known_keys
from launcher.core.profiles.registry import Registry


def with_changes(registry: Registry, name: str, changes: Mapping[str, str]) -> Registry:
    """`registry` as if these keys stood in the section of profile `name`; an empty value drops one.

    Raises UsageError for a key that isn't known; values are checked when the profile is resolved. A
    name that isn't there is left for that, too.
    """
    section = registry.document.sections.get(name)
    if section is None:
        return registry
    given = {canonical(key): value for key, value in changes.items()}
    kept = {key: entry for key, entry in section.entries.items() if canonical(key) not in given}
    added = {key: Entry(key=key, value=value, line=section.line) for key, value in given.items()}
    sections = {**registry.document.sections, name: replace(section, entries={**kept, **added})}
    changed = with_known_keys(replace(registry.document, sections=sections, problems=()))
    if changed.problems:
        raise UsageError(*changed.problems)
    return Registry(document=changed)
