"""Evidence: what servers that ran showed, beside what was planned for them."""

from launcher.core.evidence.compare import Comparison, findings, side_by_side
from launcher.core.evidence.live import DeviceUse, device_use
from launcher.core.evidence.values import Evidence, Speed, measurement, newest, settings_key

__all__ = [
    "Comparison",
    "DeviceUse",
    "Evidence",
    "Speed",
    "device_use",
    "findings",
    "measurement",
    "newest",
    "settings_key",
    "side_by_side",
]
