"""The hardware of this computer: GPUs by their drivers, host memory by the kernel."""

import socket
from pathlib import Path

from launcher.core.hardware import Hardware, arrange
from launcher.edges.hardware import amd, host, intel, nvidia

__all__ = ["observe"]


def observe(root: Path = Path("/")) -> Hardware:
    """What is there now. `root`: where ``proc`` and ``sys`` are mounted.

    Raises LauncherError when a driver is there and doesn't answer: that is not 'no GPU'.
    """
    found = nvidia.observe(root)
    intels, untold = intel.observe(root)
    gpus, left_out = arrange((*found.gpus, *amd.observe(root), *intels))
    return Hardware(
        host_name=socket.gethostname(),
        host=host.memory(root),
        gpus=gpus,
        left_out=(*left_out, *found.left_out, *untold),
        driver=found.driver,
        cuda=found.cuda,
    )
