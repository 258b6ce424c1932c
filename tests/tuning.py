"""Trials of a search, made up: a small model on one or two GPUs."""

from launcher.core.dry_run import EngineResult
from launcher.core.errors import failure
from launcher.core.fit import Placement
from launcher.core.header import Header, Tensor
from launcher.core.ledger import DeviceLine, Ledger, Usage
from launcher.core.machine import Gpu, Machine
from launcher.core.tune import Candidate, Task, Trial
from launcher.core.tune.candidate import BASE
from launcher.core.units import MIB

FREE = 10_000 * MIB
MARGINS = (128 * MIB, 1024 * MIB)
EXPERTS = r"blk\.{}\.ffn_(up|down|gate_up|gate)_(ch|)exps"


def tensor(name: str, mib: int) -> Tensor:
    return Tensor(name=name, shape=(1,), type=0, nbytes=mib * MIB)


def task(
    *,
    experts: bool = True,
    gpus: int = 2,
    predicting: int = 0,
    command: tuple[str, ...] = (),
    **environment: str,
) -> Task:
    """A model of 10 layers, each of 100 MiB and 400 MiB of experts, and 50 MiB of output; the last
    layers are `predicting` MTP blocks."""
    kinds = [("attn_q", 100), ("ffn_up_exps" if experts else "ffn_up", 400)]
    tensors = [tensor(f"blk.{layer}.{kind}.weight", mib) for layer in range(10) for kind, mib in kinds]
    tensors.append(tensor("output.weight", 50))
    header = Header(
        metadata={"general.architecture": "x", "x.block_count": 10, "x.nextn_predict_layers": predicting},
        tensors=tuple(tensors),
        file_bytes=0,
        source="file",
    )
    machine = Machine(name="desk", gpus=(Gpu(name="A", total=FREE, free=FREE),) * gpus)
    return Task(
        header=header,
        machine=machine,
        environment={f"LLAMA_ARG_{key}": value for key, value in environment.items()},
        command=command,
        margins=MARGINS[:gpus],
        cache_types=("q8_0",),
    )


def trial(
    of: Task,
    *lefts: int,
    layers: tuple[int, ...] = (6, 5),
    host: int = 300,
    splits: int | None = 3,
    n_ctx: int = 4096,
    cache: int = 0,
    overrides: tuple[tuple[str, str], ...] = (),
    candidate: Candidate = BASE,
) -> Trial:
    """A result with these MiB left on each GPU, and `host` MiB of weights on the host. cache: MiB of
    each layer, which are a part of what is used."""
    lines = [
        DeviceLine(
            name=f"CUDA{index}",
            free=FREE,
            usage=Usage(model=FREE - (left + cache * count) * MIB, context=cache * count * MIB),
            layers=count,
        )
        for index, (left, count) in enumerate(zip(lefts, layers, strict=True))
    ]
    rest = cache * (of.layers - sum(layers))
    ledger = Ledger(
        source="engine",
        devices=(*lines, DeviceLine(name="Host", usage=Usage(model=host * MIB, context=rest * MIB))),
        graph_splits=splits,
    )
    placement = Placement(initial=ledger, fitted=ledger, n_ctx=n_ctx, overrides=overrides)
    return Trial(
        task=of, candidate=candidate, result=EngineResult(placement=placement, graph_splits_bs1=None)
    )


def failed(of: Task, what: str = "it broke") -> Trial:
    return Trial(task=of, candidate=Candidate(about="broken"), result=None, error=failure(what))


def tried(about: str | None = None, *, left: int = 2000, host: int = 0, n_ctx: int = 4096) -> Trial:
    """A candidate (the profile as it is when not named) on one GPU; see `trial`."""
    candidate = BASE if about is None else Candidate(about=about, changes=(("UBATCH", about),))
    of = task(gpus=1, experts=False, UBATCH="512")
    return trial(of, left, layers=(11,), host=host, n_ctx=n_ctx, candidate=candidate)
