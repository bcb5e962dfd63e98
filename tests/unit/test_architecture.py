"""The house keeps its rules: imports point one way, modules stay small, nothing is executed that should not be."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tools.house import __main__ as house_command
from tools.house.survey import named, survey

import the_edge_agent

PACKAGE = Path(the_edge_agent.__file__).parent
ROOT = Path(__file__).parents[2]
HOUSE = survey(ROOT)
"""The tree as ``./dev house`` draws it; the rule of imports stands in ``pyproject.toml`` under ``[tool.house]``."""
OURS = {module.path.relative_to(HOUSE.rule.package): module for module in HOUSE.modules.values() if module.room not in HOUSE.rule.outside}
MODULES = sorted(OURS)


def tree(path: Path) -> ast.Module:
    return OURS[path].tree


def test_the_rooms_are_found() -> None:
    assert (ROOT / HOUSE.rule.package).samefile(PACKAGE)
    assert {"workflow", "engine", "actions", "llm", "cli"} <= set(HOUSE.rooms)


def test_every_room_is_in_the_rule() -> None:
    assert HOUSE.unknown == ()
    assert set().union(*HOUSE.rule.may.values()) <= HOUSE.rule.may.keys()
    assert [room for room, others in HOUSE.rule.may.items() if "cli" in others] == ["__main__"]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_one_way(path: Path) -> None:
    wrong = [each for each in HOUSE.forbidden if each.source == OURS[path].name]
    assert not wrong, f"{OURS[path].room} does not import {sorted({HOUSE.between(each)[1] for each in wrong})}"


def test_nothing_imports_in_a_circle() -> None:
    assert not [HOUSE.told(circle) for circle in HOUSE.circles]


def test_the_heart_needs_no_library() -> None:
    assert not [f"{module.path} imports {library}" for module, library in HOUSE.libraries]


def test_the_page_shows_the_rule() -> None:
    assert house_command.PAGE.read_text(encoding="utf-8") == house_command.page(HOUSE), "run: ./dev house --page"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_modules_fit_in_the_head(path: Path) -> None:
    assert len((PACKAGE / path).read_text(encoding="utf-8").splitlines()) <= 600


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_modules_are_nouns_and_explained(path: Path) -> None:
    assert not {"utils", "util", "helpers", "helper", "manager", "common", "misc"} & set(path.with_suffix("").parts)
    assert ast.get_docstring(tree(path)), "a module says what it is"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_nothing_executes_data(path: Path) -> None:
    assert not {name.partition(".")[0] for name in named(OURS[path])} & {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
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
