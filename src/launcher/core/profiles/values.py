"""Profiles as values: what models.conf says, resolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Status = Literal["active", "retired"]
RuntimeName = Literal["compose", "embedded"]
Placement = Literal["gpu", "offload", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One resolved value.

    key: a key of models.conf, or a flag of the sampler. origin: where it came from: "defaults",
    "parent NAME", "sampler NAME" or "profile". line: in models.conf, None for a sampler's flag.
    """

    key: str
    value: str
    origin: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A section of models.conf with parents, defaults, sampler and templates resolved.

    model, mmproj, draft_model: paths below the models folder; no model when llama-server downloads
    it (HF_REPO and the like). environment: llama-server's own variables (``LLAMA_ARG_*``), only
    those that are set, without the three paths. command: flags of the sampler, then EXTRA_ARGS, as
    words. machines: names of the machines it is meant for, None is all. api_key_file: path on the
    host, from the project folder. memory_limit: bytes that the container may use. headroom_compute,
    headroom_display, max_host_weights: bytes. min_ctx: tokens. line: of its section.
    """

    name: str
    title: str | None = None
    description: str | None = None
    status: Status = "active"
    model: str | None = None
    mmproj: str | None = None
    draft_model: str | None = None
    placement: Placement = "any"
    machines: tuple[str, ...] | None = None
    runtime: RuntimeName = "compose"
    image: str | None = None
    host_port: int = 8080
    host_bind: str = "127.0.0.1"
    api_key_file: str | None = None
    memory_limit: int | None = None
    headroom_compute: int | None = None
    headroom_display: int | None = None
    min_ctx: int | None = None
    max_host_weights: int | None = None
    environment: Mapping[str, str]
    command: tuple[str, ...] = ()
    settings: Mapping[str, Setting]
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """A named set of llama-server's flags: (flag, value) in order, value None for a bare flag."""

    name: str
    flags: tuple[tuple[str, str | None], ...]
