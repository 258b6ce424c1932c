"""Everything that is wrong with a models.conf and its samplers, at once."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from launcher.core.errors import Problem
from launcher.core.machine import Machine
from launcher.core.profiles.command import read_samplers
from launcher.core.profiles.grammar import problem
from launcher.core.profiles.keys import names
from launcher.core.profiles.layers import Layers, Placed, merge
from launcher.core.profiles.registry import Registry
from launcher.core.profiles.resolve import Resolution
from launcher.core.profiles.templates import is_template
from launcher.core.profiles.values import Sampler


def parse_samplers(document: object, path: str) -> tuple[Mapping[str, Sampler], tuple[Problem, ...]]:
    """Samplers by name from the content of profiles/samplers.yml, and what is wrong with it."""
    samplers, wrong = read_samplers(document)
    found = tuple(problem(path, None, name or None, None, what, hint=hint) for name, what, hint in wrong)
    return samplers, found


def validate(
    registry: Registry, samplers: Mapping[str, Sampler], machines: Sequence[Machine] = ()
) -> list[Problem]:
    """Every problem of the file, by line. Templates are tried for each machine that a profile is for."""
    known = {machine.name: machine for machine in machines}
    found = list(registry.problems)
    for name in registry.names(include_retired=True):
        found += _problems_of(registry, name, samplers, known)
    return sorted(dict.fromkeys(found), key=lambda problem: problem.line or 0)


def _problems_of(
    registry: Registry, name: str, samplers: Mapping[str, Sampler], known: Mapping[str, Machine]
) -> Iterator[Problem]:
    layers = merge(registry.document, name)
    meant = layers.placed.get("MACHINES")
    if meant and known and not is_template(meant.value):
        yield from _unknown_machines(registry.path, meant, known)
    for machine in _targets(layers, known):
        resolution = Resolution(registry.document, layers, samplers, machine, lenient=machine is None)
        resolution.check()
        yield from resolution.problems


def _targets(layers: Layers, known: Mapping[str, Machine]) -> Sequence[Machine | None]:
    """The machines on which a profile may come out differently; None is any."""
    if not any(is_template(placed.value) for placed in layers.placed.values()):
        return [None]
    meant = layers.placed.get("MACHINES")
    wanted = names(meant.value) if meant else tuple(known)
    return [known[name] for name in wanted if name in known] or [None]


def _unknown_machines(path: str, meant: Placed, known: Mapping[str, Machine]) -> Iterator[Problem]:
    for name in names(meant.value):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "launcher detect --write NAME makes one"
            what = f"no machine {name!r} under profiles/machines/"
            yield problem(path, meant.setting.line, meant.section, meant.spelled, what, hint=hint)
