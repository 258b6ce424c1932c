"""llama.cpp's log, read: what lies where, how the graph is split, what the fit said."""

from launcher.core.logs.breakdown import HOST, read_output_row
from launcher.core.logs.build import read_build
from launcher.core.logs.ledgers import engine_ledger, measured_ledger, projected_ledger
from launcher.core.logs.loads import Load, is_read, read_loads

__all__ = [
    "HOST",
    "Load",
    "engine_ledger",
    "is_read",
    "measured_ledger",
    "projected_ledger",
    "read_build",
    "read_loads",
    "read_output_row",
]
