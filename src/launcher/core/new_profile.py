"""The first lines of a profile for a model: what its header says, and nothing that is guessed."""

import re
from collections.abc import Mapping

from launcher.core.architecture import Architecture
from launcher.core.gguf_names import whole_name


def profile_name(model: str) -> str:
    """A name for the profile of a model file: its file name in lower case, without the part's number."""
    stem = whole_name(model.rpartition("/")[2]).removesuffix(".gguf").lower()
    return re.sub(r"[^a-z0-9._-]+", "-", stem).strip("-._")


def starting_values(model: str, about: Architecture) -> Mapping[str, str]:
    """Keys and values for a model by its path below the models folder.

    The context is the one that it was trained for. A recurrent state can't be shifted, so context
    shift is switched off for it.
    """
    values = {"NAME": about.name} if about.name else {}
    values |= {"MODEL": model, "CTX_SIZE": str(about.context_length)}
    if about.recurrence:
        values["CONTEXT_SHIFT"] = "off"
    return values
