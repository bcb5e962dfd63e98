from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.actions import builtin
from the_edge_agent.actions.custom import load_file, load_imports, load_module
from the_edge_agent.errors import NodeFailed, Source, Spot
from the_edge_agent.workflow.model import Import, Workflow

if TYPE_CHECKING:
    from pathlib import Path

ACTIONS = """
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from somewhere import Text

def register_actions(registry, engine):
    registry["greet"] = greet
    registry["all"] = lambda **everything: sorted(everything)
    registry["typed"] = typed

def greet(state, who, greeting="hi", **kw):
    "Greet somebody."
    return f"{greeting} {who}, {state['n']}"

def typed(count: int, label: Text = None, node=None):
    return [count, label, node]
"""


def _file(tmp_path: Path, text: str, name: str = "acts.py") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_adds_actions_with_their_parameters(tmp_path: Path, make_scope: Any) -> None:
    registry = builtin()
    assert load_file(_file(tmp_path, ACTIONS), registry) == []
    greet = registry["greet"]
    assert (greet.summary, greet.open) == ("Greet somebody.", True)
    assert [(one.name, one.required) for one in greet.parameters] == [("who", True), ("greeting", False)]
    assert greet.function(make_scope(state={"n": 1}), who="Ann") == "hi Ann, 1"
    with pytest.raises(NodeFailed, match="'who'"):
        greet.function(make_scope())


def test_a_function_gets_the_context_it_asks_for(tmp_path: Path, make_scope: Any) -> None:
    registry = builtin()
    load_file(_file(tmp_path, ACTIONS), registry)
    scope = make_scope(node="here")
    assert registry["all"].function(scope, x=1) == ["config", "graph", "node", "parallel_results", "state", "x"]
    assert registry["typed"].function(scope, count=1, label="a") == [1, "a", "here"]
    with pytest.raises(NodeFailed, match="'count' must be integer"):
        registry["typed"].function(scope, count="1")
    with pytest.raises(NodeFailed, match="no parameter 'node'"):
        registry["typed"].function(scope, count=1, node="x")


def test_imports_add_under_a_namespace_and_the_later_wins(tmp_path: Path, make_scope: Any) -> None:
    registry = builtin()
    first = _file(tmp_path, "def register_actions(r, e): r['f'] = lambda: 1", "a.py")
    second = _file(tmp_path, "def register_actions(r, e): r.update(f=lambda: 2)", "b.py")
    imports = (Import(first, None, "ns"), Import(second, None, "ns"), Import(first, None, ""))
    assert load_imports(imports, registry) == []
    assert (registry["ns.f"].function(make_scope()), registry["f"].function(make_scope())) == (2, 1)
    assert registry["actions.ns_f"] is registry["ns.f"]
    assert "ns.f" not in builtin()


def test_a_custom_action_hides_a_built_in_one(tmp_path: Path, make_scope: Any) -> None:
    registry = builtin()
    load_imports((Import(_file(tmp_path, "def register_actions(r, e): r['parse'] = lambda text: text"), None, "json"),), registry)
    assert registry["json.parse"].function(make_scope(), text="x") == "x"
    assert list(registry).count("json.parse") == 1


def test_a_package_is_imported_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tea_test_package").mkdir()
    _file(tmp_path, "def register_actions(r, e): r['f'] = lambda: 1", "tea_test_package/acts.py")
    monkeypatch.syspath_prepend(tmp_path)
    registry = builtin()
    assert load_imports((Import(None, "tea_test_package.acts", "p"),), registry) == []
    assert load_module("tea_test_package.acts", registry) == []
    assert {"p.f", "f"} <= set(registry)
    for name in ("tea_test_package", "tea_test_package.acts"):
        sys.modules.pop(name)


def test_every_failure_is_a_problem_at_its_place(tmp_path: Path) -> None:
    source = Source("w.yaml", "imports:\n- a\n- b\n")
    good = _file(tmp_path, "def register_actions(r, e): r['f'] = lambda: 1", "good.py")
    imports = (
        Import(tmp_path / "ghost.py", None, "", Spot(source, 2, 3)),
        Import(good, None, "ns"),
        Import(None, "no_such_package.sub", "", Spot(source, 3, 3)),
    )
    registry = builtin()
    problems = load_imports(imports, registry)
    assert [(problem.code, str(problem.spot)) for problem in problems] == [("IMPORT_FAILED", "w.yaml:2:3"), ("IMPORT_FAILED", "w.yaml:3:3")]
    assert "ghost.py: no such file" in problems[0].message
    assert "no module 'no_such_package'" in problems[1].message
    assert "ns.f" in registry


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", "register_actions"),
        ("def register_actions(:\n", "SyntaxError"),
        ("\nraise ValueError('boom')\n", "ValueError: boom at line 2"),
        ("import sys\nsys.exit(3)\n", "SystemExit"),
        ("import no_such_thing\n", "no_such_thing"),
        ("def register_actions(r, e): e.lua_runtime\n", "engine.lua_runtime is not available"),
        ("def register_actions(r, e): r['f'] = 5\n", "'f' is a int, not a function"),
        ("def register_actions(r, e): r[5] = print\n", "5"),
        ("async def f(): ...\ndef register_actions(r, e): r['f'] = f\n", "async"),
        ("def register_actions(r, e): r['f'] = lambda x, /: x\n", "by position"),
    ],
)
def test_a_file_that_gives_no_actions_says_why(tmp_path: Path, text: str, words: str) -> None:
    registry = builtin()
    (problem,) = load_file(_file(tmp_path, text), registry)
    assert problem.code == "IMPORT_FAILED"
    assert words in problem.message
    assert set(registry) == set(builtin())


def test_what_an_action_raises_is_raised(tmp_path: Path, make_scope: Any) -> None:
    registry = builtin()
    load_file(_file(tmp_path, "def register_actions(r, e): r['f'] = lambda state: state['gone']"), registry)
    with pytest.raises(KeyError, match="gone"):
        registry["f"].function(make_scope(workflow=Workflow("w", {}, {})))
