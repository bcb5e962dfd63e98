"""Joins, time-outs and failures of one line of control."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine import events
from the_edge_agent.errors import LimitReached, NodeFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from the_edge_agent.agent import Agent


def test_each_fan_out_is_joined_at_its_own_node(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - {name: src}
          - {name: a, run: "return {'n': 1}"}
          - {name: x}
          - {name: b, run: "return {'n': 2}"}
          - {name: first, run: "return {'first': [r['n'] for r in parallel_results]}"}
          - {name: second, run: "return {'second': [r['n'] for r in parallel_results]}"}
        edges:
          - {from: src, to: a, type: parallel, fan_in: first}
          - {from: src, to: x}
          - {from: a, to: first}
          - {from: x, to: b, type: parallel, fan_in: second}
          - {from: x, to: first}
          - {from: b, to: second}
          - {from: first, to: second}
        """)
    visited: list[str] = []
    final = agent.invoke(
        sink=lambda event: visited.append(event.node) if isinstance(event, events.NodeCompleted) and not event.branch else None
    )
    assert (final["first"], final["second"]) == ([1], [2])
    assert visited == ["src", "x", "first", "second"]


def test_two_fan_outs_to_one_node_are_joined_together(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - {name: src}
          - {name: a, run: "return {'n': 1}"}
          - {name: x}
          - {name: b, run: "return {'n': 2}"}
          - {name: join, run: "return {'all': [r['n'] for r in parallel_results], 'runs': state.get('runs', 0) + 1}"}
        edges:
          - {from: src, to: a, type: parallel, fan_in: join}
          - {from: src, to: x}
          - {from: a, to: join}
          - {from: x, to: b, type: parallel, fan_in: join}
          - {from: x, to: join}
          - {from: b, to: join}
        """)
    final = agent.invoke()
    assert (final["all"], final["runs"]) == ([1, 2], 1)


def test_a_main_flow_that_ends_early_still_joins(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - {name: src}
          - {name: a, run: "return {'n': 1}"}
          - {name: x, goto: __end__}
          - {name: join, run: "return {'all': [r['n'] for r in parallel_results]}"}
        edges:
          - {from: src, to: a, type: parallel, fan_in: join}
          - {from: src, to: x}
          - {from: a, to: join}
        """)
    assert agent.invoke()["all"] == [1]


def test_a_failure_of_the_main_flow_stops_its_branches(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        settings: {max_iterations: 1000000}
        nodes:
          - {name: src}
          - {name: forever, goto: forever}
          - {name: bad, run: "raise ValueError('broken')"}
          - {name: join}
        edges:
          - {from: src, to: forever, type: parallel, fan_in: join}
          - {from: src, to: bad}
          - {from: bad, to: join}
        """)
    with pytest.raises(NodeFailed, match="broken"):
        agent.invoke()
    assert gone("tea-src"), "no thread of the branch is left"


def gone(prefix: str) -> bool:
    """Whether all threads named so end within a few seconds."""
    deadline = time.monotonic() + 5
    while any(thread.name.startswith(prefix) for thread in threading.enumerate()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_timed_out_block_does_not_run_on(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - name: spin
            timeout: 0.1
            run: |
              n = 0
              while True:
                  n += 1
        """)
    with pytest.raises(LimitReached):
        agent.invoke()
    assert gone("tea-spin")


def test_a_time_out_holds_for_the_steps_inside(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - name: outer
            timeout: 0.15
            type: while_loop
            condition: "true"
            max_iterations: 1000
            body:
              - run: |
                  import time
                  time.sleep(0.02)
                  return {}
        """)
    started = time.monotonic()
    with pytest.raises(LimitReached) as caught:
        agent.invoke()
    assert caught.value.node == "outer"
    assert time.monotonic() - started < 15


def test_a_stop_ends_the_wait_before_a_retry(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - {name: a, run: "raise TimeoutError('slow')", on_error: {mode: retry, max_retries: 1, retry_delay: 60}}
        """)
    cancellation = Cancellation()

    def sink(event: events.Event) -> None:
        if isinstance(event, events.NodeRetried):
            cancellation.request()

    started = time.monotonic()
    with pytest.raises(Cancelled):
        agent.invoke(sink=sink, cancellation=cancellation)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("where", ["steps", "loop", "branch"])
def test_a_stop_is_noticed_between_inner_nodes(agent_of: Callable[[str], Agent], where: str) -> None:
    inner = "[{name: one, run: \"return {'one': 1}\"}, {name: two, run: \"return {'two': 2}\"}]"
    node = {
        "steps": f"{{name: n, steps: {inner}}}",
        "loop": f"{{name: n, type: while_loop, condition: 'true', max_iterations: 9, body: {inner}}}",
        "branch": f"{{name: n, type: dynamic_parallel, items: [1], steps: {inner}, fan_in: join}}",
    }[where]
    agent = agent_of(f"nodes: [{node}, {{name: join}}]")
    cancellation = Cancellation()
    seen: list[str] = []

    def sink(event: events.Event) -> None:
        if isinstance(event, events.NodeCompleted):
            seen.append(event.node)
            if event.node == "one":
                cancellation.request()

    with pytest.raises(Cancelled):
        agent.invoke(sink=sink, cancellation=cancellation)
    assert seen == ["one"]


def test_the_error_of_a_loop_reads_the_same_as_text(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - {name: l, type: while_loop, condition: "true", max_iterations: 3, body: [{name: b, run: "raise ValueError('no')"}]}
        """)
    with pytest.raises(NodeFailed) as caught:
        agent.invoke()
    assert str(caught.value) == caught.value.message == "in while_loop 'l' body node 'b' at iteration 0: no"
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_error_in_a_block_points_at_its_line(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""\
        nodes:
          - name: outer
            steps:
              - name: inner
                run: |
                  def helper(x):
                      return 1 / x

                  return {"n": helper(0)}
        """)
    with pytest.raises(NodeFailed) as caught:
        agent.invoke()
    spot = caught.value.spot
    assert spot is not None
    assert spot.line == 7
    assert "return 1 / x" in spot.excerpt()


@pytest.mark.parametrize("write", ["state['a'] = state", "state['a'] = a = []; a.append(a)"])
def test_a_state_that_contains_itself_fails_the_node(agent_of: Callable[[str], Agent], write: str) -> None:
    agent = agent_of(f'nodes: [{{name: n, run: "{write}; return {{}}"}}]')
    with pytest.raises(NodeFailed) as caught:
        agent.invoke()
    assert caught.value.node == "n"


def test_what_the_caller_gives_is_never_changed(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        initial_state: {own: [1]}
        nodes:
          - {name: n, run: "state['given'].append(2); state['own'].append(2); return {}"}
        """)
    given: dict[str, Any] = {"given": [1]}
    assert agent.invoke(given) == agent.invoke(given) == {"own": [1, 2], "given": [1, 2]}
    assert given == {"given": [1]}
