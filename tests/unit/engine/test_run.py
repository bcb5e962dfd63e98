"""One run: input, interrupts, stops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.agent import RunOptions
from the_edge_agent.engine import events
from the_edge_agent.engine.scope import Cancellation, Cancelled
from the_edge_agent.errors import NodeFailed, Paused, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from the_edge_agent.agent import Agent

REVIEW = """
    nodes:
      - {name: write, run: "return {'text': 'draft'}", interrupt: after}
      - {name: publish, run: "return {'published': state['text']}", interrupt: before}
    """


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("state", "message"),
    [({"a": {1}}, "'a' is a set"), ({"a": float("nan")}, "'a' is nan"), ({1: 2}, "key of type int"), ({"a": nested(100_000)}, "deep")],
)
def test_input_that_is_no_json_is_the_callers_mistake(agent_of: Callable[[str], Agent], state: dict[str, Any], message: str) -> None:
    agent = agent_of("nodes: [{name: a}]")
    with pytest.raises(UsageError, match=message):
        agent.invoke(state)


def test_an_interrupt_hands_over_the_state_and_takes_updates(agent_of: Callable[[str], Agent]) -> None:
    seen: list[tuple[str, str, dict[str, Any]]] = []

    def ask(event: events.Interrupted) -> Mapping[str, Any]:
        seen.append((event.node, event.when, dict(event.state)))
        return {"text": f"{event.state['text']}+{event.when}"}

    final = agent_of(REVIEW).invoke(on_interrupt=ask)
    assert seen == [("write", "after", {"text": "draft"}), ("publish", "before", {"text": "draft+after"})]
    assert final["published"] == "draft+after+before"


def test_a_pause_is_no_failure_of_the_run(agent_of: Callable[[str], Agent]) -> None:
    found: list[events.Event] = []
    with pytest.raises(Paused) as caught:
        agent_of(REVIEW).invoke(sink=found.append)
    assert caught.value.node == "write"
    assert [event.type for event in found] == ["start", "node_start", "node_complete", "interrupt"]


def test_an_answer_that_is_no_json_is_refused(agent_of: Callable[[str], Agent]) -> None:
    with pytest.raises(NodeFailed, match="'text' is a set"):
        agent_of(REVIEW).invoke(on_interrupt=lambda _: {"text": {1}})


def test_a_run_that_was_asked_to_stop_runs_nothing(agent_of: Callable[[str], Agent]) -> None:
    cancellation = Cancellation()
    cancellation.request()
    found: list[events.Event] = []
    with pytest.raises(Cancelled):
        agent_of(REVIEW).invoke(sink=found.append, cancellation=cancellation)
    assert [event.type for event in found] == ["start"]


def test_a_sink_that_raises_ends_the_run_with_its_own_error(agent_of: Callable[[str], Agent]) -> None:
    def sink(event: events.Event) -> None:
        if isinstance(event, events.RunStarted):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        agent_of(REVIEW).invoke(sink=sink)


@pytest.mark.parametrize(
    "options", [RunOptions(entry="nowhere"), RunOptions(stop_before="nowhere"), RunOptions(interrupt_after=["nowhere"])]
)
def test_options_name_nodes_that_exist(agent_of: Callable[[str], Agent], options: RunOptions) -> None:
    with pytest.raises(UsageError, match="no node 'nowhere'") as caught:
        agent_of("nodes: [{name: a}, {name: b}]").invoke(**options)
    assert caught.value.hint == "nodes: a, b"


def test_in_place_writes_deep_in_the_state_must_be_json(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - {name: a, run: "state['deep']['list'].append({1}); return {}"}
        """)
    with pytest.raises(NodeFailed, match=r"deep\.list\[0\]"):
        agent.invoke({"deep": {"list": []}})
