"""The result of placing a model on a machine."""

from dataclasses import dataclass

from launcher.core.ledger import Ledger
from launcher.core.memory.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What the engine would do, as two ledgers: with the settings as given, and after its fit.

    n_ctx: context of all sequences together after the fit. n_gpu_layers and tensor_split: what
    the fit sets, None where it leaves them alone. overrides: (tensor pattern, buffer type) that
    the fit adds. changed: the fit changed something. gave_up: why the fit gave up, None when it
    didn't. pipeline: pipeline parallelism is on in the end. layout: what lies where in the end, GPUs
    as the engine numbers them; None where the engine itself was asked. doubts: reasons why the figures are
    bounds and not exact; empty when every term is derived.
    """

    initial: Ledger
    fitted: Ledger
    n_ctx: int
    n_gpu_layers: int | None = None
    tensor_split: tuple[int, ...] | None = None
    overrides: tuple[tuple[str, str], ...] = ()
    changed: bool = False
    gave_up: str | None = None
    doubts: tuple[str, ...] = ()
    pipeline: bool = False
    layout: Layout | None = None
