"""Small made-up models, one or more for each architecture, and what the real engine says about them."""

from collections.abc import Mapping

from architectures.conditions import CONDITIONS, Condition, recorded
from architectures.dense import DENSE
from architectures.encoders import ENCODERS
from architectures.recipe import Recipe
from architectures.recurrent import RECURRENT
from architectures.routed import ROUTED
from launcher.core.header import Header

__all__ = ["CONDITIONS", "RECIPES", "Condition", "made_up", "recorded"]

VOCABULARY = 8192

RECIPES: Mapping[str, Recipe] = {**DENSE, **ROUTED, **RECURRENT, **ENCODERS}
"""By architecture; a variant's name follows a plus sign."""


def made_up(name: str, vocabulary: int = VOCABULARY) -> Header:
    """The header of the recipe with that name."""
    return RECIPES[name].header(name.partition("+")[0], vocabulary=vocabulary)
