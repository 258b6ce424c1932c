"""``python benchmarks``: every benchmark, as docs/performance.md. Exit code 1 when a limit is not kept."""

import platform
import sys
from importlib import import_module

from measure import table

BENCHMARKS = {
    "startup": "Start of a command",
    "registry": "A large models.conf",
    "header": "Reading a header",
    "plan": "Plans",
    "dry_runs": "Asking the engine",
    "up": "Starting a server",
}
HEAD = """# What launcher itself costs

Written by `make bench`, on {machine}. Times are CPU time unless a row says otherwise; each limit is
the promise of an issue, measured again whenever this page is written.
"""


def main() -> int:
    sections = [(title, import_module(name).rows()) for name, title in BENCHMARKS.items()]
    print(HEAD.format(machine=f"{platform.machine()}, Python {platform.python_version()}"))
    for title, rows in sections:
        print(table(title, rows))
    return 0 if all(row.kept for _, rows in sections for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
