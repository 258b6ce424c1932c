"""``python -m launcher.edges.embedded.server``: llama.cpp's server in this process, from its environment.

Reads ``LLAMA_ARG_*`` and its arguments as llama-server does; serves until SIGTERM.
"""

import os
import signal
import sys
import threading
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

from launcher.core.embedded import Member, Parameter, parameters
from launcher.core.errors import LauncherError
from launcher.edges.embedded.record import write_own

API_KEY_FILE = "LLAMA_ARG_API_KEY_FILE"


def main() -> int:
    write_own(os.environ)
    import xllamacpp

    environment = {name: value for name, value in os.environ.items() if name.startswith("LLAMA_ARG_")}
    keys = _api_keys(environment.pop(API_KEY_FILE, None))
    params = xllamacpp.CommonParams()
    try:
        for parameter in parameters(environment, sys.argv[1:]):
            _assign(params, parameter)
    except LauncherError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    params.api_keys = keys
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    server = xllamacpp.Server(params)
    print(f"listening on {server.listening_address}", file=sys.stderr, flush=True)
    stop.wait()
    return 0


def _assign(params: Any, parameter: Parameter) -> None:
    *path, name = parameter.path.split(".")
    value: Any = parameter.value
    if isinstance(value, Member):
        value = getattr(getattr(import_module("xllamacpp"), value.enumeration), value.name)
    elif isinstance(value, tuple):
        value = set(value) if isinstance(getattr(params, name), set) else list(value)
    setattr(reduce(getattr, path, params), name, value)


def _api_keys(path: str | None) -> list[str]:
    if path is None:
        return []
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]


if __name__ == "__main__":
    sys.exit(main())
