from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.actions.control.wrap import Limiter
from the_edge_agent.actions.custom import load_file
from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.errors import NodeFailed, Problem
from the_edge_agent.workflow.model import Action, Node, Workflow
from the_edge_agent.workflow.template import compile_value

if TYPE_CHECKING:
    from pathlib import Path

Call = Callable[..., Any]

ACTIONS = """
calls = []

def register_actions(registry, engine):
    registry["count"] = count
    registry["fix"] = lambda state, step=1: {"n": state.get("n", 0) + step}
    registry["soft"] = lambda state: calls.append(1) or {"success": False, "error": "no"}
    registry["odd"] = lambda state: "neither"

def count(state, by=1):
    calls.append(by)
    return {"count": len(calls)}
"""


@pytest.fixture
def _counting(registry: Any, tmp_path: Path) -> None:
    path = tmp_path / "acts.py"
    path.write_text(ACTIONS, encoding="utf-8")
    assert load_file(path, registry) == []


@pytest.mark.usefixtures("_counting")
def test_cache_runs_an_action_once_for_the_same_arguments(call: Call) -> None:
    first = call("cache.wrap", action="count", args={"by": 1})
    again = call("cache.wrap", action="count", args={"by": 1})
    other = call("cache.wrap", action="count", args={"by": 2})
    assert (first["result"], first["success"], first["_cache_hit"]) == ({"count": 1}, True, False)
    assert again == {**first, "_cache_hit": True}
    assert (other["result"], other["_cache_hit"]) == ({"count": 2}, False)
    assert first["_cache_key"] != other["_cache_key"]


@pytest.mark.usefixtures("_counting")
def test_cache_by_key_until_it_is_invalidated(call: Call) -> None:
    assert call("cache.wrap", action="count", args={"by": 1}, key="k")["_cache_key"] == "k"
    assert call("cache.wrap", action="count", args={"by": 2}, key="k")["result"] == {"count": 1}
    assert call("cache.invalidate", key="k") == {"invalidated": True, "_cache_key": "k"}
    assert call("cache.wrap", action="count", key="k")["result"] == {"count": 2}


@pytest.mark.usefixtures("_counting")
def test_cache_entries_end_with_their_time_and_give_way_to_younger_ones(call: Call, clock: Any) -> None:
    call("cache.wrap", action="count", key="short", ttl_seconds=5)
    clock.forward(4.9)
    assert call("cache.wrap", action="count", key="short")["_cache_hit"] is True
    clock.forward(0.1)
    assert call("cache.wrap", action="count", key="short", ttl_hours=1)["_cache_hit"] is False
    call("cache.wrap", action="count", key="other", max_entries=1)
    assert call("cache.wrap", action="count", key="short")["_cache_hit"] is False


@pytest.mark.usefixtures("_counting")
def test_cache_keeps_no_failure_and_shares_no_value(call: Call) -> None:
    assert call("cache.wrap", action="soft", key="s")["success"] is False
    assert call("cache.wrap", action="soft", key="s")["_cache_hit"] is False
    with pytest.raises(NodeFailed):
        call("cache.wrap", action="json.parse", key="j")
    call("cache.wrap", action="count", key="c")["result"]["count"] = "changed"
    assert call("cache.wrap", action="count", key="c")["result"]["count"] != "changed"


@pytest.mark.usefixtures("_counting")
def test_calls_of_one_limiter_start_evenly_spaced(call: Call, make_scope: Any, clock: Any) -> None:
    scope = make_scope(settings={"rate_limiters": {"api": {"rps": 100}}})

    def waited() -> float:
        found: float = call("ratelimit.wrap", scope, action="count", limiter="api")["_ratelimit_waited"]
        return found

    assert [waited(), waited(), waited()] == [0, 0.01, 0.02]
    clock.forward(0.025)
    assert waited() == 0.005
    assert call("ratelimit.wrap", action="count", limiter="other", rpm=1)["_ratelimit_waited"] == 0


def test_waiting_for_a_limiter_can_be_stopped(call: Call, make_scope: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Cancellation()
    call("ratelimit.wrap", action="memory.list", rpm=1)
    reserve = Limiter.reserve

    def asked_to_stop(self: Limiter, interval: float) -> float:
        threading.Thread(target=stop.request).start()
        return reserve(self, interval)

    monkeypatch.setattr(Limiter, "reserve", asked_to_stop)
    with pytest.raises(Cancelled):
        call("ratelimit.wrap", make_scope(cancellation=stop), action="memory.list", rpm=1)


@pytest.mark.parametrize("rate", [{}, {"rpm": 0}, {"rpm": 1, "rps": 1}])
def test_a_limiter_needs_one_rate(call: Call, rate: dict[str, Any]) -> None:
    with pytest.raises(NodeFailed):
        call("ratelimit.wrap", action="memory.list", **rate)


def _loop_workflow(parameters: dict[str, Any]) -> Workflow:
    problems: list[Problem] = []
    values = {
        name: compile_value(value, key=f"with.{name}", spot_of=lambda _: None, report=problems.append) for name, value in parameters.items()
    }
    assert problems == []
    return Workflow("w", {"loop": Node("loop", Action("retry.loop", parameters, values))}, {})


@pytest.mark.usefixtures("_counting")
def test_a_loop_corrects_until_the_validation_holds(make_scope: Any) -> None:
    parameters = {
        "action": "data.validate",
        "args": {"data": "{{ state.n }}", "schema": {"minimum": 2}},
        "correction": "fix",
        "max_retries": 5,
    }
    workflow = _loop_workflow(parameters)
    scope = make_scope(workflow=workflow, state={"n": 0}, node="loop")
    kind = workflow.nodes["loop"].kind
    assert isinstance(kind, Action)
    result: Any = scope.host.action("retry.loop")(scope, **kind.rendered(scope.context(), scope.host.deferred("retry.loop")))
    assert (result["valid"], result["success"], result["attempts"], result["n"]) == (True, True, 3, 2)
    assert [one["valid"] for one in result["history"]] == [False, False, True]
    assert scope.state == {"n": 0}


@pytest.mark.usefixtures("_counting")
def test_a_loop_gives_up_and_says_so(call: Call) -> None:
    result = call("retry.loop", action="data.validate", args={"data": 0, "schema": {"minimum": 9}}, correction="fix", max_retries=2)
    assert (result["valid"], result["success"], result["attempts"], result["n"]) == (False, False, 3, 2)
    with pytest.raises(NodeFailed, match="neither `valid` nor `success`"):
        call("retry.loop", action="odd")
