"""Options that every command takes, and the project folder that they resolve to."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from launcher.core.errors import LauncherError, misuse

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


@dataclass(slots=True)
class Globals:
    """What the global options said, wherever on the command line they stood."""

    conf: Path | None = None
    models_dir: Path | None = None
    machines: list[str] = field(default_factory=list)
    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The project folder: the one that holds models.conf.

    machines: as named by --machine (a name under profiles/machines/, a path, or ``detect``).
    """

    root: Path
    conf: Path
    models_dir: Path
    machines: tuple[str, ...]
    json: bool

    @property
    def profiles(self) -> Path:
        return self.root / "profiles"

    @property
    def state(self) -> Path:
        return self.root / ".launcher"


def workspace(ctx: click.Context) -> Workspace:
    """The project that this command line is about.

    models.conf is --conf, else $LAUNCHER_CONF, else the nearest one at or above the current folder.
    Raises UsageError when there is none.
    """
    options = ctx.ensure_object(Globals)
    named = options.conf or (Path(os.environ["LAUNCHER_CONF"]) if os.environ.get("LAUNCHER_CONF") else None)
    conf = (named or _nearest_conf(Path.cwd())).absolute()
    if not conf.is_file():
        raise misuse(
            "no such file", where=str(conf), hint="run launcher in the project's folder, or pass --conf FILE"
        )
    models = options.models_dir or os.environ.get("LAUNCHER_MODELS_DIR") or conf.parent / "models"
    return Workspace(
        root=conf.parent,
        conf=conf,
        models_dir=Path(models).absolute(),
        machines=tuple(options.machines),
        json=options.json,
    )


def _nearest_conf(folder: Path) -> Path:
    candidates = [parent / "models.conf" for parent in (folder, *folder.parents)]
    return next(filter(Path.is_file, candidates), candidates[0])


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value in (None, False, ()):
        return
    options = ctx.ensure_object(Globals)
    setattr(options, str(param.name), list(value) if param.name == "machines" else value)


def _params() -> list[click.Option]:
    return [
        click.Option(
            ["--conf"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="models.conf to use.",
            expose_value=False,
            callback=_remember,
        ),
        click.Option(
            ["--models-dir"],
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Folder of the GGUF files.",
            expose_value=False,
            callback=_remember,
        ),
        click.Option(
            ["--machine", "machines"],
            multiple=True,
            metavar="NAME|FILE",
            help="A name under profiles/machines/, a path, or 'detect'.",
            expose_value=False,
            callback=_remember,
        ),
        click.Option(["--json"], is_flag=True, help="Print JSON.", expose_value=False, callback=_remember),
    ]


class TakesGlobals(click.Command):
    """Adds the global options, so that they may stand on either side of a command's name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_params())


class LauncherCommand(TakesGlobals):
    """A command of launcher: ``@click.command(cls=LauncherCommand)``; returns its exit code, None is 0."""


class ProfileName(click.types.StringParamType):
    """The name of a profile, which the shell completes from models.conf."""

    name = "profile"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        from launcher.core.profiles import parse

        try:
            conf = workspace(ctx).conf
            registry = parse(conf.read_text(encoding="utf-8"), str(conf))
        except (LauncherError, OSError, UnicodeDecodeError):
            return []
        names = registry.names(include_retired=True)
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class KeySetting(click.types.StringParamType):
    """``KEY`` or ``KEY=VALUE``, of which the shell completes the key."""

    def __init__(self, ending: str = "") -> None:
        self._ending = ending

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        from launcher.core.profiles.keys import KEYS

        return [CompletionItem(key + self._ending) for key in KEYS if key.startswith(incomplete.upper())]


def profile_argument(name: str = "profile", **options: Any) -> Callable[[FunctionT], FunctionT]:
    """``click.argument`` for the name of a profile."""
    metavar = name.upper() if options.get("required", True) else f"[{name.upper()}]"
    return click.argument(name, type=ProfileName(), metavar=metavar, **options)
