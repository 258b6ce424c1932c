"""Speed from memory bandwidth: how long the weights that one token needs take to be read.

Generation: each token reads the active weights once. On a GPU that takes their bytes over the
bandwidth times EFFICIENCY, and LAYER_SECONDS for each layer's kernels; in host memory their bytes
over HOST_BANDWIDTH, of which scattered experts get EXPERT_BANDWIDTH; each change of device costs
SPLIT_SECONDS. Prompt processing: each micro-batch reads all weights once, those in host memory
over the bus, and computes two operations per active parameter and token; the small matrices of
experts reach EXPERT_COMPUTE of the rate. docs/accuracy.md checks generation against measured
speeds; prompt processing is unchecked.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from launcher.core.fit import Placement
from launcher.core.header import Tensor
from launcher.core.machine import Gpu, Machine
from launcher.core.memory.layout import HOST, Exceptions, Layout, exceptions_of, homes
from launcher.core.model import Layer, Model
from launcher.core.settings import Settings

EFFICIENCY = 0.9
LAYER_SECONDS = 100e-6
SPLIT_SECONDS = 100e-6
HOST_BANDWIDTH = 45e9
EXPERT_BANDWIDTH = 0.65
EXPERT_COMPUTE = 0.25
BUS_BANDWIDTH = 20e9
OPERATIONS_PER_MULTIPROCESSOR = {"8.6": 0.9e12, "8.9": 1.5e12, "9.0": 2.5e12, "12.0": 1.7e12}
"""Operations per second of one multiprocessor in quantised matrix products, by compute capability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Tokens per second with an empty context; None is unknown (a bandwidth is missing)."""

    generation: float | None
    prompt: float | None


@dataclass(slots=True)
class Reads:
    """Weights on one device, summed up.

    nbytes: all of them. dense, experts: bytes that one token reads, of routed experts and of all
    else. work: parameters that one token computes with, experts counted by their cost. layers:
    those at home here.
    """

    nbytes: int = 0
    dense: float = 0.0
    experts: float = 0.0
    work: float = 0.0
    layers: int = 0

    def add(self, other: "Reads") -> None:
        """Count what `other` counts too."""
        self.nbytes += other.nbytes
        self.dense += other.dense
        self.experts += other.experts
        self.work += other.work
        self.layers += other.layers

    def read(self, tensor: Tensor) -> None:
        """A weight that each token reads."""
        self.nbytes += tensor.nbytes
        self.dense += tensor.nbytes
        self.work += tensor.elements

    def read_experts(self, tensor: Tensor, used: float) -> None:
        """Routed experts, of which a token reads the part `used`."""
        self.nbytes += tensor.nbytes
        self.experts += tensor.nbytes * used
        self.work += tensor.elements * used / EXPERT_COMPUTE


ReadsByDevice = Mapping[int, Reads]
"""HOST is the host."""


def estimate_speed(model: Model, settings: Settings, placement: Placement, machine: Machine) -> Speed:
    """Tokens per second of a placement, one sequence at a time."""
    reads = _reads(model, _layout(model, settings, placement, machine))
    return Speed(
        generation=_rate(1, _generation_seconds(reads, placement, machine)),
        prompt=_rate(settings.n_ubatch, _batch_seconds(reads, settings.n_ubatch, machine)),
    )


def _rate(tokens: int, seconds: float | None) -> float | None:
    return tokens / seconds if seconds else None


def _generation_seconds(reads: ReadsByDevice, placement: Placement, machine: Machine) -> float | None:
    seconds = SPLIT_SECONDS * _changes_of_device(placement)
    for device, each in reads.items():
        if device == HOST:
            seconds += host_seconds(each.dense, each.experts)
            continue
        bandwidth = machine.gpus[device].bandwidth
        if bandwidth is None:
            return None
        seconds += gpu_seconds(each.dense + each.experts, each.layers, bandwidth)
    return seconds


def gpu_seconds(nbytes: float, layers: int, bandwidth: float) -> float:
    """To read `nbytes` of weights in that many layers on a GPU."""
    return nbytes / (bandwidth * EFFICIENCY) + layers * LAYER_SECONDS


def host_seconds(dense: float, experts: float) -> float:
    """To read weights in host memory."""
    return (dense + experts / EXPERT_BANDWIDTH) / HOST_BANDWIDTH


def _changes_of_device(placement: Placement) -> int:
    """Splits of the generation graph: one per device, and two for each layer with parts on the host."""
    gpus = placement.fitted.gpus
    return len(gpus) + 2 * sum(line.overflow_layers or 0 for line in gpus)


def _batch_seconds(reads: ReadsByDevice, tokens: int, machine: Machine) -> float | None:
    """One micro-batch: weights in host memory are copied to the first GPU, which computes with them."""
    seconds = 0.0
    for device, each in reads.items():
        gpu = machine.gpus[max(device, 0)] if machine.gpus else None
        rate = _operations(gpu)
        if gpu is None or rate is None or gpu.bandwidth is None:
            return None
        bandwidth = BUS_BANDWIDTH if device == HOST else gpu.bandwidth * EFFICIENCY
        seconds += max(each.nbytes / bandwidth, 2 * each.work * tokens / rate)
        seconds += each.layers * LAYER_SECONDS
    return seconds


def _operations(gpu: Gpu | None) -> float | None:
    if gpu is None or gpu.multiprocessors is None or gpu.compute_capability is None:
        return None
    each = OPERATIONS_PER_MULTIPROCESSOR.get(gpu.compute_capability)
    return None if each is None else each * gpu.multiprocessors


def _layout(model: Model, settings: Settings, placement: Placement, machine: Machine) -> Layout:
    """What lies where, GPUs as the machine numbers them."""
    found = placement.layout or _told_layout(model, settings, placement, machine)
    if settings.split_mode != "none" or not settings.main_gpu:
        return found
    return replace(found, homes=tuple(settings.main_gpu if home != HOST else HOST for home in found.homes))


def _told_layout(model: Model, settings: Settings, placement: Placement, machine: Machine) -> Layout:
    """The layout of the settings that the engine's own fit answered with."""
    asked = settings.n_gpu_layers if placement.n_gpu_layers is None else placement.n_gpu_layers
    layers = model.n_layer_all + 1 if asked is None or asked < 0 else asked
    gpus = 1 if settings.split_mode == "none" and machine.gpus else len(machine.gpus)
    shares = placement.tensor_split or settings.tensor_split or tuple(gpu.free for gpu in machine.gpus)
    exceptions, common = exceptions_of(model, (*settings.overrides, *placement.overrides))
    return Layout(
        homes=homes(model.n_layer_all, layers if machine.gpus else 0, shares[:gpus]),
        exceptions=exceptions,
        common=common,
        offloaded=layers,
    )


def _reads(model: Model, layout: Layout) -> ReadsByDevice:
    found: dict[int, Reads] = defaultdict(Reads)
    known: dict[tuple[int, int, Exceptions], dict[int, Reads]] = {}
    for layer, home, exceptions in zip(model.layers, layout.homes, layout.exceptions, strict=False):
        if layer.predicts:
            continue
        key = (layer.kind, home, exceptions)
        if key not in known:
            known[key] = _layer_reads(model, layer, home, dict(exceptions))
        for device, reads in known[key].items():
            found[device].add(reads)
    output = model.tensors.get("output.weight") or model.tensors.get("token_embd.weight")
    if output is not None:
        found[layout.homes[-1]].read(output)
    return found


def _layer_reads(model: Model, layer: Layer, home: int, moved: Mapping[str, int]) -> dict[int, Reads]:
    """What a token reads of one layer, the same for all of its kind."""
    found: dict[int, Reads] = defaultdict(Reads)
    found[home].layers = 1
    used = layer.experts_used / model.experts if model.experts else 1.0
    for name, tensor in layer.tensors.items():
        sums = found[moved.get(name, home)]
        if "_exps" in name:
            sums.read_experts(tensor, used)
        else:
            sums.read(tensor)
    return found
