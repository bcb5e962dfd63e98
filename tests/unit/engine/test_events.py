"""What a run tells while it happens."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent import START, Agent, StateGraph
from the_edge_agent.engine import events
from the_edge_agent.engine.state import copy
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from collections.abc import Callable

PARALLEL = """
    nodes:
      - {name: src}
      - {name: a, run: "return {'n': 1}"}
      - {name: b, run: "return {'n': 2}"}
      - {name: join, run: "return {'sum': sum(r['n'] for r in parallel_results)}"}
    edges:
      - {from: src, parallel: [a, b]}
    """


def told(agent: Agent, state: dict[str, Any] | None = None) -> list[events.Event]:
    found: list[events.Event] = []
    agent.invoke(state, sink=found.append)
    return found


def test_a_plain_run_tells_start_nodes_and_completion(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        name: plain
        nodes:
          - {name: a, run: "return {'n': 1}"}
          - {name: b}
        """)
    seen: list[tuple[Any, ...]] = []

    def sink(event: events.Event) -> None:
        seen.append((event.type, getattr(event, "node", None), copy(dict(getattr(event, "state", {})))))

    agent.invoke({"x": 0}, sink=sink)
    assert seen == [
        ("start", None, {"x": 0}),
        ("node_start", "a", {}),
        ("node_complete", "a", {"x": 0, "n": 1}),
        ("node_start", "b", {}),
        ("node_complete", "b", {"x": 0, "n": 1}),
        ("complete", None, {"x": 0, "n": 1}),
    ]


def test_branches_tell_their_name_and_success(agent_of: Callable[[str], Agent]) -> None:
    found = told(agent_of(PARALLEL))
    fan = next(event for event in found if isinstance(event, events.FanOutStarted))
    assert (fan.node, fan.branches, fan.branch) == ("src", ("a", "b"), None)
    started = {event.branch for event in found if isinstance(event, events.BranchStarted)}
    completed = {(event.branch, event.success, event.error) for event in found if isinstance(event, events.BranchCompleted)}
    assert started == {"a", "b"}
    assert completed == {("a", True, None), ("b", True, None)}
    nodes = {(event.node, event.branch) for event in found if isinstance(event, events.NodeCompleted)}
    assert nodes == {("src", None), ("a", "a"), ("b", "b"), ("join", None)}


def test_every_branch_event_lies_between_fan_out_and_join(agent_of: Callable[[str], Agent]) -> None:
    order = [(event.type, getattr(event, "node", None)) for event in told(agent_of(PARALLEL))]
    inside = order[order.index(("fan_out", "src")) + 1 : order.index(("node_start", "join"))]
    assert sorted(kind for kind, _ in inside) == sorted(["branch_start", "node_start", "node_complete", "branch_complete"] * 2)


def test_nested_branches_are_named_by_their_path(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - name: outer
            type: dynamic_parallel
            items: [[1, 2]]
            steps:
              - name: inner
                type: dynamic_parallel
                items: "{{ state.item }}"
                steps: [{name: leaf, run: "return {'n': 1}"}]
                fan_in: join
            fan_in: join
          - {name: join}
        """)
    leaves = [event for event in told(agent) if isinstance(event, events.NodeCompleted) and event.node == "leaf"]
    assert {event.branch for event in leaves} == {"outer[0]/inner[0]", "outer[0]/inner[1]"}
    assert {event.parent for event in leaves} == {"inner"}


def test_loop_passes_are_numbered_and_inner_nodes_name_their_loop(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - name: l
            type: while_loop
            condition: state.n < 2
            max_iterations: 5
            body: [{name: add, run: "return {'n': state['n'] + 1}"}]
        """)
    found = told(agent, {"n": 0})
    assert [event.iteration for event in found if isinstance(event, events.LoopPass)] == [0, 1]
    assert [event.parent for event in found if isinstance(event, events.NodeCompleted)] == ["l", "l", None]


def test_a_failure_is_told_once_as_the_node_and_once_as_the_run(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes: [{name: a, run: "raise ValueError('broken')"}]
        """)
    found: list[events.Event] = []
    with pytest.raises(NodeFailed, match="broken"):
        agent.invoke(sink=found.append)
    node, run = found[-2:]
    assert isinstance(node, events.NodeErrored)
    assert (node.node, node.error, node.error_type, node.handled) == ("a", "broken", "ValueError", False)
    assert run == events.RunFailed("a", "broken", "NODE_FAILED")


def test_the_sink_is_called_by_one_thread_at_a_time(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - name: f
            type: dynamic_parallel
            items: "{{ range(20) | list }}"
            steps: [{run: "return {}"}, {run: "return {}"}]
            fan_in: join
          - {name: join}
        """)
    inside = threading.Lock()
    overlaps = 0

    def sink(_: events.Event) -> None:
        nonlocal overlaps
        if not inside.acquire(blocking=False):
            overlaps += 1
            return
        # Lets the other threads run, who would come in here now.
        time.sleep(0)
        inside.release()

    agent.invoke(sink=sink)
    assert overlaps == 0


def test_a_retry_tells_attempt_and_delay(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - {name: a, run: "raise TimeoutError('slow')", on_error: {mode: retry, max_retries: 2, retry_delay: 0.001, backoff_multiplier: 3}}
        """)
    retries = [event for event in told(agent) if isinstance(event, events.NodeRetried)]
    assert [event.attempt for event in retries] == [1, 2]
    assert retries[0].error == "slow"
    assert 0.001 <= retries[0].delay <= 0.0011
    assert 0.003 <= retries[1].delay <= 0.0033


def test_a_run_that_is_over_tells_no_more(gone: Callable[[str], bool]) -> None:
    begun, release = threading.Event(), threading.Event()

    waiting: list[threading.Thread] = []

    def wait(_: dict[str, Any]) -> None:
        waiting.append(threading.current_thread())
        begun.set()
        release.wait(60)

    def fail(_: dict[str, Any]) -> None:
        begun.wait(60)
        raise ValueError("broken")

    graph = StateGraph()
    graph.add_node("wait", wait)
    graph.add_node("fail", fail)
    graph.add_node("join", lambda _: None)
    graph.add_branches(START, ["wait"], join="join")
    graph.add_edge(START, "fail")
    found: list[events.Event] = []
    with pytest.raises(NodeFailed, match="broken"):
        Agent(graph.workflow()).invoke(sink=found.append)
    release.set()
    assert gone(waiting[0].name)
    assert isinstance(found[-1], events.RunFailed)
