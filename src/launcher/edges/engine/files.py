"""The files that dry runs load: a header, and a hole where the weights would be."""

import os
import tempfile
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from threading import Lock

from launcher.core.dry_run.file import DryFile
from launcher.core.errors import failure


class DryFiles:
    """A private folder of such files, one for each model. Safe to use from several threads."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._lock = Lock()

    def path(self, file: DryFile) -> Path:
        """The file with this header; it takes no more disk than the header does.

        Raises LauncherError where a file can't be that large.
        """
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="launcher-dry-run-"))
                self._folder.chmod(0o755)
            path = self._folder / f"{sha256(file.header).hexdigest()[:16]}.gguf"
            if not path.exists():
                _write(path, file)
            return path

    def remove(self) -> None:
        """Delete the folder."""
        with self._lock:
            if self._folder is not None:
                rmtree(self._folder, ignore_errors=True)
                self._folder = None


def _write(path: Path, file: DryFile) -> None:
    path.write_bytes(file.header)
    try:
        os.truncate(path, file.size)
    except OSError as error:
        path.unlink()
        raise failure(
            f"no file of {file.size:,} bytes can be made for the dry run: {error.strerror}",
            hint="set TMPDIR to a file system with sparse files, such as ext4, and check ulimit -f",
            where=str(path.parent),
        ) from error
