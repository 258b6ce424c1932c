"""Placement: what llama.cpp's ``--fit`` makes of a model on a machine."""

from launcher.core.fit.engine import place
from launcher.core.fit.placement import Placement

__all__ = ["Placement", "place"]
