from __future__ import annotations

from typing import Any

import pytest

from the_edge_agent.actions import builtin
from the_edge_agent.actions.registry import describe
from the_edge_agent.actions.view import View
from the_edge_agent.errors import NodeFailed


@pytest.fixture
def actions(make_scope: Any) -> View:
    registry = builtin()

    def seen(scope: Any, /, *, more: int = 0) -> Any:
        """What an action sees."""
        return [scope.state, scope.node, more]

    registry.add(describe("seen", seen))
    return View(registry, make_scope(state={"own": 1}, node="here"))


def test_an_action_is_called_with_a_state(actions: View) -> None:
    assert actions["json.parse"](state={}, text='{"x": 5}') == {"data": {"x": 5}, "success": True}
    other = {"n": 2}
    assert actions["seen"](state=other, more=3) == [{"n": 2}, "here", 3]
    assert actions["seen"](other) == [{"n": 2}, "here", 0]
    assert actions["seen"]() == [{"own": 1}, "here", 0]


def test_the_state_is_the_one_given_and_not_a_copy(actions: View) -> None:
    state = {"__error__": {"type": "x"}}
    actions["error.clear"](state=state)
    assert state == {}


def test_what_blocks_of_the_peer_pass_along_is_ignored(actions: View) -> None:
    assert actions["seen"](state={}, config={}, node="x", graph=None, parallel_results=[]) == [{}, "here", 0]


def test_it_is_a_mapping_with_attributes(actions: View) -> None:
    assert "json.parse" in actions
    assert "json.nope" not in actions
    assert {"json.parse", "seen"} <= set(actions)
    assert actions.get("nope") is None
    assert actions.json_parse(text="1") == actions["actions.json_parse"](text="1") == {"data": 1, "success": True}
    assert "Parse JSON" in str(actions["json.parse"].__doc__)
    with pytest.raises(KeyError):
        actions["json.nope"]
    with pytest.raises(AttributeError, match="no action 'nope'"):
        _ = actions.nope


def test_wrong_parameters_fail(actions: View) -> None:
    with pytest.raises(NodeFailed, match="no parameter 'txt'"):
        actions["json.parse"](state={}, txt="1")
