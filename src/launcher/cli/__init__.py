"""The command line: wires edges to use cases; the only place that exits."""

import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from launcher import __version__
from launcher.cli.options import Globals, LauncherCommand, TakesGlobals
from launcher.console import Console
from launcher.core.errors import LauncherError, UsageError, failure

EXIT_USAGE = 2
EXIT_BUG = 3
EXIT_INTERRUPTED = 130

COMMANDS: dict[str, str] = {
    # name: module below launcher.cli that defines it
    "accuracy": "accuracy",
    "activate": "edit",
    "add": "edit",
    "bench": "bench",
    "check": "check",
    "copy": "edit",
    "detect": "detect",
    "doctor": "doctor",
    "down": "launch",
    "edit": "edit",
    "evidence": "evidence",
    "inspect": "inspect",
    "list": "registry",
    "logs": "launch",
    "plan": "plan",
    "remove": "edit",
    "rename": "edit",
    "render": "render",
    "restart": "launch",
    "retire": "edit",
    "set": "edit",
    "show": "registry",
    "snapshot": "inspect",
    "status": "launch",
    "tune": "tune",
    "unset": "edit",
    "up": "launch",
    "update": "update",
}


class LazyGroup(TakesGlobals, click.Group):
    """Imports a command's module when that command is wanted, so that each starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"launcher.cli.{COMMANDS[name]}")
        commands = (value for value in vars(module).values() if isinstance(value, LauncherCommand))
        return next(command for command in commands if command.name == name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from difflib import get_close_matches

        if args and args[0] not in COMMANDS:
            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {near[0]}?" if near else "launcher --help lists the commands"
            raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


def print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        Console().data(f"launcher {__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Show the version.",
)
def launcher() -> None:
    """Start and plan llama.cpp servers from the profiles in models.conf."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error leaves through here."""
    console = Console()
    try:
        code = launcher.main(list(arguments), prog_name="launcher", standalone_mode=False, obj=Globals())
    except (click.exceptions.Abort, KeyboardInterrupt):
        console.note("interrupted")
        return EXIT_INTERRUPTED
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "launcher"
        console.problems(UsageError(*failure(error.format_message(), where=where).problems))
        return EXIT_USAGE
    except LauncherError as error:
        console.problems(error)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:
        console.bug(_write_bug_log(arguments))
        return EXIT_BUG
    return code if isinstance(code, int) else 0


def _write_bug_log(arguments: Sequence[str]) -> Path:
    import traceback

    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "launcher"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "bug.log"
    log.write_text(
        f"launcher {' '.join(arguments)}\npython {sys.version}\n\n{traceback.format_exc()}", encoding="utf-8"
    )
    return log


def main() -> NoReturn:
    """Entry point of the ``launcher`` command; a request to end is taken like ^C.

    A command is over before its cycles are worth collecting: looking for them took a tenth of its time,
    and the interpreter's own last look, which freezing spares, as much again.
    """
    gc.disable()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = run(sys.argv[1:])
    gc.freeze()
    sys.exit(code)
