"""Damage real headers many times; report crashes, hangs, the slowest and the hungriest.

usage: python tests/fuzz/fuzz_gguf.py [--mutations N] [--seed N] [FOLDER]

FOLDER (profiles/headers/ if none is given) holds headers, NAME.gguf or NAME.gguf.gz, the latter with
the files' full sizes in sizes.json. One with a vocabulary is added. Every damaged header has to be
read and described, or refused with LauncherError, within 100 ms of CPU time and 64 MiB; else the exit
code is 1, and the mutation is named so that it can be made again.
"""

import argparse
import gzip
import json
import random
import sys
import time
import tracemalloc
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from gguf_bytes import MemorySource, small_file
from launcher.core.architecture import describe
from launcher.core.errors import LauncherError
from launcher.core.gguf_split import read_header
from launcher.edges.headers.types import tensor_types
from mutations import mutate

SHIPPED = Path(__file__).parents[2] / "profiles" / "headers"
MAX_SECONDS = 0.1
MAX_BYTES = 64 << 20
MEASURE_MEMORY_EVERY = 50


@dataclass(slots=True)
class Tally:
    """What happened to the mutations so far."""

    read: int = 0
    refused: int = 0
    slowest: float = 0.0
    hungriest: int = 0
    failures: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("folder", type=Path, nargs="?", default=SHIPPED)
    options = parser.parse_args()
    headers = load(options.folder)
    tally = Tally()
    for number in range(options.mutations):
        seed = options.seed + number
        source = headers[number % len(headers)]
        damaged = replace(source, data=mutate(source.data, random.Random(seed)))
        attempt(f"seed {seed} of {source.name}", damaged, tally, number)
    report(tally, len(headers))
    return 1 if tally.failures else 0


def load(folder: Path) -> list[MemorySource]:
    """The headers in `folder`, each with the size of its whole file, and one with a vocabulary."""
    sizes = json.loads((folder / "sizes.json").read_text()) if (folder / "sizes.json").exists() else {}
    plain = [MemorySource(path.read_bytes(), path.name) for path in sorted(folder.glob("*.gguf"))]
    packed = [
        MemorySource(gzip.decompress(path.read_bytes()), path.stem, length=sizes.get(path.stem))
        for path in sorted(folder.glob("*.gguf.gz"))
    ]
    return [*plain, *packed, MemorySource(small_file(), "a vocabulary")]


def attempt(label: str, source: MemorySource, tally: Tally, number: int) -> None:
    """Read one damaged header, and note how that went."""
    measured = number % MEASURE_MEMORY_EVERY == 0
    if measured:
        tracemalloc.start()
    begin = time.process_time()
    try:
        describe(read_header([source], tensor_types(), "file"), tensor_types())
        tally.read += 1
    except LauncherError:
        tally.refused += 1
    except Exception as error:
        tally.failures.append(f"{label}: {error!r}")
    seconds = time.process_time() - begin
    if measured:
        note_memory(label, tally)
        return
    tally.slowest = max(tally.slowest, seconds)
    if seconds > MAX_SECONDS:
        tally.failures.append(f"{label}: {seconds * 1000:.0f} ms")


def note_memory(label: str, tally: Tally) -> None:
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    tally.hungriest = max(tally.hungriest, peak)
    if peak > MAX_BYTES:
        tally.failures.append(f"{label}: {peak >> 20} MiB")


def report(tally: Tally, headers: int) -> None:
    counts = f"{tally.read:,} read, {tally.refused:,} refused, {len(tally.failures)} failures"
    print(f"{headers} headers, damaged: {counts}")
    print(f"slowest {tally.slowest * 1000:.1f} ms, most memory {tally.hungriest / (1 << 20):.1f} MiB")
    for failure in tally.failures[:20]:
        print(f"  {failure}")


if __name__ == "__main__":
    sys.exit(main())
