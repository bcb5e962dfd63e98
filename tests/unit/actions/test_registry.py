from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Literal

import pytest

from the_edge_agent.actions import NAMESPACES, builtin
from the_edge_agent.actions.registry import Parameter, describe
from the_edge_agent.errors import NodeFailed


def _parameter(annotation: Any) -> Parameter:
    def function(scope: Any, /, *, it: Any = None) -> None: ...

    function.__annotations__["it"] = annotation
    (found,) = describe("f", function).parameters
    return found


@pytest.mark.parametrize(
    ("annotation", "yes", "no"),
    [
        (str, ["", "a"], [1, None, []]),
        (int, [1, -1], [1.0, True, "1"]),
        (float, [1, 1.5], [True, "1"]),
        (bool, [True], [0, "true"]),
        (dict[str, Any], [{}], [[], "a"]),
        (Mapping[str, int], [{}], [[]]),
        (list[str], [[]], [{}, "ab"]),
        (str | None, ["a", None], [1]),
        (Literal["a", 1], ["a", 1], ["b", True, None]),
        (Literal["a"] | None, ["a", None], ["b", 1]),
        (Literal["a"] | int, ["a", 7], ["b", None]),
        (Any, [None, 1, object()], []),
        (str | object, [None, 1], []),
        ("NoSuchName", [None, 1], []),
    ],
)
def test_an_annotation_says_what_a_value_may_be(annotation: Any, yes: list[Any], no: list[Any]) -> None:
    parameter = _parameter(annotation)
    assert [value for value in yes if not parameter.accepts(value)] == []
    assert [value for value in no if parameter.accepts(value)] == []


def test_rendered_values_are_checked_when_the_action_is_called(make_scope: Any) -> None:
    function = builtin()["data.filter"].function
    with pytest.raises(NodeFailed) as caught:
        function(make_scope(), data="not a list", predicates=[])
    assert caught.value.message == (
        "data.filter: 'data' must be list, not string 'not a list'; data.filter has no parameter 'predicates'; "
        "data.filter needs the parameter 'predicate' (mapping or list)"
    )
    assert caught.value.error_type == "WrongParameter"


def test_every_action_is_documented_and_stands_in_its_namespace() -> None:
    registry = builtin()
    assert len(registry) == len(set(registry)) > 60
    for name, action in registry.items():
        assert action.name == name
        assert action.summary.endswith("."), name
        assert action.returns, name
        assert name.partition(".")[0] in NAMESPACES


def test_only_http_needs_the_network() -> None:
    assert {name.partition(".")[0] for name, action in builtin().items() if action.needs.network} == {"http"}


def test_the_second_spelling_of_every_action() -> None:
    registry = builtin()
    for name in registry:
        assert registry[f"actions.{name.replace('.', '_')}"] is registry[name]
    for wrong in ("json", "json.", "actions.", "actions.json_nope", "", "."):
        with pytest.raises(KeyError):
            registry[wrong]


def test_a_copy_does_not_share_what_is_added() -> None:
    registry = builtin()
    twin = registry.copy()
    twin.add(describe("mine", lambda _scope, /: None))
    assert "mine" in twin
    assert "mine" not in registry


def test_looking_an_action_up_loads_nothing_heavy() -> None:
    heavy = "{'httpx2', 'jinja2', 'jsonschema', 'jmespath', 'sqlite3', 'yaml', 'asyncio'}"
    names = [name for name in builtin() if not builtin()[name].needs.asks]
    code = f"import sys; from the_edge_agent.actions import builtin; r = builtin(); [r[n] for n in {names!r}]; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
