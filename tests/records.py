"""Records of starts, for tests of evidence."""

from dataclasses import replace
from typing import Any

from launcher.core.evidence import Evidence
from launcher.core.ledger import DeviceLine, Ledger, Source, Usage
from launcher.core.units import MIB


def ledger(source: Source = "measured", *, splits: int | None = 5, **mib: tuple[int, int, int]) -> Ledger:
    """A ledger from (model, context, compute) in MiB by device; the host with nothing unless it is given."""
    amounts = {"Host": (0, 0, 0), **mib}
    host = amounts.pop("Host")
    lines = tuple(
        DeviceLine(name=name, usage=usage(*parts)) for name, parts in (*amounts.items(), ("Host", host))
    )
    return Ledger(source=source, devices=lines, n_ctx=4096, graph_splits=splits)


def usage(model: int, context: int, compute: int) -> Usage:
    return Usage(model=model * MIB, context=context * MIB, compute=compute * MIB)


def record(**fields: Any) -> Evidence:
    """A whole start of one profile on a machine with one GPU, as planned; `fields` differ."""
    usual = Evidence(
        profile="glm",
        plan_hash="hash-glm",
        settings="settings-glm",
        machine="desk",
        gpus=("GPU-1",),
        gpu_names=("RTX 4090",),
        build="11160 (a1b2c3d)",
        image="llama.cpp:server",
        digest="llama.cpp@sha256:1",
        at=1000.0,
        seconds=4.5,
        predicted=ledger("estimate", CUDA0=(1000, 200, 100), Host=(300, 0, 20)),
        projected=ledger("engine", splits=None, CUDA0=(1000, 200, 100), Host=(300, 0, 20)),
        measured=ledger("measured", CUDA0=(1000, 200, 100), Host=(300, 0, 20)),
        complete=True,
    )
    return replace(usual, **fields)
