"""Where branches meet again, and what becomes of them when their flow fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from the_edge_agent.engine import events
from the_edge_agent.errors import NodeFailed

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


def test_a_failure_of_the_main_flow_stops_its_branches(agent_of: Callable[[str], Agent], gone: Callable[[str], bool]) -> None:
    agent = agent_of("""
        settings: {max_iterations: 1000000000}
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
