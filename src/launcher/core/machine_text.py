"""A machine as the text of a machine file."""

import re
from collections.abc import Iterator, Mapping

from launcher.core.machine import Gpu, Machine
from launcher.core.units import GIB, mib_down, mib_up

_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9 _./()-]*[A-Za-z0-9)])?")
_NOT_TEXT = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
"""Words that YAML 1.1 does not take for text."""


def machine_text(machine: Machine) -> str:
    """The text of the machine's file; parse_machine reads it back.

    Supply is rounded down to whole MiB, margins are rounded up, bandwidth is rounded down to MB/s.
    """
    return "\n".join(_lines(machine)) + "\n"


def _lines(machine: Machine) -> Iterator[str]:
    yield f"name: {_scalar(machine.name)}"
    host = {"memory": _supply(machine.host_memory), "free": _supply(machine.host_free)}
    if any(host.values()):
        yield f"host: {_mapping(host)}"
    if machine.gpus:
        yield "gpus:  # in the order that the container sees"
        yield from (f"  - {_mapping(_gpu(gpu))}" for gpu in machine.gpus)
    else:
        yield "gpus: []"
    headroom = {"compute": machine.headroom.compute, "display": machine.headroom.display}
    yield f"headroom: {_mapping({role: _margin(amount) for role, amount in headroom.items()})}"


def _gpu(gpu: Gpu) -> dict[str, str | None]:
    return {
        "name": _scalar(gpu.name),
        "vendor": None if gpu.vendor == "nvidia" else gpu.vendor,
        "total": _supply(gpu.total),
        "free": _supply(gpu.free),
        "compute_capability": _scalar(gpu.compute_capability),
        "role": gpu.role,
        "multiprocessors": None if gpu.multiprocessors is None else str(gpu.multiprocessors),
        "bandwidth": _bandwidth(gpu.bandwidth),
        "uuid": _scalar(gpu.uuid),
        "pci": _scalar(gpu.pci),
        "margin": _margin(gpu.margin),
    }


def _mapping(values: Mapping[str, str | None]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in values.items() if value is not None) + "}"


def _supply(amount: int | None) -> str | None:
    if amount is None:
        return None
    return f"{amount // GIB}GiB" if amount % GIB == 0 else f"{mib_down(amount)}MiB"


def _margin(amount: int | None) -> str | None:
    return None if amount is None else f"{mib_up(amount)}MiB"


def _bandwidth(per_second: int | None) -> str | None:
    if per_second is None:
        return None
    return f"{per_second // 10**9}GB/s" if per_second % 10**9 == 0 else f"{per_second // 10**6}MB/s"


def _scalar(text: str | None) -> str | None:
    """Text as a YAML scalar; quoted where the plain form could be read as something else."""
    if text is None:
        return None
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if " " <= character <= "~" else f"\\U{ord(character):08x}"
