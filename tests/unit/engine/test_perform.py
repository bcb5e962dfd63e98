"""The error policy of a node, while it waits for the next try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from the_edge_agent.agent import Agent


def test_a_stop_ends_the_wait_before_a_retry(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - {name: a, run: "raise ValueError('no')", retry: {max_retries: 1, base_delay_ms: 100000000, max_delay_ms: 100000000}}
        """)
    cancellation = Cancellation()
    delays: list[float] = []

    def sink(event: events.Event) -> None:
        if isinstance(event, events.NodeRetried):
            delays.append(event.delay)
            cancellation.request()

    with pytest.raises(Cancelled):
        agent.invoke(sink=sink, cancellation=cancellation)
    assert delays[0] >= 100_000
