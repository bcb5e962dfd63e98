"""Branches really run side by side, and what they do stays theirs."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent import START, Agent, StateGraph
from the_edge_agent.engine import events
from the_edge_agent.errors import LimitReached, NodeFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def meeting(workers: int | None) -> tuple[Agent, threading.Barrier]:
    """Two branches that wait for each other."""
    barrier = threading.Barrier(2)

    def wait(_: dict[str, Any]) -> None:
        barrier.wait(timeout=5 if workers is None else 0.1)

    graph = StateGraph()
    graph.add_node("a", wait)
    graph.add_node("b", wait)
    graph.add_node("join", lambda _: None)
    graph.add_branches(START, ["a", "b"], join="join")
    graph.add_edge("a", "join")
    graph.add_edge("b", "join")
    return Agent(graph.workflow(workers=workers)), barrier


def test_branches_run_at_the_same_time() -> None:
    agent, _ = meeting(None)
    assert [result["success"] for result in agent.invoke()["parallel_results"]] == [True, True]


def test_one_worker_runs_one_branch_at_a_time() -> None:
    agent, _ = meeting(1)
    with pytest.raises(NodeFailed) as caught:
        agent.invoke()
    assert caught.value.error_type == "BrokenBarrierError"
    assert caught.value.branch == "a"


def test_max_concurrency_bounds_the_branches(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - name: f
            type: dynamic_parallel
            items: "{{ range(9) | list }}"
            max_concurrency: 3
            steps: [{run: "import time; time.sleep(0.005); return {}"}]
            fan_in: join
          - {name: join}
        """)
    running = most = 0

    def sink(event: events.Event) -> None:
        nonlocal running, most
        running += isinstance(event, events.BranchStarted) - isinstance(event, events.BranchCompleted)
        most = max(most, running)

    agent.invoke(sink=sink)
    assert 1 <= most <= 3


def test_a_failed_branch_cancels_its_siblings(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        settings: {max_iterations: 1000000000}
        nodes:
          - {name: src}
          - {name: forever, goto: forever}
          - {name: bad, run: "raise ValueError('broken')"}
          - {name: join}
        edges:
          - {from: src, to: forever, type: parallel, fan_in: join}
          - {from: src, to: bad, type: parallel, fan_in: join}
          - {from: bad, to: join}
        """)
    with pytest.raises(NodeFailed, match="broken"):
        agent.invoke()


def test_more_branches_than_workers_nest_without_a_deadlock(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        settings: {parallel: {max_workers: 1}}
        nodes:
          - name: outer
            type: dynamic_parallel
            items: [1, 2, 3]
            steps:
              - name: inner
                type: dynamic_parallel
                items: [1, 2, 3]
                steps: [{run: "return {'n': 1}"}]
                fan_in: join
            fan_in: join
          - {name: join, run: "return {'leaves': sum(len(r['parallel_results']) for r in parallel_results)}"}
        """)
    assert agent.invoke()["leaves"] == 9


def test_an_item_is_its_branchs_own(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - name: f
            type: dynamic_parallel
            items: "{{ [state.shared, state.shared] }}"
            steps: [{run: "state['item'].append(state['index']); return {}"}]
            fan_in: join
          - {name: join, run: "return {'seen': [r['item'] for r in parallel_results]}"}
        """)
    final = agent.invoke({"shared": [7]})
    assert final["shared"] == [7]
    assert final["seen"] == [[7, 0], [7, 1]]


def test_an_interrupt_inside_a_branch_is_the_callers_mistake(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - {name: src}
          - {name: a}
          - {name: join, on_error: collect}
        edges:
          - {from: src, to: a, type: parallel, fan_in: join}
          - {from: a, to: join}
        """)
    with pytest.raises(UsageError, match="cannot be paused") as caught:
        agent.invoke(interrupt_before=["a"], on_interrupt=lambda _: None)
    assert caught.value.hint is not None


def test_two_interrupts_named_alike_in_parent_and_subgraph(agent_of: Callable[[str], Agent], tmp_path: Any) -> None:
    (tmp_path / "inner.yaml").write_text("nodes: [{name: review, run: \"return {'inner': True}\"}]", encoding="utf-8")
    agent = agent_of("""
        nodes:
          - {name: f, type: dynamic_parallel, items: [1], subgraph: inner.yaml, fan_in: review}
          - {name: review, interrupt: before}
        """)
    asked: list[str | None] = []
    agent.invoke(on_interrupt=lambda event: asked.append(event.node))
    assert asked == ["review"]


def test_branches_end_with_the_time_of_their_node(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - name: spin
            type: dynamic_parallel
            items: [1, 2, 3]
            max_concurrency: 2
            timeout: 0.3
            steps:
              - timeout: 1000
                run: |
                  while True:
                      pass
            fan_in: join
          - {name: join}
        """)
    with pytest.raises(LimitReached) as caught:
        agent.invoke()
    assert caught.value.node == "spin"
    until = time.monotonic() + 20
    while (
        left := [thread for thread in threading.enumerate() if thread.name.startswith(("tea-spin", "tea-step"))]
    ) and time.monotonic() < until:
        time.sleep(0.05)
    assert left == []


def test_branches_that_never_end_do_not_keep_the_program_alive(tmp_path: Path) -> None:
    program = """
import time
from the_edge_agent import START, Agent, StateGraph

graph = StateGraph()
graph.add_node("sleep", lambda _: time.sleep(600))
graph.add_node("fail", lambda _: 1 / 0)
graph.add_node("join", lambda _: None)
graph.add_branches(START, ["sleep"], join="join")
graph.add_edge(START, "fail")
try:
    Agent(graph.workflow()).invoke()
except Exception as error:
    print(error)
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "division by zero\n", "")
