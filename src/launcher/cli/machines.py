"""--machine NAME|FILE|detect: the machines that a command is about."""

from pathlib import Path

from launcher.cli.options import Workspace
from launcher.cli.project import shown
from launcher.core.errors import Problem, UsageError, misuse
from launcher.core.hardware import Detection, with_margins_of
from launcher.core.machine import Machine
from launcher.edges.files import load_yaml

DETECT = "detect"


def machine_for(space: Workspace) -> Machine:
    """The one machine of this command line; the one that it runs on when none is named."""
    if len(space.machines) > 1:
        raise misuse("one machine at a time here", where="--machine", hint="launcher check takes several")
    return resolve_machine(space.machines[0] if space.machines else DETECT, machines_dir(space))


def all_machines(space: Workspace) -> tuple[Machine, ...]:
    """The machines of this command line; all of profiles/machines/ when none is named.

    Raises UsageError with what is wrong in any of their files.
    """
    folder = machines_dir(space)
    names = space.machines or tuple(path.stem for path in sorted(folder.glob("*.yml")))
    if not names:
        raise misuse("no machines", where=shown(folder), hint="launcher detect --write NAME makes one")
    machines: list[Machine] = []
    problems: list[Problem] = []
    for name in names:
        try:
            machines.append(resolve_machine(name, folder))
        except UsageError as error:
            problems.extend(error.problems)
    if problems:
        raise UsageError(*problems)
    return tuple(machines)


def resolve_machine(spec: str, folder: Path) -> Machine:
    """The machine that `spec` names: ``detect``, a file (with a slash or a suffix), or a name in `folder`.

    Raises UsageError for one that isn't there, and for what is wrong in its file.
    """
    if spec == DETECT:
        return observed_machine(folder)
    if "/" in spec or spec.endswith((".yml", ".yaml")):
        return _load(Path(spec))
    path = folder / f"{spec}.yml"
    if not path.is_file():
        raise _unknown(spec, folder)
    machine = _load(path)
    if machine.name != spec:
        what = f"expected {spec!r}, as the file is called, got {machine.name!r}"
        raise misuse(what, where=f"{shown(path)}: name", hint="profiles name machines by it, in MACHINES")
    return machine


def machines_dir(space: Workspace) -> Path:
    return space.profiles / "machines"


def observed_machine(folder: Path | None = None) -> Machine:
    """The machine that this command runs on; see detection."""
    return detection(folder).machine


def detection(folder: Path | None = None) -> Detection:
    """What this computer has now.

    folder: where a machine file with the host's name keeps what the owner set: headroom, margins, and
    roles that a driver doesn't tell. Raises LauncherError when a driver is there and fails.
    """
    from launcher.edges.hardware import observe

    hardware = observe()
    machine = hardware.machine()
    own = folder / f"{machine.name}.yml" if folder else None
    kept = with_margins_of(machine, _load(own)) if own and own.is_file() else machine
    return Detection(hardware=hardware.in_order_of(kept), machine=kept)


def _load(path: Path) -> Machine:
    from launcher.core.machine_file import parse_machine

    if not path.is_file():
        raise misuse("no such file", where=shown(path))
    return parse_machine(load_yaml(path), shown(path))


def _unknown(name: str, folder: Path) -> UsageError:
    from difflib import get_close_matches

    known = [path.stem for path in sorted(folder.glob("*.yml"))]
    near = get_close_matches(name, [*known, DETECT], n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join([*known, DETECT])}"
    return misuse(f"no machine {name!r} under {shown(folder)}", where="--machine", hint=hint)
