"""A case of the oracle put to the engine again."""

from collections.abc import Iterator, Mapping

from launcher.core.errors import LauncherError
from launcher.core.options import PREFIX, arguments
from launcher.core.tune import Task
from launcher.core.units import MIB
from launcher.workflow.engine import Engine, ask_engine
from oracle_cases import Case, figures_of, load_header


def differences(engine: Engine, case: Case) -> list[str]:
    """What the engine says differently from the oracle; nothing is right."""
    try:
        return list(_differences(engine, case))
    except LauncherError as error:
        return [str(error)]


def _differences(engine: Engine, case: Case) -> Iterator[str]:
    result = ask_engine(engine, load_header(case.gguf), {}, case.command, case.machine)
    for stage, ledger in (("initial", result.initial), (case.last_stage, result.placement.fitted)):
        if figures_of(ledger) != case.figures(stage):
            yield f"{stage}: {figures_of(ledger)}, expected {case.figures(stage)}"
    if (result.graph_splits, result.graph_splits_bs1) != case.splits:
        yield f"splits: {result.graph_splits}, {result.graph_splits_bs1}, expected {case.splits}"


def missing_mib(case: Case) -> int:
    """MiB by which the engine's own fit misses its margins, over all GPUs; 0 where there was no fit."""
    if not case.raw["args"]["fit"] or case.last_stage != "fitted":
        return 0
    margins = {f"CUDA{index}": margin for index, margin in enumerate(_margins(case))}
    return sum(
        max(0, margins[device["name"]] - _left(device)) // MIB
        for device in case.raw["engine"]["fitted"]["devices"][:-1]
    )


def cache_bytes(case: Case) -> int:
    """Bytes of the cache of all layers, as the engine projected it."""
    return sum(int(device["context"]) for device in case.raw["engine"]["initial"]["devices"])


def room_bytes(case: Case) -> int:
    """Bytes that all GPUs have above their margins."""
    frees = [(gpu.free or 0) for gpu in case.machine.gpus]
    return sum(max(0, free - margin) for free, margin in zip(frees, _margins(case), strict=True))


def tuning_task(case: Case) -> Task:
    """The case as a profile that can be tuned: all settings in the environment."""
    given = (argument for argument in arguments(case.command) if argument.option and argument.option.key)
    return Task(
        header=load_header(case.gguf),
        machine=case.machine,
        environment={f"{PREFIX}{a.option.key}": a.values[0] for a in given if a.option},
        command=(),
        margins=_margins(case),
    )


def _margins(case: Case) -> tuple[int, ...]:
    given = case.raw["args"]["fitt"]
    targets = [int(target) * MIB for target in given.split(",")] if given else []
    return tuple((targets + [1024 * MIB] * len(case.machine.gpus))[: len(case.machine.gpus)])


def _left(device: Mapping[str, int]) -> int:
    return device["free"] - device["model"] - device["context"] - device["compute"]
