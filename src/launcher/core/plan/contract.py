"""The plan as JSON: the contract ``launcher.plan/1`` that scripts rely on."""

from dataclasses import asdict
from typing import Any

from launcher.core.ledger import DeviceLine, Ledger
from launcher.core.plan.values import Plan

SCHEMA = "launcher.plan/1"


def to_json(plan: Plan) -> dict[str, Any]:
    """`plan` as one JSON object; memory in bytes, unknown is None."""
    return {
        "schema": SCHEMA,
        "profile": plan.profile,
        "machine": plan.machine,
        "source": plan.source,
        "verdict": plan.verdict,
        "reason": plan.reason,
        "model": {**asdict(plan.model), "features": list(plan.model.features)},
        "n_ctx": plan.n_ctx,
        "fit": plan.fit,
        "initial": None if plan.initial is None else [_usage(line) for line in plan.initial.devices],
        "devices": None if plan.placed is None else devices_json(plan.placed),
        "graph_splits": None if plan.placed is None else plan.placed.graph_splits,
        "n_gpu_layers": plan.n_gpu_layers,
        "tensor_split": None if plan.tensor_split is None else list(plan.tensor_split),
        "host": _host(plan),
        "strategy": plan.strategy,
        "environment": dict(plan.environment),
        "command": list(plan.command),
        "speed": None if plan.speed is None else asdict(plan.speed),
        "findings": [asdict(finding) for finding in plan.findings],
    }


def _usage(line: DeviceLine) -> dict[str, Any]:
    return {
        "name": line.name,
        "model_bytes": line.usage.model,
        "context_bytes": line.usage.context,
        "compute_bytes": line.usage.compute,
    }


def devices_json(ledger: Ledger) -> list[dict[str, Any]]:
    """The rows of a ledger, GPUs first."""
    return [*map(_gpu, ledger.gpus), {**_usage(ledger.host), "gpu": None}]


def _gpu(line: DeviceLine) -> dict[str, Any]:
    return {
        **_usage(line),
        "gpu": line.gpu,
        "total_bytes": line.total,
        "free_bytes": line.free,
        "margin_bytes": line.margin,
        "left_bytes": line.left,
        "layers": line.layers,
        "overflow_layers": line.overflow_layers,
    }


def _host(plan: Plan) -> dict[str, Any] | None:
    host = plan.host
    if host is None:
        return None
    return {
        "needed_bytes": host.needed_bytes,
        "total_bytes": host.total_bytes,
        "supply_bytes": host.supply,
        "limit_bytes": host.limit,
        "page_cache_bytes": host.page_cache,
        "parts": [asdict(amount) for amount in (*host.needed, *host.growing)],
    }
