"""Resources, and what a node sees."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.agent.host import AgentHost
from the_edge_agent.engine import events
from the_edge_agent.engine.scope import NOTHING, Scope
from the_edge_agent.resources import Resources
from the_edge_agent.workflow.model import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from the_edge_agent.agent import Agent


class Closing:
    def __init__(self, name: str, log: list[str]) -> None:
        self._name = name
        self._log = log

    def close(self) -> None:
        self._log.append(self._name)


def test_a_resource_is_made_once_and_closed_in_reverse_order() -> None:
    log: list[str] = []
    resources = Resources()
    first = resources.get("a", lambda: Closing("a", log))
    resources.get("b", lambda: Closing("b", log))
    resources.get("plain", lambda: 5)
    assert resources.get("a", lambda: Closing("never", log)) is first
    resources.close()
    resources.close()
    assert log == ["b", "a"]


def test_a_resource_is_made_once_by_many_threads() -> None:
    resources = Resources()
    made: list[int] = []
    asking = threading.Barrier(8)

    def make() -> object:
        made.append(1)
        # Lets the other threads run, who would come in here now.
        time.sleep(0)
        return object()

    found: list[object] = []

    def work() -> None:
        asking.wait()
        found.append(resources.get("x", make))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(set(map(id, found))) == 1


def test_a_resource_that_cannot_be_made_is_tried_again() -> None:
    resources = Resources()
    with pytest.raises(ZeroDivisionError):
        resources.get("x", lambda: 1 // 0)
    assert resources.get("x", lambda: 1) == 1


def test_a_scope_tells_tokens_and_warnings_with_its_node_and_branch(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("nodes: [{name: a}]")
    found: list[events.Event] = []
    host = agent._host
    assert isinstance(host, AgentHost)
    scope = Scope(workflow=agent.workflow, host=host, state={"n": 1}, node="a", branch="b", emit=found.append, constants={"variables": {}})
    scope.token("hé")
    scope.warn("CODE", "careful")
    assert found == [events.Token("a", "hé", "b"), events.Warned("a", "CODE", "careful", "b")]
    assert scope.context(result=1) == {"variables": {}, "state": {"n": 1}, "result": 1}


def test_a_scope_without_a_listener_is_silent() -> None:
    scope = Scope(workflow=Workflow("w", {}, {}), host=AgentHost.__new__(AgentHost), state={}, node="a")
    scope.token("x")
    scope.warn("CODE", "x")
    assert not scope.cancellation.requested
    assert repr(NOTHING) == "NOTHING"
