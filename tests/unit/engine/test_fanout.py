"""Branches really run side by side, and what they do stays theirs."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent import END, START, Agent, StateGraph
from the_edge_agent.errors import LimitReached, NodeFailed, UsageError
from the_edge_agent.workflow.model import DynamicParallel, Function, Node, Nothing, Route, Rule, Steps, Workflow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def side_by_side(work: Callable[[dict[str, Any]], None], workers: int | None = None) -> Agent:
    """Two branches that do ``work``."""
    graph = StateGraph()
    for name in ("a", "b"):
        graph.add_node(name, work)
    graph.add_node("join", lambda _: None)
    graph.add_branches(START, ["a", "b"], join="join")
    graph.add_edge("a", "join")
    graph.add_edge("b", "join")
    return Agent(graph.workflow(workers=workers))


def test_branches_run_at_the_same_time() -> None:
    barrier = threading.Barrier(2, timeout=60)

    def meet(_: dict[str, Any]) -> None:
        barrier.wait()

    final = side_by_side(meet).invoke()
    assert [result["success"] for result in final["parallel_results"]] == [True, True]


def test_one_worker_runs_one_branch_at_a_time() -> None:
    workers: list[threading.Thread] = []
    side_by_side(lambda _: workers.append(threading.current_thread()), workers=1).invoke()
    assert len(workers) == 2
    assert workers[0] is workers[1]


class Constant:
    """A value without templates."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def render(self, _: Any) -> Any:
        return self._value


def test_max_concurrency_bounds_the_branches_from_both_sides() -> None:
    wanted, items = 3, 30
    together, lock = threading.Barrier(wanted, timeout=60), threading.Lock()
    running = most = 0

    def work(_: dict[str, Any]) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        # Nobody goes on before three are here: fewer at once would wait in vain, and a fourth would be counted.
        together.wait()
        with lock:
            running -= 1

    body = Steps((Node("work", Function(work)),))
    kind = DynamicParallel(Constant(list(range(items))), body, "join", max_concurrency=Constant(wanted))
    nodes = {"fan": Node("fan", kind), "join": Node("join", Nothing())}
    routes = {START: Route((Rule("fan"),)), "fan": Route((Rule("join"),)), "join": Route((Rule(END),))}
    final = Agent(Workflow("w", nodes, routes)).invoke()
    assert [result["success"] for result in final["parallel_results"]] == [True] * items
    assert most == wanted


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


def test_branches_end_with_the_time_of_their_node(agent_of: Callable[[str], Agent], gone: Callable[[str], bool]) -> None:
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
    assert gone("tea-spin")
    assert gone("tea-step")


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
