"""--machine: a name, a file, detect; and all machine files."""

from pathlib import Path

import pytest

from launcher.cli import machines
from launcher.cli.machines import all_machines, machine_for
from launcher.cli.options import Workspace
from launcher.core.errors import UsageError
from launcher.core.hardware import Hardware, HostMemory, ObservedGpu
from launcher.core.headroom import fit_target_value
from launcher.core.units import GIB
from planning import RTX_4090


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "profiles" / "machines"
    folder.mkdir(parents=True)
    for name in ("desk", "attic"):
        (folder / f"{name}.yml").write_text(f"name: {name}\ngpus: []\n", encoding="utf-8")
    return tmp_path


def space(root: Path, *named: str) -> Workspace:
    return Workspace(
        root=root, conf=root / "models.conf", models_dir=root / "models", machines=named, json=False
    )


def problem_of(root: Path, *named: str) -> str:
    with pytest.raises(UsageError) as raised:
        machine_for(space(root, *named))
    return str(raised.value)


def test_a_name_and_a_file_name_the_same_machine(root: Path) -> None:
    path = root / "profiles" / "machines" / "desk.yml"
    assert machine_for(space(root, "desk")) == machine_for(space(root, str(path)))
    assert machine_for(space(root, "desk")).name == "desk"


def test_all_machines_are_those_named_or_else_every_file(root: Path) -> None:
    assert [machine.name for machine in all_machines(space(root))] == ["attic", "desk"]
    assert [machine.name for machine in all_machines(space(root, "desk"))] == ["desk"]


@pytest.mark.parametrize(
    ("name", "hint"), [("dsek", "did you mean desk?"), ("hut", "there are: attic, desk")]
)
def test_a_machine_that_is_not_there(root: Path, name: str, hint: str) -> None:
    assert hint in problem_of(root, name)


def test_a_file_that_is_not_there(root: Path) -> None:
    assert "no such file" in problem_of(root, "./hut.yml")


def test_a_file_is_called_as_its_machine(root: Path) -> None:
    (root / "profiles" / "machines" / "desk.yml").write_text("name: bench\ngpus: []\n", encoding="utf-8")
    assert "expected 'desk', as the file is called, got 'bench'" in problem_of(root, "desk")


def test_the_problems_of_all_files_come_at_once(root: Path) -> None:
    for name in ("desk", "attic"):
        (root / "profiles" / "machines" / f"{name}.yml").write_text("gpus: []\n", encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        all_machines(space(root))
    assert [problem.what for problem in raised.value.problems] == ["is missing", "is missing"]


def test_a_project_without_machine_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="launcher detect --write NAME"):
        all_machines(space(tmp_path))


def test_one_machine_is_not_two(root: Path) -> None:
    assert "one machine at a time" in problem_of(root, "desk", "attic")


def test_none_named_is_the_one_that_is_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Hardware(host_name="desk", host=HostMemory(total=8 * GIB, free=GIB))
    monkeypatch.setattr("launcher.edges.hardware.observe", lambda: seen)
    assert machine_for(space(root)) == machine_for(space(root, "detect")) == seen.machine()


def test_the_file_with_the_hosts_name_keeps_its_headroom(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Hardware(host_name="desk", host=HostMemory(), gpus=(ObservedGpu(gpu=RTX_4090),))
    monkeypatch.setattr("launcher.edges.hardware.observe", lambda: seen)
    text = "name: desk\ngpus: []\nheadroom: {compute: 300MiB}\n"
    (root / "profiles" / "machines" / "desk.yml").write_text(text, encoding="utf-8")
    assert fit_target_value(machines.observed_machine(root / "profiles" / "machines")) == "300"
