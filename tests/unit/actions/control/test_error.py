from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from the_edge_agent.errors import NodeFailed
from the_edge_agent.workflow.model import Action, Node, Nothing, Workflow
from the_edge_agent.workflow.template import compile_value

Call = Callable[..., Any]

ERROR = {"type": "TimeoutError", "message": "too late", "node": "ask", "is_retryable": True, "traceback": "secret place"}


@pytest.fixture
def scope(make_scope: Any) -> Any:
    return make_scope(state={"x": 1, "__error__": dict(ERROR)})


def test_an_error_can_be_seen(call: Call, scope: Any) -> None:
    assert call("error.has", scope) == {"has_error": True}
    assert call("error.get", scope) == {"error": ERROR, "has_error": True}
    assert call("error.type", scope) == {"error_type": "TimeoutError"}
    assert call("error.is_retryable", scope) == {"is_retryable": True}


def test_no_error(call: Call) -> None:
    assert call("error.has") == {"has_error": False}
    assert call("error.get") == {"error": None, "has_error": False}
    assert call("error.type") == {"error_type": None}
    assert call("error.is_retryable") == {"is_retryable": False}
    assert call("error.clear") == {"cleared": False}
    assert call("error.respond") == {"success": True, "error": None}
    with pytest.raises(NodeFailed, match="no error"):
        call("error.retry")


def test_clear_takes_it_out_of_the_state(call: Call, scope: Any) -> None:
    assert call("error.clear", scope) == {"cleared": True}
    assert scope.state == {"x": 1}


def test_an_answer_for_a_caller_has_no_traceback(call: Call, scope: Any) -> None:
    answer = {"success": False, "error": "too late", "error_type": "TimeoutError", "node": "ask", "is_retryable": True}
    assert call("error.respond", scope) == answer
    assert call("error.respond", scope, message="sorry")["error"] == "sorry"


def _failing(make_scope: Any, parameters: dict[str, Any]) -> Any:
    values = {
        name: compile_value(value, key=f"with.{name}", spot_of=lambda _: None, report=lambda problem: pytest.fail(str(problem)))
        for name, value in parameters.items()
    }
    nodes = {"ask": Node("ask", Action("memory.store", parameters, values)), "idle": Node("idle", Nothing())}
    return make_scope(state={"__error__": dict(ERROR), "n": 1}, workflow=Workflow("w", nodes, {}))


def test_retry_runs_the_failed_action_with_the_state_of_now(call: Call, make_scope: Any) -> None:
    scope = _failing(make_scope, {"key": "k", "value": "{{ state.n }}"})
    result = call("error.retry", scope)
    assert (result["success"], result["retried"], result["attempts"]) == (True, "ask", 1)
    assert call("memory.retrieve", key="k")["value"] == 1
    assert "__error__" not in scope.state


def test_retry_gives_up(call: Call, make_scope: Any) -> None:
    scope = _failing(make_scope, {"key": "k", "value": 1, "ttl": -1})
    result = call("error.retry", scope, max_retries=2)
    assert (result["success"], result["attempts"], result["error_type"]) == (False, 2, "WrongParameter")
    assert scope.state["__error__"] == ERROR


def test_retry_is_for_nodes_with_an_action(call: Call, make_scope: Any) -> None:
    scope = _failing(make_scope, {"key": "k", "value": 1})
    scope.state["__error__"]["node"] = "idle"
    with pytest.raises(NodeFailed, match="'idle'"):
        call("error.retry", scope)
