"""Jinja2 in values: one profile for several machines. Sandboxed; an unknown name is an error."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from launcher.core.machine import Machine
from launcher.core.profiles.values import Sampler
from launcher.core.units import GIB, MIB

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

MARKS = ("{{", "{%", "{#")


class TemplateValueError(ValueError):
    """A value that can't be rendered; `needs_machine` when only a machine was missing."""

    def __init__(self, what: str, *, needs_machine: bool = False) -> None:
        super().__init__(what)
        self.needs_machine = needs_machine


def is_template(value: str) -> bool:
    return any(mark in value for mark in MARKS)


def context(
    name: str, plain: Mapping[str, str], sampler: Sampler | None, machine: Machine | None
) -> dict[str, Any]:
    """The variables of a template.

    profile: ``profile.name`` and the profile's keys that hold no template themselves. sampler:
    ``sampler.name`` and its flags without dashes, as ``sampler["top-p"]``. machine: ``machine.name``,
    ``machine.gpus`` (each with name, total, free, role, ... in bytes), ``machine.host.memory`` and
    ``machine.host.free``. ``MiB`` and ``GiB`` are numbers of bytes.
    """
    variables: dict[str, Any] = {"profile": {**plain, "name": name}, "MiB": MIB, "GiB": GIB}
    if sampler:
        variables["sampler"] = {flag.lstrip("-"): value for flag, value in sampler.flags}
        variables["sampler"]["name"] = sampler.name
    if machine:
        host = {"memory": machine.host_memory, "free": machine.host_free}
        variables["machine"] = {"name": machine.name, "gpus": machine.gpus, "host": host}
    return variables


def render(value: str, variables: Mapping[str, Any]) -> str:
    """`value` with its template filled in, without blanks around it; raises TemplateValueError."""
    from jinja2 import TemplateError, UndefinedError

    try:
        return _template(value).render(variables).strip()
    except UndefinedError as error:
        needs = "machine" not in variables and str(error).startswith("'machine' is undefined")
        raise TemplateValueError(str(error), needs_machine=needs) from None
    except TemplateError as error:
        raise TemplateValueError(str(error)) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise TemplateValueError(f"{type(error).__name__}: {error}") from None


@lru_cache(maxsize=256)
def _template(value: str) -> "Template":
    return _sandbox().from_string(value)


@lru_cache(maxsize=1)
def _sandbox() -> "SandboxedEnvironment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
