"""What llama-server gets from the network itself, and where it keeps that."""

from collections.abc import Mapping

from launcher.core.options import PREFIX, arguments
from launcher.core.profiles import Profile

KEYS = frozenset({"MODEL_URL", "HF_REPO", "DOCKER_REPO", "MMPROJ_URL", "SPEC_DRAFT_HF_REPO"})
FOLDER = "downloads"
"""Below the models folder."""


def downloads(profile: Profile) -> bool:
    """Whether a setting or a flag of `profile` names something to get."""
    return bool(_wanted(profile))


def download_settings(profile: Profile, folder: str) -> dict[str, str]:
    """Variables with which the server keeps in `folder` what it gets; none when it gets nothing.

    LLAMA_CACHE: common/hf-cache.cpp and common/common.cpp. Told of a MODEL_URL alone, the server takes
    itself for a router of several models, so it is told the file as well: tools/server/server.cpp
    (build 11160).
    """
    wanted = _wanted(profile)
    if not wanted:
        return {}
    settings = {"LLAMA_CACHE": folder}
    if "MODEL_URL" in wanted and not profile.model:
        settings["LLAMA_ARG_MODEL"] = f"{folder}/{_file_name(wanted['MODEL_URL'])}"
    return settings


def _wanted(profile: Profile) -> Mapping[str, str]:
    """What is to be got, by key; a flag beats its variable."""
    settings = {name.removeprefix(PREFIX): value for name, value in profile.environment.items()}
    flags = {
        each.option.key: each.values[0]
        for each in arguments(profile.command)
        if each.option and each.option.key in KEYS and each.values
    }
    return {key: value for key, value in (settings | flags).items() if key in KEYS}


def _file_name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
