"""How a vendor's GPUs get into a container, in the order of the plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from launcher.core.machine import Gpu, Vendor

REPOSITORY = "ghcr.io/ggml-org/llama.cpp"

_TAGS: dict[Vendor, str] = {"nvidia": "server-cuda", "amd": "server-rocm", "intel": "server-intel"}
_NODES: dict[Vendor, tuple[str, ...]] = {
    "nvidia": (),
    "amd": ("/dev/kfd", "/dev/dri"),
    "intel": ("/dev/dri",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """What makes `gpus` visible, and no others.

    environment: fixes the order inside the container. nvidia: identifiers for a reservation of
    devices. device_nodes: paths to map into the container.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    nvidia: tuple[str, ...] = ()
    device_nodes: tuple[str, ...] = ()


def official_image(gpus: Sequence[Gpu]) -> str:
    """The official image that drives these GPUs; Vulkan's is the one that drives several vendors'."""
    vendors = {gpu.vendor for gpu in gpus}
    if len(vendors) > 1:
        return f"{REPOSITORY}:server-vulkan"
    return f"{REPOSITORY}:{_TAGS[vendors.pop()]}" if vendors else f"{REPOSITORY}:server"


def visibility(gpus: Sequence[Gpu]) -> Visibility:
    """How `gpus` get into the container in this order.

    CUDA numbers devices in the order of CUDA_VISIBLE_DEVICES (CUDA Programming Guide, "CUDA
    Environment Variables"). With UUIDs there, the order holds both with NVIDIA's classic runtime,
    which numbers the chosen devices anew by PCI address, and with CDI, which keeps to the request.
    Of the other vendors only ROCm has such a variable; it takes numbers in the order of the PCI bus.
    """
    nvidia = identifiers([gpu for gpu in gpus if gpu.vendor == "nvidia"])
    vendors = {gpu.vendor: None for gpu in gpus}
    nodes = {node: None for vendor in vendors for node in _NODES[vendor]}
    return Visibility(environment=_order(gpus, nvidia), nvidia=nvidia, device_nodes=tuple(nodes))


def identifiers(gpus: Sequence[Gpu]) -> tuple[str, ...]:
    """UUIDs; where one is unknown (a machine file without them), numbers by PCI address."""
    uuids = [gpu.uuid for gpu in gpus if gpu.uuid]
    return tuple(uuids) if len(uuids) == len(gpus) else numbers(gpus)


def numbers(gpus: Sequence[Gpu]) -> tuple[str, ...]:
    """The place of each GPU in the order of the PCI bus; where addresses are unknown, as given."""
    addresses = [gpu.pci for gpu in gpus if gpu.pci]
    if len(addresses) < len(gpus):
        return tuple(map(str, range(len(gpus))))
    return tuple(str(sorted(addresses).index(address)) for address in addresses)


def _order(gpus: Sequence[Gpu], nvidia: Sequence[str]) -> dict[str, str]:
    order: dict[str, str] = {}
    if nvidia:
        order |= {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ",".join(nvidia)}
    if gpus and all(gpu.vendor == "amd" for gpu in gpus):
        order["HIP_VISIBLE_DEVICES"] = ",".join(numbers(gpus))
    return order
