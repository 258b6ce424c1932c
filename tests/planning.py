"""Subjects and machines for tests of plans: real headers, the reference machine."""

from functools import cache
from pathlib import Path
from typing import Any

from launcher.core.assessment import Assessment
from launcher.core.fit import Placement
from launcher.core.gguf_split import read_header
from launcher.core.header import Header
from launcher.core.host_memory import host_demand
from launcher.core.ledger import DeviceLine, Ledger, Usage
from launcher.core.lint import Case
from launcher.core.machine import Gpu, Machine
from launcher.core.profiles import Profile, Setting
from launcher.core.settings import Settings
from launcher.core.strategy import Choice
from launcher.core.subject import KnownModel, Subject
from launcher.core.units import GIB, MIB
from launcher.core.verdict import judge
from launcher.edges.headers.file import FileSource
from launcher.edges.headers.types import tensor_types

HEADERS = Path(__file__).parent.parent / "profiles" / "headers"
GLM = "GLM-4.7-Flash-Q8_0.gguf"
GLM_SMALL = "GLM-4.7-Flash-Q4_K_M.gguf"
HYBRID = "Qwen3.5-27B-Q6_K.gguf"
TINY = "SmolLM2-135M-Instruct.Q4_1.gguf"

LAYERS = 48
"""Of GLM-4.7-Flash, the output counted as one."""

RTX_4090 = Gpu(
    name="NVIDIA GeForce RTX 4090",
    total=24080 * MIB,
    free=23600 * MIB,
    compute_capability="8.9",
    multiprocessors=128,
    bandwidth=1_008_000_000_000,
    role="compute",
)
RTX_5070_TI = Gpu(
    name="NVIDIA GeForce RTX 5070 Ti",
    total=15900 * MIB,
    free=12500 * MIB,
    compute_capability="12.0",
    multiprocessors=70,
    bandwidth=896_000_000_000,
    role="display",
)


@cache
def header(name: str) -> Header:
    """A header that the project ships."""
    with (HEADERS / name).open("rb") as file:
        return read_header([FileSource(HEADERS / name, file.fileno())], tensor_types(), "snapshot")


@cache
def known(name: str) -> KnownModel:
    return KnownModel.of(name, header(name))


def machine(*gpus: Gpu, name: str = "desk", memory: int | None = 64 * GIB) -> Machine:
    """The reference machine, or one with other GPUs."""
    return Machine(name=name, gpus=gpus or (RTX_4090, RTX_5070_TI), host_memory=memory)


def profile(model: str | None = GLM, **fields: Any) -> Profile:
    """A profile as it comes out of models.conf, with CTX_SIZE set on line 12."""
    defaults: dict[str, Any] = {
        "name": "sample",
        "model": model,
        "environment": {"LLAMA_ARG_CTX_SIZE": "131072"},
        "settings": {"CTX_SIZE": Setting(key="CTX_SIZE", value="131072", origin="profile", line=12)},
        "line": 10,
    }
    return Profile(**{**defaults, **fields})


def subject(model: str = GLM, settings: Settings | None = None, **fields: Any) -> Subject:
    """A profile of a shipped model, with production settings unless others are given."""
    return Subject(profile=profile(model, **fields), settings=settings or production(), known=known(model))


def production(**changes: Any) -> Settings:
    """The settings of a production profile."""
    defaults: dict[str, Any] = {
        "n_ctx": 131072,
        "n_parallel": 1,
        "cache_type_k": "q8_0",
        "cache_type_v": "q8_0",
        "flash_attention": "on",
    }
    return Settings(**{**defaults, **changes})


def mib(amount: int) -> int:
    return amount * MIB


def ledger(
    *usages: Usage, on: Machine, host: Usage, layers: tuple[int, ...], overflow: tuple[int, ...]
) -> Ledger:
    """A ledger of the machine's GPUs with these usages, in order."""
    lines = [
        DeviceLine(
            name=f"CUDA{index}",
            gpu=gpu.name,
            total=gpu.total,
            free=gpu.free,
            margin=on.margin(gpu),
            usage=usage,
            layers=layers[index],
            overflow_layers=overflow[index],
        )
        for index, (gpu, usage) in enumerate(zip(on.gpus, usages, strict=True))
    ]
    return Ledger(
        source="estimate",
        devices=(*lines, DeviceLine(name="Host", usage=host, layers=LAYERS - sum(layers))),
        n_ctx=131072,
    )


def placement(
    *usages: Usage,
    on: Machine,
    host: Usage | None = None,
    layers: tuple[int, ...] = (32, 16),
    overflow: tuple[int, ...] = (0, 0),
    **fields: Any,
) -> Placement:
    """A placement made by hand: what the engine's fit would have ended with."""
    made = ledger(*usages, on=on, host=host or Usage(model=mib(322)), layers=layers, overflow=overflow)
    return Placement(**{"initial": made, "fitted": made, "n_ctx": 131072, **fields})


def case(
    placed: Placement,
    *,
    on: Machine,
    model: str = GLM,
    settings: Settings | None = None,
    **fields: Any,
) -> Case:
    """What a rule sees of a profile that was placed so."""
    about = subject(model, settings, **fields)
    assert about.known.model is not None
    demand = host_demand(placed.fitted.host.usage, about.settings, on, header(model).file_bytes)
    found = Assessment(
        settings=about.settings,
        choice=Choice(
            words="by hand",
            environment={},
            settings=about.settings,
            placement=placed,
            margins=tuple(line.margin or 0 for line in placed.fitted.gpus),
        ),
        host=demand,
        judgement=judge(placed, about.settings, about.known.model, demand),
    )
    return Case(subject=about, model=about.known.model, machine=on, assessment=found)
