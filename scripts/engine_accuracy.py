"""Ask the engine about every case of ../shared/oracle and count the answers that differ.

Usage: python scripts/engine_accuracy.py ENGINE [--jobs N]. Exit code 1 if any differs.
"""

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from engine_cases import differences  # noqa: E402
from launcher.edges.engine import DirectEngine  # noqa: E402
from launcher.edges.files import write_atomic  # noqa: E402
from oracle_cases import load_cases  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", type=Path, help="path of llama.cpp's `llama`: make engine prints it")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    cases = load_cases()
    wrong = 0
    with (
        tempfile.TemporaryDirectory() as cache,
        DirectEngine(arguments.engine, cache=Path(cache), write=write_atomic, simulated=True) as engine,
        ThreadPoolExecutor(arguments.jobs) as pool,
    ):
        for case, found in zip(cases, pool.map(lambda case: differences(engine, case), cases), strict=True):
            wrong += bool(found)
            for difference in found:
                print(f"{case.id}: {difference}")
    print(f"{len(cases) - wrong} of {len(cases)} cases are reproduced to the MiB, with their graph splits")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
