"""The house's floors: imports go down only, and each third-party package has one home."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "server" / "keepboth"

FLOORS = {
    "errors": 0, "events": 1, "settings": 1, "cloudevents": 2,
    "yjs": 2,
    "fold": 3, "decider": 3, "conflicts": 3,
    "store": 4, "telling": 4,
    "history": 5, "feeds": 5, "exchange": 5,
    "reducers": 6,
    "live": 7, "api": 7, "client": 7, "log": 7,
    "app": 8,
    "cli": 9,
}  # fmt: skip

HOMES = {
    "pycrdt": {"fold", "client"},
    "sqlite3": {"store"},
    "sqlite_utils": {"store"},
    "websockets": {"live", "client"},
    "fastapi": {"api"},
    "starlette": {"api"},
    "uvicorn": {"app"},
    "uvloop": {"app"},
    "typer": {"cli"},
    "rich": {"cli"},
    "regex": {"telling"},
    "httpx": {"feeds", "cli"},
    "pyarrow": {"history"},
}

REACH = {"telling": {"keepboth.errors", "keepboth.events", "keepboth.conflicts.model", "keepboth.conflicts.severity"}}
"""Parts that may import only these of other parts: telling works from stored values, without the engine."""

PURE = {"events", "errors", "yjs", "decider", "conflicts", "telling"}
IMPURE_MODULES = {"asyncio", "socket", "time", "random", "secrets", "logging", "threading", "os", "datetime"}

MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def part_of(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def module_name(path: Path) -> str:
    parts = ["keepboth", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path) for path in MODULES}


def imports(path: Path, *, at_run_time: bool) -> set[str]:
    """Every module *path* imports; imports for type checkers only are left out if *at_run_time*."""
    tree = ast.parse(path.read_text())
    hidden: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            hidden.update(ast.walk(node))
    found: set[str] = set()
    for node in ast.walk(tree):
        if at_run_time and node in hidden:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            submodules = {f"{module}.{alias.name}" for alias in node.names} & NAMES
            found.update(submodules)
            if len(submodules) < len(node.names):
                found.add(module)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    mine = part_of(path)
    for name in imports(path, at_run_time=False):
        parts = name.split(".")
        if parts[0] != "keepboth" or len(parts) == 1:
            continue
        other = parts[1]
        assert other == mine or FLOORS[other] < FLOORS[mine], f"{mine} (floor {FLOORS[mine]}) imports {name}"
        assert other == mine or mine not in REACH or name in REACH[mine], f"{mine} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_package_has_one_home(path: Path) -> None:
    mine = part_of(path)
    for name in imports(path, at_run_time=False):
        top = name.split(".")[0]
        assert top not in HOMES or mine in HOMES[top], f"{mine} imports {name}, whose home is {HOMES[top]}"
        assert mine not in PURE or top not in IMPURE_MODULES, f"{mine} is pure and imports {name}"


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {module_name(path): imports(path, at_run_time=True) & NAMES - {module_name(path)} for path in MODULES}
    list(TopologicalSorter(graph).static_order())


def test_every_part_has_a_floor() -> None:
    assert {part_of(path) for path in MODULES} <= set(FLOORS)
