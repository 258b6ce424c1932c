"""Profiles: what models.conf says, resolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Status = Literal["active", "retired"]
RuntimeName = Literal["compose", "embedded"]
Placement = Literal["gpu", "offload", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One resolved value.

    origin: where it came from: "defaults", "parent NAME", "sampler NAME" or "profile".
    """

    key: str
    value: str
    origin: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A section of models.conf with parents, defaults, sampler and templates resolved.

    model: path below the models folder. environment: llama-server's own variables
    (``LLAMA_ARG_*``), only those that are set. command: flags of the sampler, then EXTRA_ARGS,
    as words. machines: names of the machines it is meant for, None is all. line: of its section.
    """

    name: str
    title: str | None = None
    description: str | None = None
    status: Status = "active"
    model: str
    mmproj: str | None = None
    placement: Placement = "any"
    machines: tuple[str, ...] | None = None
    runtime: RuntimeName = "compose"
    image: str | None = None
    host_port: int = 8080
    host_bind: str = "127.0.0.1"
    api_key_file: str | None = None
    environment: Mapping[str, str]
    command: tuple[str, ...] = ()
    settings: Mapping[str, Setting]
    line: int | None = None
