"""What the benchmarks share: CPU time of whole processes, and a Markdown table."""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a benchmark's table. limit: the most that is allowed, in the same unit; None has no bar."""

    what: str
    measured: float
    unit: str
    limit: float | None = None

    @property
    def kept(self) -> bool:
        return self.limit is None or self.measured <= self.limit

    def __str__(self) -> str:
        limit = "" if self.limit is None else f"{self.limit:g} {self.unit}"
        verdict = "" if self.limit is None else "yes" if self.kept else "**no**"
        return f"| {self.what} | {self.measured:.3g} {self.unit} | {limit} | {verdict} |"


def table(title: str, rows: Sequence[Row]) -> str:
    """A Markdown section with the rows."""
    return "\n".join(
        [
            f"## {title}",
            "",
            "| what | measured | at most | kept |",
            "|---|---:|---:|---|",
            *map(str, rows),
            "",
        ]
    )


def launcher() -> str:
    """The command, as it is installed beside this interpreter."""
    return str(Path(sys.executable).with_name("launcher"))


def seconds(work: Callable[[], object]) -> float:
    """Seconds of this process's CPU time for one run."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def best(work: Callable[[], object], *, times: int = 5) -> float:
    """Seconds of this process's CPU time for the fastest of some runs."""
    return min(seconds(work) for _ in range(times))


def cpu_seconds(command: Sequence[str], *, times: int = 7) -> float:
    """Median user and system seconds of `command` as a whole process, after one run to warm up."""
    return statistics.median([_one(command) for _ in range(times + 1)][1:])


def _one(command: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=os.environ | {"NO_COLOR": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
