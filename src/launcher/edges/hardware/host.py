"""Host memory: ``/proc/meminfo``, and the limits of the cgroups that this process is in."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.core.hardware import HostMemory
from launcher.core.units import KIB
from launcher.edges.hardware import sysfs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """Where a version of cgroups keeps its figures."""

    mount: str
    limit: str
    usage: str
    reclaimable: str


_V2 = _Files(mount="sys/fs/cgroup", limit="memory.max", usage="memory.current", reclaimable="inactive_file")
_V1 = _Files(
    mount="sys/fs/cgroup/memory",
    limit="memory.limit_in_bytes",
    usage="memory.usage_in_bytes",
    reclaimable="total_inactive_file",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    """Bytes that a cgroup may use, and those that are left."""

    total: int
    free: int


def memory(root: Path) -> HostMemory:
    """Host memory of this process; what can't be read is None."""
    info = sysfs.text(root / "proc/meminfo") or ""
    total, free = _field(info, "MemTotal"), _field(info, "MemAvailable")
    limits = [limit for limit in _limits(root) if total is None or limit.total < total]
    return HostMemory(
        total=_least(total, [limit.total for limit in limits]),
        free=_least(free, [limit.free for limit in limits]),
        cgroup_limit=_least(None, [limit.total for limit in limits]),
    )


def _least(own: int | None, limits: Sequence[int]) -> int | None:
    known = [*limits, *([] if own is None else [own])]
    return min(known, default=None)


def _field(text: str, name: str) -> int | None:
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * KIB if found else None


def _limits(root: Path) -> Iterator[_Limit]:
    """The limits of the cgroup and of those around it: the tightest one holds."""
    for files, group in _groups(root):
        mount = root / files.mount
        folder = mount / group.lstrip("/")
        for each in (folder, *folder.parents):
            if not each.is_relative_to(mount):
                break
            limit = _limit(each, files)
            if limit:
                yield limit


def _groups(root: Path) -> Iterator[tuple[_Files, str]]:
    for line in (sysfs.text(root / "proc/self/cgroup") or "").splitlines():
        number, controllers, group = line.split(":", 2)
        if number == "0":
            yield _V2, group
        elif "memory" in controllers.split(","):
            yield _V1, group


def _limit(folder: Path, files: _Files) -> _Limit | None:
    """None without a limit. Page cache that isn't in use counts as free: the kernel drops it."""
    total, used = sysfs.number(folder / files.limit), sysfs.number(folder / files.usage)
    if total is None or used is None:
        return None
    statistics = sysfs.text(folder / "memory.stat") or ""
    cached = re.search(rf"^{files.reclaimable} (\d+)$", statistics, re.MULTILINE)
    return _Limit(total=total, free=max(0, total - used + (int(cached[1]) if cached else 0)))
