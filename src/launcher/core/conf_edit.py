"""Changes to the text of models.conf that keep every comment, every blank line and the order.

Each function takes the whole text, without problems of grammar, and returns the whole text.
ConfigUpdater does the work, set up to the grammar of core/profiles/grammar.py; what results is
validated by whoever asked for it. Comments above a section stay when it is removed: what they say
may concern others.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING

from launcher.core.errors import misuse
from launcher.core.profiles.grammar import COMMENT_MARKS, DEFAULTS, is_name
from launcher.core.profiles.keys import canonical

if TYPE_CHECKING:
    from configupdater import ConfigUpdater, Section

Edit = Callable[[str], str]


def set_values(text: str, profile: str, values: Mapping[str, str]) -> str:
    """Set keys of a section; a key that is there keeps its line and its spelling."""
    conf = _parse(text)
    section = _section(conf, profile)
    for key, value in values.items():
        _set(section, key, value)
    return _line_ends(str(conf), text)


def unset(text: str, profile: str, keys: Sequence[str]) -> str:
    """Remove keys from a section; raises UsageError for one that is not set there."""
    conf = _parse(text)
    section = _section(conf, profile)
    for key in keys:
        present = _spelling(section, key)
        if present is None:
            hint = f"launcher show {profile} tells where its values come from"
            raise misuse("is not set in this section", where=f"[{profile}] {key}", hint=hint)
        del section[present]
    return _line_ends(str(conf), text)


def change(text: str, profile: str, settings: Mapping[str, str | None]) -> str:
    """Set keys of a section, and make sure that the others (None) are not set: they are removed, or get
    an empty value where the profile may inherit them."""
    own = {canonical(key) for key in sections(text).get(profile, {})}
    others = {canonical(key) for name, keys in sections(text).items() if name != profile for key in keys}
    gone = [key for key, value in settings.items() if value is None and key in own - others]
    values = {key: value or "" for key, value in settings.items() if key not in gone}
    return unset(set_values(text, profile, values), profile, gone)


def activate(text: str, profile: str) -> str:
    """Remove STATUS from a section that has it: a profile without one is active."""
    return unset(text, profile, ["STATUS"]) if _spelling(_profile(_parse(text), profile), "STATUS") else text


def copy(text: str, old: str, new: str) -> str:
    """Add a section with the same lines right below the old one."""
    conf = _parse(text)
    above, head, body, below = _around(conf, _profile(conf, old))
    _check_new(conf, new)
    return _line_ends(f"{above}{head}{body}\n[{new}]\n{body}{below}", text)


def rename(text: str, old: str, new: str) -> str:
    """Rename a section, and every EXTENDS that names it."""
    conf = _parse(text)
    section = _profile(conf, old)
    _check_new(conf, new)
    section.name = new
    for child in _children(conf, old):
        child["EXTENDS"].value = new
    return _line_ends(str(conf), text)


def remove(text: str, profile: str) -> str:
    """Remove a section; raises UsageError while others extend it."""
    conf = _parse(text)
    section = _profile(conf, profile)
    children = [child.name for child in _children(conf, profile)]
    if children:
        hint = f"remove those first, or take it out of the list with launcher retire {profile}"
        raise misuse(f"is extended by {', '.join(children)}", where=f"[{profile}]", hint=hint)
    above, _, _, below = _around(conf, section)
    if not above or above.endswith("\n\n"):
        below = below.removeprefix("\n")
    return _line_ends(above + below, text)


def add(text: str, profile: str, values: Mapping[str, str]) -> str:
    """Add a section at the end of the file."""
    conf = _parse(text)
    _check_new(conf, profile)
    lines = "".join(f"{key}={_one_line(key, value)}\n" for key, value in values.items())
    gap = "" if not conf.structure else "\n"
    return _line_ends(f"{conf}{gap}[{profile}]\n{lines}", text)


def sections(text: str) -> dict[str, dict[str, str]]:
    """Keys and values by section, as ConfigUpdater reads them: to hold against the grammar."""
    conf = _parse(text)
    return {
        section.name: {option.key: option.value or "" for option in section.iter_options()}
        for section in conf.iter_sections()
    }


# text and blocks


@lru_cache(maxsize=1)
def _updater_class() -> "type[ConfigUpdater]":
    from configupdater import ConfigUpdater

    class Updater(ConfigUpdater):
        """Keeps the case of keys."""

        def optionxform(self, optionstr: str) -> str:
            return optionstr

    return Updater


def _parse(text: str) -> "ConfigUpdater":
    conf = _updater_class()(
        delimiters=("=",),
        comment_prefixes=COMMENT_MARKS,
        empty_lines_in_values=False,
        space_around_delimiters=False,
    )
    lines = text.replace("\r\n", "\n") if _is_crlf(text) else text
    return conf.read_string(lines if lines.endswith("\n") or not lines else f"{lines}\n")


def _line_ends(after: str, before: str) -> str:
    """`after` with the line ends of the text before."""
    return after.replace("\n", "\r\n") if _is_crlf(before) else after


def _is_crlf(text: str) -> bool:
    return text.count("\r\n") == text.count("\n") > 0


def _around(conf: "ConfigUpdater", section: "Section") -> tuple[str, str, str, str]:
    """(text above, header line, own lines, text below). Comments after the last key are below: they
    may be those of the next section."""
    end = _end(section)
    index = section.container_idx
    head = str(section).partition("\n")[0] + "\n"
    above, below = conf.structure[:index], [*section.structure[end:], *conf.structure[index + 1 :]]
    return _joined(above), head, _joined(section.structure[:end]), _joined(below)


def _joined(blocks: Sequence[object]) -> str:
    return "".join(map(str, blocks))


def _section(conf: "ConfigUpdater", name: str) -> "Section":
    """The section of a profile, or of the defaults."""
    return conf[DEFAULTS] if name == DEFAULTS and DEFAULTS in conf else _profile(conf, name)


def _profile(conf: "ConfigUpdater", name: str) -> "Section":
    names = [section for section in conf.sections() if section != DEFAULTS]
    if name in names:
        return conf[name]
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else "launcher list --all shows the profiles"
    raise misuse(f"no profile {name!r}", hint=hint)


def _children(conf: "ConfigUpdater", name: str) -> list["Section"]:
    return [
        section
        for section in conf.iter_sections()
        if "EXTENDS" in section and section["EXTENDS"].value == name
    ]


def _check_new(conf: "ConfigUpdater", name: str) -> None:
    if not is_name(name) or name == DEFAULTS:
        hint = "a name has letters, digits, '.', '_' and '-', and begins with a letter or a digit"
        raise misuse(f"{name!r} cannot be the name of a profile", hint=hint)
    if name in conf:
        raise misuse(f"there is a profile {name!r} already", hint="choose another name")


def _spelling(section: "Section", key: str) -> str | None:
    """The key as the section spells it, None when it isn't set there."""
    present = (option.key for option in section.iter_options() if canonical(option.key) == canonical(key))
    return next(present, None)


def _set(section: "Section", key: str, value: str) -> None:
    present = _spelling(section, key)
    options = list(section.iter_options())
    if present is not None:
        section[present].value = _one_line(key, value)
    elif options:
        options[-1].add_after.option(key, _one_line(key, value))
    elif section.structure:
        section.structure[0].add_before.option(key, _one_line(key, value))
    else:
        section.set(key, _one_line(key, value))


def _one_line(key: str, value: str) -> str:
    if len(value.splitlines()) > 1:
        raise misuse("a value is one line", where=key)
    return value.strip()


def _end(section: "Section") -> int:
    """How many blocks are the section's own; those after may be the comments of the next one."""
    from configupdater import Comment, Option

    own = [i for i, block in enumerate(section.structure) if isinstance(block, Option)]
    if own:
        return own[-1] + 1
    return 1 if section.structure and isinstance(section.structure[0], Comment) else 0
