"""Which llama.cpp wrote a log (``common_params_print_info`` in common/common.cpp, build 11160)."""

import re

_BUILD = re.compile(r"common_params_print_info: build (\d+ \(\w+\))")


def read_build(log: str) -> str | None:
    """Number and commit, such as ``11160 (a1b2c3d)``; None when the log doesn't say."""
    match = _BUILD.search(log)
    return match[1] if match else None
