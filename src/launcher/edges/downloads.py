"""The folder for what servers download."""

import os
from pathlib import Path


def provide(folder: Path, user: str) -> None:
    """Make `folder`, for `user` (``number:number``) to write to; one that is there stays as it is."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        owner, group = map(int, user.split(":"))
        for each in made:
            os.chown(each, owner, group)
