"""Ledgers from logs: of a dry run, from its memory table; of a server, from its buffers."""

import re
from collections import Counter
from collections.abc import Sequence

from launcher.core.ledger import DeviceLine, Ledger, Usage
from launcher.core.logs.breakdown import HOST
from launcher.core.logs.loads import Buffer, Load, read_loads
from launcher.core.machine import Gpu, Machine

_NUMBER = re.compile(r"[A-Za-z]+(\d+)")


def engine_ledger(load: Load, machine: Machine) -> Ledger:
    """The ledger of a dry run on `machine`, in whole MiB as the engine's memory table has it.

    Kinds of host buffers that the table lists apart (``CPU_REPACK``) count as the host's. GPUs
    that the engine doesn't use are not in it.
    """
    homes, overflow = Counter(load.layers), _overflow(load)
    lines = [
        DeviceLine(
            name=row.name,
            gpu=gpu.name,
            total=gpu.total,
            free=gpu.free,
            margin=machine.margin(gpu),
            usage=row.usage,
            layers=homes[row.name] if load.layers else None,
            overflow_layers=overflow[row.name] if load.layers else None,
        )
        for row in load.rows
        if (gpu := _gpu(machine, row.name)) is not None
    ]
    host = sum((row.usage for row in load.rows if _gpu(machine, row.name) is None), Usage())
    return Ledger(
        source="engine",
        devices=(*lines, _host_line(machine, host)),
        n_ctx=load.n_ctx,
        graph_splits=load.splits[0] if load.splits else None,
    )


def projected_ledger(log: str, machine: Machine) -> Ledger | None:
    """What the fit of a server that starts came to: its last projection, before anything is loaded.

    None without a fit (FIT=off).
    """
    loads = read_loads(log)
    projections = [load for load in loads if load.rows and not load.after_fit]
    fitted = any(load.after_fit for load in loads)
    return engine_ledger(projections[-1], machine) if projections and fitted else None


def measured_ledger(log: str, machine: Machine) -> Ledger | None:
    """What a server's log says it allocated; None when the log has no buffers (yet, or at all).

    Counted are the loads after the fit: the model, and a draft model if there is one. Sizes are
    exact to 0.01 MiB. The server's output buffer is left out, as in the engine's own table.
    """
    loads = [load for load in read_loads(log) if load.buffers]
    if any(load.after_fit for load in loads):
        loads = [load for load in loads if load.after_fit]
    if not loads or not any(buffer.nbytes for buffer in loads[0].buffers if buffer.part == "model"):
        return None
    main = loads[0]
    buffers = [buffer for load in loads for buffer in load.buffers]
    homes, overflow = Counter(main.layers), _overflow(main)
    lines = [
        DeviceLine(
            name=device.name,
            gpu=device.gpu,
            total=gpu.total if (gpu := _gpu(machine, device.name)) else None,
            free=device.free,
            margin=machine.margin(gpu) if gpu else None,
            usage=_usage([b for b in buffers if b.place == device.name]),
            layers=homes[device.name] if main.layers else None,
            overflow_layers=overflow[device.name] if main.layers else None,
        )
        for device in main.devices
    ]
    places = {device.name for device in main.devices}
    host = [buffer for buffer in buffers if buffer.place not in places]
    return Ledger(
        source="measured",
        devices=(*lines, _host_line(machine, _usage(host))),
        n_ctx=main.n_ctx,
        graph_splits=main.splits[0] if main.splits else None,
    )


def _gpu(machine: Machine, name: str) -> Gpu | None:
    """The GPU that the engine calls `name`: ``CUDA1`` is the second."""
    match = _NUMBER.fullmatch(name)
    return machine.gpus[int(match[1])] if match and int(match[1]) < len(machine.gpus) else None


def _host_line(machine: Machine, usage: Usage) -> DeviceLine:
    return DeviceLine(name=HOST, total=machine.host_memory, free=machine.host_free, usage=usage)


def _overflow(load: Load) -> Counter[str]:
    return Counter(load.layers[index] for index in load.overridden if index < len(load.layers))


def _usage(buffers: Sequence[Buffer]) -> Usage:
    def part(name: str) -> int:
        return sum(buffer.nbytes for buffer in buffers if buffer.part == name)

    return Usage(model=part("model"), context=part("context"), compute=part("compute"))
