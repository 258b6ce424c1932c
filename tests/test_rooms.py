"""The rooms of docs/architecture.md, enforced: who may import whom."""

import ast
from pathlib import Path

import pytest

import launcher

PACKAGE = Path(launcher.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MAY_IMPORT = {
    "core": {"core"},
    "edges": {"core", "edges"},
    "workflow": {"core", "workflow"},
    "console": {"core", "workflow", "console"},
    "cli": {"core", "workflow", "console", "cli", "edges"},
}
FORBIDDEN_IN_CORE = {
    "os",
    "sys",
    "io",
    "subprocess",
    "logging",
    "time",
    "datetime",
    "socket",
    "pathlib",
    "shutil",
    "tempfile",
}


def room(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(module: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_the_rooms_it_may(module: Path) -> None:
    if room(module) not in MAY_IMPORT:
        return
    inside = {name.split(".")[1] for name in imports(module) if name.startswith("launcher.")}
    rooms = {name for name in inside if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()}
    assert rooms <= MAY_IMPORT[room(module)]


@pytest.mark.parametrize("module", sorted((PACKAGE / "edges").rglob("*.py")), ids=lambda path: path.name)
def test_edges_do_not_import_each_other(module: Path) -> None:
    own = ".".join(["launcher", "edges", module.relative_to(PACKAGE / "edges").parts[0].removesuffix(".py")])
    assert not {
        name for name in imports(module) if name.startswith("launcher.edges") and not name.startswith(own)
    }


@pytest.mark.parametrize("module", sorted((PACKAGE / "core").rglob("*.py")), ids=lambda path: path.name)
def test_core_does_not_reach_the_world(module: Path) -> None:
    assert not {name.split(".")[0] for name in imports(module)} & FORBIDDEN_IN_CORE
