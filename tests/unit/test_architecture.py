"""The house keeps its rules: imports point one way, modules stay small, nothing is executed that should not be."""

from __future__ import annotations

import ast
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import the_edge_agent

PACKAGE = Path(the_edge_agent.__file__).parent
HOUSE = "the_edge_agent"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

GROUND = frozenset({"errors", "cancellation", "resources", "redaction"})
"""The ground floor: every room may import it, and it imports no room."""
_RUNNING = frozenset({"workflow", "engine"})
_USED = _RUNNING | {"models", "llm", "languages", "store", "actions"}
MAY_IMPORT: dict[str, frozenset[str]] = {
    **dict.fromkeys(GROUND, frozenset()),
    "models": frozenset(),
    "workflow": frozenset(),
    "engine": frozenset({"workflow"}),
    "store": _RUNNING,
    "languages": _RUNNING,
    "llm": frozenset({"workflow", "models"}),
    "actions": _USED - {"actions"},
    "agent": _USED,
    "appimage": frozenset({"models", "workflow"}),
}
"""Room → the rooms it may import when it is loaded or runs. Rooms not listed (``cli``, ``server``) may import all."""
NOBODY_IMPORTS = frozenset({"cli", "server"})
STANDARD_ONLY = ("errors.py", "engine/", "workflow/model.py", "workflow/check.py", "workflow/overlay.py", "workflow/routes.py")
"""Parts that import the standard library and the house only, so that they work without any dependency."""


def room(path: Path) -> str:
    return path.parts[0].removesuffix(".py")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((PACKAGE / path).read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """The modules that ``path`` imports when it runs; those only type checkers see are left out."""
    unseen = {
        inner
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for child in node.body
        for inner in ast.walk(child)
    }
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            module = node.module or ""
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


def rooms_of(path: Path) -> set[str]:
    inner = [name.split(".") for name in imported(path) if name.startswith(f"{HOUSE}.")]
    return {parts[1] for parts in inner if (PACKAGE / parts[1]).is_dir() or (PACKAGE / f"{parts[1]}.py").is_file()}


def test_the_rooms_are_found() -> None:
    assert {"workflow", "engine", "actions", "llm", "cli"} <= {room(path) for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_one_way(path: Path) -> None:
    here = room(path)
    others = rooms_of(path) - {here} - GROUND
    if here in MAY_IMPORT:
        assert others <= MAY_IMPORT[here], f"{here} does not import {sorted(others - MAY_IMPORT[here])}"
    if here not in NOBODY_IMPORTS and path != Path("__main__.py"):
        assert not others & NOBODY_IMPORTS


def test_the_modules_of_the_engine_stand_on_each_other() -> None:
    """No circle, not even one that only type checkers see."""
    needs = {path.stem: neighbours(path) for path in MODULES if path.parent == Path("engine") and path.stem != "__init__"}
    assert set(needs["run"]) <= needs.keys()
    try:
        list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        pytest.fail(f"a circle: {' → '.join(reversed(error.args[1]))}")


def neighbours(path: Path) -> set[str]:
    """The modules in the room of ``path`` that it imports in any way."""
    room = f"{HOUSE}.{'.'.join(path.parent.parts)}"
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module == room:
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{room}."):
            found.add(str(node.module).removeprefix(f"{room}."))
    return found


@pytest.mark.parametrize("path", [path for path in MODULES if str(path).startswith(STANDARD_ONLY)], ids=str)
def test_the_heart_needs_no_library(path: Path) -> None:
    outside = {name.partition(".")[0] for name in imported(path)} - {HOUSE} - sys.stdlib_module_names
    assert not outside


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_modules_fit_in_the_head(path: Path) -> None:
    assert len((PACKAGE / path).read_text(encoding="utf-8").splitlines()) <= 600


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_modules_are_nouns_and_explained(path: Path) -> None:
    assert not {"utils", "util", "helpers", "helper", "manager", "common", "misc"} & set(path.with_suffix("").parts)
    assert ast.get_docstring(tree(path)), "a module says what it is"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_nothing_executes_data(path: Path) -> None:
    assert not {name.partition(".")[0] for name in imported(path)} & {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
    if path == Path("languages/python.py"):
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name) and node.id in {"eval", "exec", "__import__"}:
            pytest.fail(f"{path}:{node.lineno} uses {node.id}")
        if (
            isinstance(node, ast.keyword)
            and node.arg == "shell"
            and not (isinstance(node.value, ast.Constant) and node.value.value is False)
        ):
            pytest.fail(f"{path}:{node.value.lineno} uses a shell")
        if (
            isinstance(node, ast.Attribute)
            and (node.attr in {"system", "popen"})
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
        ):
            pytest.fail(f"{path}:{node.lineno} uses os.{node.attr}")


def test_yaml_is_only_read_safely() -> None:
    own_loader = Path("actions/data/markdown.py")  # a subclass of SafeLoader with fewer rules
    unsafe = {"load", "load_all", "unsafe_load", "full_load", "Loader", "UnsafeLoader", "FullLoader"}
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "yaml":
                assert node.attr not in unsafe or (path == own_loader and node.attr == "load"), f"{path}:{node.lineno}"


def test_the_package_lists_what_it_offers() -> None:
    source = tree(Path("__init__.py"))
    homes = next(
        ast.literal_eval(node.value)
        for node in source.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "_HOMES"
    )
    assert set(the_edge_agent.__all__) == {*homes, "__version__"}
    checked = {
        (alias.name, node.module)
        for branch in source.body
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert checked == set(homes.items()), "type checkers see the same names"
