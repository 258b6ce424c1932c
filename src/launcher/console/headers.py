"""A model's architecture, and a snapshot that was kept, for people and for scripts."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from launcher.console import Console, table
from launcher.core.architecture import Architecture, Attention, CacheCost, Experts, Recurrence
from launcher.core.units import GIB, MIB
from launcher.workflow.headers import Kept

if TYPE_CHECKING:
    from rich.table import Table

_ATTENTION = {"mha": "multi-head", "gqa": "grouped-query", "mqa": "multi-query", "mla": "latent (MLA)"}
_HEADER = {
    "file": "read from the file",
    "url": "read from the URL",
    "snapshot": "a snapshot of the file",
    "reconstructed": "reconstructed from the published configuration, not read from the file",
}


def show_architecture(console: Console, model: str, found: Architecture) -> None:
    """Print what the model is, its quantisation, and what its cache costs."""
    console.data(f"{model}: {found.name}" if found.name else model)
    console.show(_facts_table(found))
    console.show(_quantization_table(found))
    if found.attention:
        console.show(_cache_table(found))


def show_architecture_json(console: Console, model: str, found: Architecture) -> None:
    """Print schema ``launcher.inspect/1``: integers of bytes, unknown is null."""
    console.json({"schema": "launcher.inspect/1", "model": model, **asdict(found)})


def show_kept(console: Console, kept: Kept) -> None:
    console.data(f"{kept.path}: {kept.bytes:,} bytes, the header of {kept.origin.name}")


def show_kept_json(console: Console, kept: Kept) -> None:
    """Print schema ``launcher.snapshot/1``."""
    value: dict[str, Any] = {"path": str(kept.path), "bytes": kept.bytes, "origin": asdict(kept.origin)}
    console.json({"schema": "launcher.snapshot/1", **value})


def _facts_table(found: Architecture) -> "Table":
    made = table("", "")
    made.show_header = False
    for label, text in _facts(found):
        made.add_row(label, text)
    return made


def _facts(found: Architecture) -> Iterator[tuple[str, str]]:
    yield "architecture", found.architecture
    yield "kind", _experts(found.experts) if found.experts else "dense"
    yield "parameters", _parameters(found)
    yield "layers", _layers(found)
    yield "attention", _attention(found.attention) if found.attention else "none: no KV cache"
    if found.recurrence:
        yield "recurrent", _recurrence(found.recurrence)
    yield "vocabulary", "unknown" if found.vocabulary is None else f"{found.vocabulary:,} tokens"
    yield "trained context", f"{found.context_length:,} tokens"
    yield "size", f"{found.file_bytes / GIB:,.2f} GiB"
    yield "header", _HEADER[found.header]


def _parameters(found: Architecture) -> str:
    if found.active_parameters == found.parameters:
        return _count(found.parameters)
    return f"{_count(found.parameters)}, {_count(found.active_parameters)} active per token"


def _count(parameters: int) -> str:
    if parameters < 10**9:
        return f"{parameters / 1e6:.1f} million"
    return f"{parameters / 1e9:.2f} billion"


def _experts(experts: Experts) -> str:
    shared = f" and {experts.shared} shared" if experts.shared else ""
    dense = f"; dense layers: {experts.dense_layers}" if experts.dense_layers else ""
    return f"mixture of {experts.routed} experts, {experts.used}{shared} used per token{dense}"


def _layers(found: Architecture) -> str:
    mtp = f", and {found.mtp_layers} for multi-token prediction" if found.mtp_layers else ""
    return f"{found.layers}{mtp}"


def _attention(attention: Attention) -> str:
    shared = "" if attention.kind in ("mha", "mla") else f" on {attention.heads_kv}"
    text = f"{_ATTENTION[attention.kind]}: {attention.heads} heads{shared}"
    text += f"; {attention.cached_layers} layers keep a KV cache"
    if attention.window_layers:
        text += f", {attention.window_layers} of them only of a window of {attention.window:,} tokens"
    return text


def _recurrence(recurrence: Recurrence) -> str:
    size = recurrence.state_bytes / MIB
    return f"{recurrence.kind}: {recurrence.layers} layers keep a state, {size:,.1f} MiB per sequence"


def _quantization_table(found: Architecture) -> "Table":
    total = sum(share.bytes for share in found.quantization)
    made = table("type", "tensors", "MiB", "share", right=("tensors", "MiB", "share"))
    for share in found.quantization:
        made.add_row(
            share.name, f"{share.tensors:,}", f"{share.bytes / MIB:,.1f}", f"{share.bytes / total:.1%}"
        )
    return made


def _cache_table(found: Architecture) -> "Table":
    figures = ("MiB per 1,000 tokens", "MiB of windows", "MiB at trained context")
    made = table("KV cache", *figures, right=figures)
    for cost in found.cache:
        made.add_row(cost.cache_type, *(f"{amount / MIB:,.1f}" for amount in _cache(cost, found)))
    return made


def _cache(cost: CacheCost, found: Architecture) -> tuple[float, float, float]:
    full = cost.per_1000_tokens * found.context_length / 1000
    return cost.per_1000_tokens, cost.windows, full + cost.windows
