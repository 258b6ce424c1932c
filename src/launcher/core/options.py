"""Options of llama-server: which there are, and what their values look like."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from launcher.core.llama_options import ROWS, Kind

PREFIX = "LLAMA_ARG_"
TRUTHY = ("on", "enabled", "true", "1")
FALSY = ("off", "disabled", "false", "0")

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INT_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """An option of llama-server; there is one object of each. Fields as in a row of llama_options.

    env: its variable, None where there is none. off: flags that negate it. many: a comma-separated
    list. words: accepted words of an enum; of a number, words that may stand in its place. refused:
    those of -2 (for it and all below), -1 and 0 that a number may not be. placeholder: what
    ``--help`` writes for the value.
    """

    env: str | None
    flags: tuple[str, ...]
    off: tuple[str, ...]
    kind: Kind
    many: bool
    words: tuple[str, ...]
    refused: tuple[int, ...]
    placeholder: str | None

    @property
    def key(self) -> str | None:
        """Its name in models.conf: the variable without LLAMA_ARG_."""
        return self.env.removeprefix(PREFIX) if self.env else None

    @property
    def name(self) -> str:
        """Its longest flag, by which messages call it."""
        return max(self.flags, key=len)

    @property
    def arity(self) -> int:
        """How many words follow the flag on a command line."""
        return {"flag": 0, "bool": 0, "action": 0, "pair": 2}.get(self.kind, 1)

    @property
    def usual(self) -> tuple[str, ...]:
        """`words` without the synonyms of on, off and auto."""
        synonyms = ("enabled", "true", "1", "disabled", "false", "0", "-1")
        return tuple(word for word in self.words if word not in synonyms)

    @property
    def bounds(self) -> str:
        """What `refused` means, in words: " of at least 1"."""
        if {-2, -1, 0} <= set(self.refused):
            return " of at least 1" if self.kind == "int" else " greater than 0"
        least = next((n for n in (0, -1) if {*range(-2, n)} <= set(self.refused)), None)
        words = f" of at least {least}" if least is not None and -2 in self.refused else ""
        return f"{words} other than 0" if 0 in self.refused else words

    def expected(self, value: str) -> str | None:
        """What `value` should have been; None when llama-server takes it."""
        return _expected(self, value)


@lru_cache(maxsize=4096)
def _expected(option: Option, value: str) -> str | None:
    if option.kind in ("flag", "bool"):
        return None if value in TRUTHY + FALSY else "on or off"
    parts = value.split(",") if option.many else (value,)
    return next((wrong for part in parts if (wrong := _expected_part(option, part))), None)


def _expected_part(option: Option, value: str) -> str | None:
    match option.kind:
        case "int":
            return _expected_integer(option, value)
        case "float":
            return _expected_number(option, value)
        case "enum":
            return None if value in option.words else _listed(option, f"one of {', '.join(option.usual)}")
        case "json":
            return None if _is_json(value) else "JSON"
    return None


def _expected_integer(option: Option, value: str) -> str | None:
    if value in option.words:
        return None
    good = _INTEGER.fullmatch(value) and abs(int(value)) <= _INT_MAX and not _refused(option, int(value))
    return None if good else _listed(option, " or ".join([f"an integer{option.bounds}", *option.words]))


def _expected_number(option: Option, value: str) -> str | None:
    good = _NUMBER.fullmatch(value) and not _refused(option, float(value))
    return None if good else _listed(option, f"a number{option.bounds}")


def _refused(option: Option, number: float) -> bool:
    return number <= 0 and max(math.floor(number), -2) in option.refused


def _listed(option: Option, expected: str) -> str:
    return f"{expected}, or a comma-separated list of that" if option.many else expected


def _is_json(value: str) -> bool:
    import json

    try:
        json.loads(value)
    except ValueError:
        return False
    return True


OPTIONS = tuple(Option(*row) for row in ROWS)
BY_FLAG = {flag: option for option in OPTIONS for flag in option.flags + option.off}
BY_KEY = {option.key: option for option in OPTIONS if option.key}


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A flag on a command line with the words that follow it; option is None for an unknown flag."""

    flag: str
    values: tuple[str, ...]
    option: Option | None

    @property
    def words(self) -> tuple[str, ...]:
        return (self.flag, *self.values)


def find(flag: str) -> Option | None:
    """The option that a flag names; llama-server takes ``_`` for ``-`` in long flags."""
    return BY_FLAG.get(flag.replace("_", "-") if flag.startswith("--") else flag)


def arguments(words: Sequence[str]) -> Iterator[Argument]:
    """Group the words of a command line by flag, as llama-server reads them.

    A flag that isn't known takes all words up to the next that starts with a dash and is no number.
    """
    rest = list(words)
    while rest:
        flag = rest.pop(0)
        option = find(flag)
        taken = option.arity if option else _values_ahead(rest)
        yield Argument(flag=flag, values=tuple(rest[:taken]), option=option)
        del rest[:taken]


def _values_ahead(words: Sequence[str]) -> int:
    flags = (i for i, word in enumerate(words) if word.startswith("-") and not _NUMBER.fullmatch(word))
    return next(flags, len(words))
