"""place(): the one entry point of this package."""

from launcher.core.fit.placement import Placement
from launcher.core.ledger import DeviceLine, Ledger, Usage
from launcher.core.machine import Gpu, Machine
from launcher.core.memory.context import context_bytes
from launcher.core.memory.layout import Layout, exceptions_of, homes
from launcher.core.memory.sizing import Sizing
from launcher.core.memory.weights import WeightSums
from launcher.core.model import Model
from launcher.core.settings import Settings


def place(model: Model, settings: Settings, machine: Machine) -> Placement:
    """Where `model` lies on `machine` under `settings`, before and after the engine's fit."""
    gpus = machine.gpus
    if settings.split_mode == "none" and gpus:
        gpus = (gpus[settings.main_gpu],)
    sizing = Sizing.of(model, settings, settings.n_ctx)
    ledger = _initial(model, settings, machine, gpus, sizing)
    doubts = ("compute buffers are not derived yet",)
    return Placement(initial=ledger, fitted=ledger, n_ctx=sizing.n_ctx, doubts=doubts)


def _initial(
    model: Model, settings: Settings, machine: Machine, gpus: tuple[Gpu, ...], sizing: Sizing
) -> Ledger:
    n_gpu_layers = settings.n_gpu_layers
    if n_gpu_layers is None or n_gpu_layers < 0:
        n_gpu_layers = model.n_layer_all + 1
    shares = settings.tensor_split or tuple(gpu.free for gpu in gpus)
    exceptions, common = exceptions_of(model, settings.overrides)
    layout = Layout(
        homes=homes(model.n_layer_all, n_gpu_layers, shares[: len(gpus)]),
        exceptions=exceptions,
        common=common,
        overridden=bool(settings.overrides),
        offloaded=n_gpu_layers,
    )
    weights = WeightSums(model)(layout, len(gpus))
    context = context_bytes(model, sizing, settings, layout.homes, len(gpus))
    logits = sizing.n_outputs * ((model.n_vocab or 0) + model.n_embd) * 4
    lines = [
        DeviceLine(
            name=f"CUDA{index}",
            gpu=gpu.name,
            total=gpu.total,
            free=gpu.free,
            margin=machine.margin(gpu),
            usage=Usage(model=weights[index], context=context[index], compute=logits),
            layers=layout.homes.count(index),
            overflow_layers=0,
        )
        for index, gpu in enumerate(gpus)
    ]
    host = DeviceLine(
        name="Host",
        total=machine.host_memory,
        free=machine.host_free,
        usage=Usage(model=weights[-1], context=context[-1]),
    )
    return Ledger(source="estimate", devices=(*lines, host), n_ctx=sizing.n_ctx)
