"""The plan as a value: what `up` would do, and whether it holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from launcher.core.findings import Finding
from launcher.core.host_memory import HostDemand
from launcher.core.ledger import Ledger, Source
from launcher.core.speed import Speed
from launcher.core.subject import ModelFacts
from launcher.core.verdict import HOLDS, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the server would be started with on one machine, and what would lie where.

    n_ctx: context after the fit. initial: ledger with the settings as given; placed: after the
    fit; None when the verdict is unknown for want of facts. n_gpu_layers, tensor_split: what the
    fit sets, None where it leaves them alone. strategy: how the devices are used, in words.
    """

    profile: str
    machine: str
    source: Source
    verdict: Verdict
    reason: str
    model: ModelFacts
    n_ctx: int | None
    fit: bool
    initial: Ledger | None
    placed: Ledger | None
    host: HostDemand | None
    n_gpu_layers: int | None
    tensor_split: tuple[int, ...] | None
    strategy: str
    environment: Mapping[str, str]
    command: tuple[str, ...]
    speed: Speed | None
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """The server would start and keep the margins."""
        return self.verdict in HOLDS

    def __str__(self) -> str:
        from launcher.core.plan.text import render

        return render(self)
