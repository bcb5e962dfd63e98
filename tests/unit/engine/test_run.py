"""One run: input, interrupts, stops."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine import events
from the_edge_agent.engine.checkpoint import Checkpoint
from the_edge_agent.engine.run import RunOptions
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


def test_what_the_caller_gives_is_never_changed(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        initial_state: {own: [1]}
        nodes:
          - {name: n, run: "state['given'].append(2); state['own'].append(2); return {}"}
        """)
    given: dict[str, Any] = {"given": [1]}
    assert agent.invoke(given) == agent.invoke(given) == {"own": [1, 2], "given": [1, 2]}
    assert given == {"given": [1]}


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


def test_a_run_has_no_other_options(agent_of: Callable[[str], Agent]) -> None:
    with pytest.raises(TypeError, match="no option 'entri'"):
        agent_of("nodes: [{name: a}]").invoke(entri="a")  # type: ignore[call-arg]


def test_in_place_writes_deep_in_the_state_must_be_json(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - {name: a, run: "state['deep']['list'].append({1}); return {}"}
        """)
    with pytest.raises(NodeFailed, match=r"deep\.list\[0\]"):
        agent.invoke({"deep": {"list": []}})


def interrupted(agent: Agent, when: str, node: str) -> events.Interrupted:
    """The interrupt at which a run of ``agent`` pauses."""
    found: list[events.Interrupted] = []

    def keep(event: events.Interrupted) -> None:
        found.append(event)
        raise Paused(event.node)

    stops = {"before": [], "after": [], when: [node]}
    with pytest.raises(Paused):
        agent.invoke(on_interrupt=keep, interrupt_before=stops["before"], interrupt_after=stops["after"])
    (event,) = found
    return event


def met(agent: Agent, when: str, node: str) -> Checkpoint:
    """The checkpoint of that interrupt, written and read."""
    document = interrupted(agent, when, node).checkpoint.document(config={}, timestamp=0)
    return Checkpoint.of(json.loads(json.dumps(document)))


COUNTED = """
    initial_state: {n: 0}
    nodes:
      - {name: a, run: "n = state['n'] + 1"}
      - {name: b, run: "n = state['n'] + 10"}
      - {name: c, run: "n = state['n'] + 100"}
    """


@pytest.mark.parametrize(("when", "node"), [("before", "a"), ("before", "b"), ("after", "b"), ("after", "c")])
def test_a_resumed_run_ends_as_one_that_never_paused(agent_of: Callable[[str], Agent], when: str, node: str) -> None:
    agent = agent_of(COUNTED)
    checkpoint = met(agent, when, node)
    assert agent.invoke(resume=checkpoint, interrupt_before=[node], interrupt_after=[]) == {"n": 111}
    assert checkpoint.state["n"] < 111 or node == "c"


def test_a_run_goes_on_from_the_event_of_an_interrupt(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of(COUNTED)
    event = interrupted(agent, "after", "b")
    assert agent.invoke(resume=event) == agent.invoke(resume=event) == {"n": 111}
    assert event.state == {"n": 11}


def test_nothing_goes_on_from_inside_a_node(agent_of: Callable[[str], Agent]) -> None:
    with pytest.raises(UsageError, match="inside of node 'b'"):
        agent_of(COUNTED).invoke(resume=Checkpoint("b", "inside", {"n": 1}))


def test_a_loop_pauses_again_when_it_comes_back(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        initial_state: {n: 0}
        nodes:
          - {name: a, run: "n = state['n'] + 1", goto: [{if: state.n < 3, to: a}, {to: __end__}]}
        """)
    stops: list[int] = []
    final = agent.invoke(
        resume=met(agent, "before", "a"), interrupt_before=["a"], on_interrupt=lambda event: stops.append(event.state["n"])
    )
    assert (final, stops) == ({"n": 3}, [1, 2])


def test_initial_state_does_not_come_back_on_resume(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        initial_state: {gone: 1}
        nodes: [{name: a, run: "del state['gone']"}, {name: b, run: "left = sorted(state)"}]
        """)
    assert agent.invoke(resume=met(agent, "after", "a")) == {"left": []}


def test_resume_behind_a_failed_node_goes_to_its_fallback(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - {name: a, run: "raise ValueError('no')", fallback: c}
          - {name: b, run: "way = 'b'", goto: __end__}
          - {name: c, run: "way = 'c'"}
        """)
    assert agent.invoke(resume=met(agent, "after", "a"))["way"] == "c"


BRANCHES = """
    nodes:
      - {name: begin}
      - {name: left, run: "n = 1"}
      - {name: right, run: "n = 2"}
      - {name: meet, fan_in: true, run: "return {'sum': sum(each['n'] for each in parallel_results)}"}
    edges:
      - {from: begin, parallel: [left, right]}
      - {from: left, to: meet}
      - {from: right, to: meet}
    """


@pytest.mark.parametrize(("when", "node"), [("after", "begin"), ("before", "meet")])
def test_branches_meet_in_a_resumed_run(agent_of: Callable[[str], Agent], when: str, node: str) -> None:
    agent = agent_of(BRANCHES)
    assert not interrupted(agent, when, node).branches
    assert agent.invoke(resume=met(agent, when, node))["sum"] == 3


def test_an_interrupt_beside_branches_says_that_their_results_are_missing(agent_of: Callable[[str], Agent]) -> None:
    agent = agent_of("""
        nodes:
          - {name: begin}
          - {name: left, run: "n = 1"}
          - {name: right, run: "n = 2"}
          - {name: beside}
          - {name: meet, fan_in: true, run: "return {'sum': sum(each['n'] for each in parallel_results)}"}
        edges:
          - {from: begin, parallel: [left, right], fan_in: meet}
          - {from: begin, to: beside}
          - {from: left, to: meet}
          - {from: right, to: meet}
          - {from: beside, to: meet}
        """)
    assert agent.invoke()["sum"] == 3
    assert interrupted(agent, "before", "beside").branches
