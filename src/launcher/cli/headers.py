"""Where a command finds the headers of models."""

from pathlib import Path

from launcher.cli.options import Workspace
from launcher.edges.files import write_atomic
from launcher.edges.headers import Headers, open_headers


def project_headers(space: Workspace) -> Headers:
    """In the project's models, and in the snapshots beside its profiles."""
    return open_headers(space.models_dir, space.profiles / "headers", write_atomic)


def headers_here() -> Headers:
    """In the current folder, which need not be a project's."""
    return open_headers(Path.cwd(), Path.cwd() / "profiles" / "headers", write_atomic)
