"""EXTRA_ARGS and samplers: words for llama-server's command line, checked as the server would."""

import shlex
from difflib import get_close_matches

from launcher.core.options import BY_FLAG, Argument, Option, arguments
from launcher.core.profiles.keys import RESERVED
from launcher.core.profiles.values import Sampler

Complaint = tuple[str, str | None]  # what is wrong, and the next step

SLIP = 0.8  # likeness (difflib) from which an unknown flag is taken for a slip of the pen
_KEYS_ONLY = ("MODEL", "MMPROJ", "SPEC_DRAFT_MODEL", "API_KEY_FILE")  # files that the container must see


def split(value: str) -> tuple[str, ...]:
    """The words of EXTRA_ARGS by the POSIX rules of quoting; raises ValueError on an open quote."""
    return tuple(shlex.split(value))


def complaints(words: tuple[str, ...], *, own_image: bool) -> list[Complaint]:
    """What llama-server would refuse. With an image of one's own, not even slips are."""
    found = []
    for argument in arguments(words):
        complaint = _complaint(argument, own_image)
        if complaint:
            found.append(complaint)
    return found


def _complaint(argument: Argument, own_image: bool) -> Complaint | None:
    flag, option = argument.flag, argument.option
    if option is None:
        return _unknown(flag, own_image)
    if reserved := _reserved(option):
        return f"{flag}: {reserved[0]}", reserved[1]
    if option.kind == "action":
        return f"{flag}: makes llama-server print and exit", "remove it"
    if option.kind == "removed":
        return f"{flag}: llama-server has removed this option", "see its --help for what took its place"
    if len(argument.values) < option.arity:
        return f"{flag}: expected {option.placeholder} after it, got nothing", None
    wrong = option.expected(argument.values[0]) if option.arity == 1 else None
    return (f"{flag}: expected {wrong}, got {argument.values[0]!r}", None) if wrong else None


def _reserved(option: Option) -> Complaint | None:
    key = option.key or ""
    if key in _KEYS_ONLY:
        return "the launcher sets this", f"set the key {key}"
    return RESERVED.get(key)


def _unknown(flag: str, own_image: bool) -> Complaint | None:
    """A flag that this build doesn't know is taken on trust, unless it looks like a slip: newer
    builds have new flags, and what the server refuses is told when it starts."""
    if not flag.startswith("-"):
        return f"{flag!r} belongs to no flag", "quote a value that has blanks in it"
    if own_image:
        return None
    name, equals, value = flag.partition("=")
    if equals and name in BY_FLAG:
        return f"{flag}: llama-server takes the value as a word of its own", f"write {name} {value}"
    near = get_close_matches(flag, BY_FLAG, n=1, cutoff=SLIP)
    if not near:
        return None
    return f"{flag}: llama-server has no such option", f"did you mean {near[0]}?"


def sampler_words(flag: str, value: str | None) -> tuple[str, ...]:
    """A sampler's flag as words of the command line."""
    return (flag,) if value is None else (flag, value)


def read_samplers(document: object) -> tuple[dict[str, Sampler], list[tuple[str, str, str | None]]]:
    """Samplers by name from the content of samplers.yml, and (sampler, what, hint) of each problem.

    The content is a mapping of names to mappings of llama-server's flags, without their dashes, to
    values; ``true`` gives the bare flag.
    """
    samplers: dict[str, Sampler] = {}
    wrong: list[tuple[str, str, str | None]] = []
    if document is None:
        return samplers, wrong
    if not isinstance(document, dict):
        return samplers, [("", "expected a mapping of names to flags", None)]
    for name, flags in document.items():
        if not isinstance(flags, dict):
            wrong.append((str(name), "expected a mapping of flags to values", None))
            continue
        pairs = tuple((f"--{flag}", None if value is True else str(value)) for flag, value in flags.items())
        samplers[str(name)] = Sampler(name=str(name), flags=pairs)
        words = tuple(word for pair in pairs for word in sampler_words(*pair))
        wrong += [(str(name), *complaint) for complaint in complaints(words, own_image=False)]
    return samplers, wrong
