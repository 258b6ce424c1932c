"""The folder for what servers download."""

import os
from pathlib import Path

from launcher.core.errors import failure


def provide(folder: Path, user: str) -> None:
    """Make `folder`, for `user` (``number:number``) to write to; one that is there stays as it is.

    Raises LauncherError where that can't be done.
    """
    try:
        _make(folder, user)
    except OSError as error:
        raise failure(
            f"no folder for downloads can be made here: {error.strerror}",
            where=str(folder),
            hint="see its permissions, and those of the models folder; or name another one with --models-dir",
        ) from None


def _make(folder: Path, user: str) -> None:
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        owner, group = map(int, user.split(":"))
        for each in made:
            os.chown(each, owner, group)
