"""Who listens on a TCP port of this machine, from Linux's /proc."""

import errno
import socket
from pathlib import Path

LISTEN = "0A"


def holder(bind: str, port: int) -> str | None:
    """Who keeps `port` from being bound at `bind`, in words; None when it is free."""
    if _is_free(bind, port):
        return None
    for inode in _listening_inodes(port):
        process = _process_with_socket(inode)
        if process:
            return process
    return "another program"


def _is_free(bind: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for row in table.read_text(encoding="ascii").splitlines()[1:]:
            fields = row.split()
            if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _process_with_socket(inode: str) -> str | None:
    target = f"socket:[{inode}]"
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(link.readlink()) == target for link in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8").strip()
                return f"{name} (process {process.name})"
        except OSError:
            continue  # gone meanwhile, or another user's
    return None
