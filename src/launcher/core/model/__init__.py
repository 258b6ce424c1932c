"""A model as the engine's loader sees it: the facts of a header that decide memory."""

from launcher.core.model.facts import Layer, Model
from launcher.core.model.features import features
from launcher.core.model.recurrence import StateSpace
from launcher.core.model.windows import WindowKind

__all__ = ["Layer", "Model", "StateSpace", "WindowKind", "features"]
