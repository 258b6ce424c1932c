"""AMD and Intel GPUs and host memory, from trees of /sys and /proc as kernels lay them out."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from launcher.core.hardware import HostMemory
from launcher.core.units import GIB, KIB, MIB
from launcher.edges.hardware import amd, host, intel, sysfs

MEMINFO = "MemTotal:       65536000 kB\nMemFree:         1000000 kB\nMemAvailable:   32768000 kB\n"
UNLIMITED_V1 = str(9223372036854771712)


def fill(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")


def add_card(root: Path, name: str, address: str, files: Mapping[str, str]) -> Path:
    """A DRM card; `files` are those of its PCI device."""
    device = root / "sys/devices/pci0000:00" / address
    fill(device, files)
    card = root / "sys/class/drm" / name
    card.mkdir(parents=True)
    (card / "device").symlink_to(device)
    return card


def radeon(**changes: str) -> dict[str, str]:
    return {
        "vendor": "0x1002",
        "device": "0x744c",
        "mem_info_vram_total": str(24 * GIB),
        "mem_info_vram_used": str(512 * MIB),
        "product_name": "Radeon RX 7900 XTX",
    } | changes


def test_amd_gpus_come_in_the_order_of_the_bus_with_their_memory(tmp_path: Path) -> None:
    add_card(tmp_path, "card1", "0000:03:00.0", radeon())
    add_card(tmp_path, "card0", "0000:0c:00.0", radeon(product_name=""))
    first, second = (seen.gpu for seen in amd.observe(tmp_path))
    assert (first.name, first.pci, first.vendor) == ("Radeon RX 7900 XTX", "0000:03:00.0", "amd")
    assert (first.total, first.free) == (24 * GIB, 24 * GIB - 512 * MIB)
    assert (second.name, second.pci) == ("AMD GPU 0x744c", "0000:0c:00.0")
    assert (first.bandwidth, first.uuid, first.compute_capability) == (None, None, None)


@pytest.mark.parametrize(("status", "role"), [("connected", "display"), ("disconnected", "compute")])
def test_an_amd_gpu_with_a_monitor_is_a_display(tmp_path: Path, status: str, role: str) -> None:
    add_card(tmp_path, "card0", "0000:03:00.0", radeon())
    fill(tmp_path / "sys/class/drm/card0-DP-1", {"status": status})
    (seen,) = amd.observe(tmp_path)
    assert seen.gpu.role == role


def test_the_monitor_of_card1_is_not_that_of_card10(tmp_path: Path) -> None:
    for number in ("1", "10"):
        add_card(tmp_path, f"card{number}", f"0000:{number.zfill(2)}:00.0", radeon())
    fill(tmp_path / "sys/class/drm/card10-HDMI-A-1", {"status": "connected"})
    assert [seen.gpu.role for seen in amd.observe(tmp_path)] == ["compute", "display"]


def test_a_card_that_tells_no_memory_is_no_gpu_of_amds(tmp_path: Path) -> None:
    files = radeon()
    del files["mem_info_vram_used"]
    add_card(tmp_path, "card0", "0000:03:00.0", files)
    add_card(tmp_path, "card1", "0000:04:00.0", radeon(vendor="0x10de"))
    assert amd.observe(tmp_path) == ()


def test_an_intel_gpu_is_one_where_sysfs_tells_its_memory(tmp_path: Path) -> None:
    told = add_card(tmp_path, "card1", "0000:03:00.0", {"vendor": "0x8086", "device": "0x56a0"})
    fill(told, {"lmem_total_bytes": str(16 * GIB), "lmem_avail_bytes": str(15 * GIB)})
    add_card(tmp_path, "card0", "0000:00:02.0", {"vendor": "0x8086", "device": "0xa780"})
    (seen,), left_out = intel.observe(tmp_path)
    assert (seen.gpu.vendor, seen.gpu.total, seen.gpu.free) == ("intel", 16 * GIB, 15 * GIB)
    assert left_out == ("Intel GPU 0xa780: the kernel does not tell its memory; a machine file can",)


def test_no_cards_are_no_gpus(tmp_path: Path) -> None:
    assert amd.observe(tmp_path) == ()
    assert intel.observe(tmp_path) == ((), ())


def test_pci_devices_are_display_controllers_of_the_vendor(tmp_path: Path) -> None:
    devices = tmp_path / "sys/bus/pci/devices"
    fill(devices / "0000:01:00.0", {"vendor": "0x10de", "class": "0x030000"})
    fill(devices / "0000:01:00.1", {"vendor": "0x10de", "class": "0x040300"})
    fill(devices / "0000:02:00.0", {"vendor": "0x8086", "class": "0x030000"})
    assert sysfs.pci_devices(tmp_path, "0x10de") == ("0000:01:00.0",)


def test_host_memory_without_a_cgroup_limit(tmp_path: Path) -> None:
    fill(tmp_path, {"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/user.slice"})
    fill(tmp_path / "sys/fs/cgroup/user.slice", {"memory.max": "max", "memory.current": "5"})
    assert host.memory(tmp_path) == HostMemory(total=65536000 * KIB, free=32768000 * KIB)


def test_the_tightest_limit_of_cgroup_v2_holds_and_page_cache_is_free(tmp_path: Path) -> None:
    fill(tmp_path, {"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/a/b"})
    group = tmp_path / "sys/fs/cgroup/a"
    fill(group, {"memory.max": str(8 * GIB), "memory.current": str(3 * GIB)})
    fill(group, {"memory.stat": f"anon 1\ninactive_file {GIB}\nactive_file 9"})
    fill(group / "b", {"memory.max": str(16 * GIB), "memory.current": str(GIB)})
    assert host.memory(tmp_path) == HostMemory(total=8 * GIB, free=6 * GIB, cgroup_limit=8 * GIB)


def test_cgroup_v1_has_other_names(tmp_path: Path) -> None:
    fill(tmp_path, {"proc/meminfo": MEMINFO, "proc/self/cgroup": "4:cpu,memory:/job\n3:cpuset:/\n0::/"})
    mount = tmp_path / "sys/fs/cgroup/memory"
    fill(mount, {"memory.limit_in_bytes": UNLIMITED_V1, "memory.usage_in_bytes": "1"})
    fill(mount / "job", {"memory.limit_in_bytes": str(GIB), "memory.usage_in_bytes": str(GIB // 4)})
    fill(mount / "job", {"memory.stat": f"inactive_file 5\ntotal_inactive_file {GIB // 8}"})
    found = host.memory(tmp_path)
    assert found == HostMemory(total=GIB, free=GIB // 8 * 7, cgroup_limit=GIB)


def test_a_host_that_tells_nothing_is_unknown_and_not_0(tmp_path: Path) -> None:
    assert host.memory(tmp_path) == HostMemory(total=None, free=None, cgroup_limit=None)
