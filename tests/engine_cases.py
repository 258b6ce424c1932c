"""A case of the oracle put to the engine again."""

from collections.abc import Iterator

from launcher.core.errors import LauncherError
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
