"""Code that fails, writes what is no JSON, or takes too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from the_edge_agent.errors import LimitReached, NodeFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from the_edge_agent.agent import Agent


def test_a_timed_out_block_does_not_run_on(agent_of: Callable[[str], Agent], gone: Callable[[str], bool]) -> None:
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


def test_a_time_out_holds_for_the_steps_inside(agent_of: Callable[[str], Agent], gone: Callable[[str], bool]) -> None:
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
                  time.sleep(1)
                  return {}
        """)
    with pytest.raises(LimitReached) as caught:
        agent.invoke()
    assert caught.value.node == "outer"
    assert gone("tea-outer")


def test_what_a_block_wrote_before_it_failed_is_there_for_the_next_try(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - name: a
            timeout: 100
            on_error: {mode: retry, max_retries: 2, retry_delay: 0, retryable_errors: ["*"]}
            run: |
              state["tries"] = state.get("tries", 0) + 1
              if state["tries"] < 3:
                  raise TimeoutError("slow")
              return {}
        """)
    assert agent.invoke() == {"tries": 3}


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
