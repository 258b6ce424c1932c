"""GPUs in the container: which image, which devices, in which order."""

import pytest

from launcher.core.machine import Gpu, Vendor
from launcher.core.visibility import official_image, visibility


def gpu(vendor: Vendor = "nvidia", *, uuid: str | None = None, pci: str | None = None) -> Gpu:
    return Gpu(name="a GPU", total=1, free=1, vendor=vendor, uuid=uuid, pci=pci)


@pytest.mark.parametrize(
    ("vendors", "tag"),
    [
        ((), "server"),
        (("nvidia", "nvidia"), "server-cuda"),
        (("amd",), "server-rocm"),
        (("intel",), "server-intel"),
        (("nvidia", "amd"), "server-vulkan"),
    ],
)
def test_the_image_follows_the_vendor(vendors: tuple[Vendor, ...], tag: str) -> None:
    assert official_image([gpu(vendor) for vendor in vendors]) == f"ghcr.io/ggml-org/llama.cpp:{tag}"


def test_cuda_is_told_the_order_of_the_plan_by_uuid() -> None:
    seen = visibility([gpu(uuid="GPU-fast", pci="0000:09:00.0"), gpu(uuid="GPU-slow", pci="0000:01:00.0")])
    assert seen.nvidia == ("GPU-fast", "GPU-slow")
    assert seen.environment == {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "GPU-fast,GPU-slow",
    }


def test_without_every_uuid_gpus_are_numbered_by_pci_address() -> None:
    seen = visibility([gpu(uuid="GPU-fast", pci="0000:09:00.0"), gpu(pci="0000:01:00.0")])
    assert seen.nvidia == ("1", "0")
    assert seen.environment["CUDA_VISIBLE_DEVICES"] == "1,0"


def test_without_addresses_the_order_is_taken_as_given() -> None:
    assert visibility([gpu(), gpu()]).nvidia == ("0", "1")


def test_rocm_gets_its_device_nodes_and_its_order() -> None:
    seen = visibility([gpu("amd", pci="0000:0c:00.0"), gpu("amd", pci="0000:03:00.0")])
    assert seen.device_nodes == ("/dev/kfd", "/dev/dri")
    assert seen.environment == {"HIP_VISIBLE_DEVICES": "1,0"}
    assert seen.nvidia == ()


def test_a_machine_without_a_gpu_asks_for_nothing() -> None:
    seen = visibility([])
    assert (dict(seen.environment), seen.nvidia, seen.device_nodes) == ({}, (), ())
