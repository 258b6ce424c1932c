"""Compiles the simulation of the engine's graph, on which a plan spends nearly all of its time.

With a C compiler and Python's headers mypyc makes it more than twice as fast. Without them, where launcher
runs from its source tree, and where LAUNCHER_COMPILE=0 is set because it is installed for one run only,
the same modules are interpreted, with the same results.
"""

import os
import sys
import sysconfig
from pathlib import Path
from shutil import which

from setuptools import Extension, setup

MEMORY = Path("src/launcher/core/memory")
MODULES = (
    "element", "graph/node", "graph/graph", "graph/fusion", "graph/schedule", "graph/allocator", "graph/cuda",
    "graph/builder", "graph/experts", "graph/recurrent",
)  # fmt: skip
OPTIONS = ("--ignore-missing-imports", "--follow-imports=silent", "--config-file=")


def extensions() -> list[Extension]:
    """The modules to compile into a wheel; none where that can't be done: an install never fails for it."""
    headers = Path(sysconfig.get_paths()["include"], "Python.h")
    compiler = which(os.environ.get("CC", "cc").split()[0])
    wanted = "bdist_wheel" in sys.argv and os.environ.get("LAUNCHER_COMPILE") != "0"
    if not wanted or compiler is None or not headers.is_file():
        return []
    from mypyc.build import mypycify

    paths = [str(MEMORY / f"{module}.py") for module in MODULES]
    try:
        found: list[Extension] = mypycify([*OPTIONS, *paths], opt_level="1", debug_level="0")
    except SystemExit:  # how mypyc says that it can't compile these modules
        return []
    for extension in found:
        extension.optional = True
    return found


setup(ext_modules=extensions())
