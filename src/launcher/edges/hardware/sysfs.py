"""PCI and DRM devices as the kernel lists them below ``/sys``."""

from collections.abc import Iterator
from pathlib import Path

DISPLAY_CLASS = "0x03"


def text(path: Path) -> str | None:
    """The content of an attribute; None when the driver has none or doesn't tell."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def number(path: Path) -> int | None:
    """An attribute that is a decimal number; None when it isn't there or is something else."""
    found = text(path)
    return int(found) if found and found.isascii() and found.isdigit() else None


def cards(root: Path, vendor: str) -> Iterator[Path]:
    """The DRM cards of a PCI vendor (``0x1002``), in the order of the PCI bus."""
    found = [
        card for card in (root / "sys/class/drm").glob("card*") if text(card / "device/vendor") == vendor
    ]
    yield from sorted((card for card in found if "-" not in card.name), key=address)


def address(card: Path) -> str:
    """The PCI address of a DRM card, such as ``0000:03:00.0``."""
    return (card / "device").resolve().name


def monitor_attached(card: Path) -> bool:
    """Is a monitor connected to one of the card's outputs? A card without outputs has none."""
    outputs = card.parent.glob(f"{card.name}-*/status")
    return any(text(output) == "connected" for output in outputs)


def pci_devices(root: Path, vendor: str) -> tuple[str, ...]:
    """PCI addresses of a vendor's display controllers."""
    devices = sorted((root / "sys/bus/pci/devices").glob("*"))
    return tuple(device.name for device in devices if _is_display(device, vendor))


def _is_display(device: Path, vendor: str) -> bool:
    kind = text(device / "class") or ""
    return text(device / "vendor") == vendor and kind.startswith(DISPLAY_CLASS)
