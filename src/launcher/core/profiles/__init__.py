"""Profiles: the only package that knows what models.conf says and means."""

from launcher.core.profiles.registry import Registry, parse
from launcher.core.profiles.validate import parse_samplers, validate
from launcher.core.profiles.values import Placement, Profile, RuntimeName, Sampler, Setting, Status

__all__ = [
    "Placement",
    "Profile",
    "Registry",
    "RuntimeName",
    "Sampler",
    "Setting",
    "Status",
    "parse",
    "parse_samplers",
    "validate",
]
