"""Steps and loops inside a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine import events
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from the_edge_agent.agent import Agent


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
