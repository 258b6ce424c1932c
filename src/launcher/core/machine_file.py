"""Machine files (profiles/machines/NAME.yml): the form in which a machine is kept and shared."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar, get_args

from launcher.core.errors import Problem, UsageError
from launcher.core.machine import Gpu, Headroom, Machine, Role, Vendor
from launcher.core.units import parse_size

T = TypeVar("T")
Parse = Callable[[object], T]

KEYS = ("name", "host", "gpus", "headroom")
HOST_KEYS = ("memory", "free")
HEADROOM_KEYS = ("compute", "display")
GPU_KEYS = (
    "name", "vendor", "total", "free", "compute_capability", "role",
    "multiprocessors", "bandwidth", "uuid", "pci", "margin",
)  # fmt: skip

ROLES: tuple[Role, ...] = get_args(Role)
VENDORS: tuple[Vendor, ...] = get_args(Vendor)

MACHINE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_CAPABILITY = re.compile(r"[1-9]\d*\.\d")
_PCI = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_UUID = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]*")


def parse_machine(content: object, path: str) -> Machine:
    """The machine that a loaded machine file describes.

    Raises UsageError with every problem, each naming the file and the key.
    """
    file = _Table(path=path, place="", content=content, keys=KEYS)
    name, gpus = file.take("name", _machine_name, ""), _gpus(file)
    memory, free = _host(file.table("host", HOST_KEYS))
    headroom = _headroom(file.table("headroom", HEADROOM_KEYS))
    machine = Machine(name=name, gpus=gpus, host_memory=memory, host_free=free, headroom=headroom)
    if file.problems:
        raise UsageError(*file.problems)
    return machine


@dataclass
class _Table:
    """One mapping of the file; what is wrong with it joins `problems`."""

    path: str
    place: str
    content: object
    keys: tuple[str, ...]
    problems: list[Problem] = field(default_factory=list)
    values: Mapping[object, object] = field(init=False)

    def __post_init__(self) -> None:
        self.values = self.content if isinstance(self.content, Mapping) else {}
        if not isinstance(self.content, Mapping):
            self.wrong("", f"expected a mapping with the keys {', '.join(self.keys)}")
        for key in self.values:
            if key not in self.keys:
                near = get_close_matches(str(key), self.keys, n=1)
                hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(self.keys)}"
                self.wrong(str(key), "unknown key", hint)

    def wrong(self, key: str, what: str, hint: str | None = None) -> None:
        place = ".".join(filter(None, (self.place, key)))
        where = f"{self.path}: {place}" if place else self.path
        self.problems.append(Problem(where=where, what=what, hint=hint, path=self.path))

    def take(self, key: str, parse: Parse[T], default: T) -> T:
        """The value of a key that must be there; `default` stands in for one that is wrong."""
        if key not in self.values:
            if isinstance(self.content, Mapping):
                self.wrong(key, "is missing")
            return default
        return self._parsed(key, parse, default)

    def optional(self, key: str, parse: Parse[T], default: T) -> T:
        return self._parsed(key, parse, default) if key in self.values else default

    def table(self, key: str, keys: tuple[str, ...]) -> "_Table":
        """The mapping under a key, empty without the key."""
        return self.nested(key, self.values.get(key, {}), keys)

    def nested(self, place: str, content: object, keys: tuple[str, ...]) -> "_Table":
        return _Table(path=self.path, place=place, content=content, keys=keys, problems=self.problems)

    def _parsed(self, key: str, parse: Parse[T], default: T) -> T:
        try:
            return parse(self.values[key])
        except ValueError as error:
            self.wrong(key, str(error))
            return default


def _host(table: _Table) -> tuple[int | None, int | None]:
    """Host memory, and how much of it is free."""
    memory = table.optional("memory", _size, None)
    free = table.optional("free", _size, None)
    if memory is not None and free is not None and free > memory:
        table.wrong("free", "is more than memory")
    return memory, free


def _headroom(table: _Table) -> Headroom:
    default = Headroom()
    return Headroom(
        compute=table.optional("compute", _bytes, default.compute),
        display=table.optional("display", _bytes, default.display),
    )


def _gpus(file: _Table) -> tuple[Gpu, ...]:
    nothing: list[object] = []
    listed = file.take("gpus", _list, nothing)
    gpus = tuple(_gpu(file.nested(f"gpus[{index}]", each, GPU_KEYS)) for index, each in enumerate(listed))
    for key in ("uuid", "pci"):
        _refuse_twins(file, key, [getattr(gpu, key) for gpu in gpus])
    return gpus


def _refuse_twins(file: _Table, key: str, values: list[str | None]) -> None:
    for index, value in enumerate(values):
        if value is not None and value in values[:index]:
            file.wrong(f"gpus[{index}].{key}", f"is that of gpus[{values.index(value)}], too: {value}")


def _gpu(table: _Table) -> Gpu:
    total = table.take("total", _positive_bytes, None)
    free = table.take("free", _bytes, 0)
    if total is not None and free > total:
        table.wrong("free", "is more than total")
    return Gpu(
        name=table.take("name", _text, ""),
        vendor=table.optional("vendor", _one_of(VENDORS), "nvidia"),
        total=total or 0,
        free=free,
        role=table.optional("role", _one_of(ROLES), "unknown"),
        compute_capability=table.optional("compute_capability", _capability, None),
        multiprocessors=table.optional("multiprocessors", _count, None),
        bandwidth=table.optional("bandwidth", _bandwidth, None),
        uuid=table.optional("uuid", _uuid, None),
        pci=table.optional("pci", _pci, None),
        margin=table.optional("margin", _size, None),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"expected text, got {value!r}")
    return value


def _machine_name(value: object) -> str:
    if not isinstance(value, str) or not MACHINE_NAME.fullmatch(value):
        raise ValueError(f"expected a word of letters, digits, '.', '_', '+' and '-', got {value!r}")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("expected a list of GPUs; gpus: [] is a machine without one")
    return value


def _bytes(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError(f"expected a size with a unit, such as 23600MiB or 64GiB, got {value!r}")
    return parse_size(value)


def _size(value: object) -> int | None:
    return _bytes(value)


def _positive_bytes(value: object) -> int | None:
    amount = _bytes(value)
    if not amount:
        raise ValueError("expected more than 0")
    return amount


def _bandwidth(value: object) -> int | None:
    if not isinstance(value, str) or not value.endswith("/s"):
        raise ValueError(f"expected a size per second, such as 1008GB/s, got {value!r}")
    return _positive_bytes(value.removesuffix("/s"))


def _count(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"expected an integer from 1, got {value!r}")
    return value


def _quoted(value: object, pattern: re.Pattern[str], example: str) -> str:
    """Text of a form that YAML would take for a number if it weren't quoted."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f'expected "{example}" or the like, in quotes, got {value!r}')
    return value


def _capability(value: object) -> str | None:
    return _quoted(value, _CAPABILITY, "8.9")


def _pci(value: object) -> str | None:
    return _quoted(value, _PCI, "0000:01:00.0")


def _uuid(value: object) -> str | None:
    return _quoted(value, _UUID, "GPU-1a2b3c4d-...")


def _one_of(words: tuple[T, ...]) -> Parse[T]:
    def parse(value: object) -> T:
        for word in words:
            if value == word:
                return word
        raise ValueError(f"expected one of {', '.join(map(str, words))}, got {value!r}")

    return parse
