"""Graphs built in code run like those from files."""

from __future__ import annotations

from typing import Any

import pytest

from the_edge_agent import END, START, Agent, StateGraph
from the_edge_agent.errors import LimitReached, NodeFailed, Refused, UsageError, WorkflowInvalid


def codes(error: WorkflowInvalid) -> list[str]:
    return [problem.code for problem in error.problems]


def test_edges_and_choices() -> None:
    graph = StateGraph("count")
    graph.add_node("add", lambda state: {"n": state["n"] + 1})
    graph.add_node("double", lambda state: {"n": state["n"] * 2})
    graph.add_edge(START, "add")
    graph.add_choice("add", lambda state: "add" if state["n"] < 3 else "double")
    assert Agent(graph.workflow()).invoke({"n": 0}) == {"n": 6}


def test_a_node_without_edges_ends_the_run() -> None:
    graph = StateGraph()
    graph.add_node("a", lambda _: None)
    graph.add_node("b", lambda _: {"b": 1})
    graph.add_edge(START, "a")
    assert Agent(graph.workflow()).invoke() == {}


def test_branches_meet() -> None:
    graph = StateGraph()
    graph.add_node("src", lambda _: None)
    graph.add_node("a", lambda _: {"n": 1})
    graph.add_node("b", lambda _: {"n": 2})
    graph.add_node("join", lambda state: {"sum": sum(r["n"] for r in state["parallel_results"])})
    graph.add_edge(START, "src")
    graph.add_branches("src", ["a", "b"], join="join")
    graph.add_edge("a", "join")
    graph.add_edge("b", "join")
    assert Agent(graph.workflow(workers=1)).invoke()["sum"] == 3


def test_a_collecting_join_sees_failures_but_not_refusals() -> None:
    def workflow(error: Exception) -> StateGraph:
        def fail(_: dict[str, Any]) -> None:
            raise error

        graph = StateGraph()
        graph.add_node("a", fail)
        graph.add_node("join", lambda _: None, collect=True)
        graph.add_branches(START, ["a"], join="join")
        graph.add_edge("a", "join")
        return graph

    final = Agent(workflow(ValueError("x")).workflow()).invoke()
    assert final["parallel_results"][0]["error_type"] == "ValueError"
    with pytest.raises(Refused):
        Agent(workflow(Refused("no")).workflow()).invoke()


def test_a_timeout_of_a_function() -> None:
    def spin(_: dict[str, Any]) -> None:
        while True:
            pass

    graph = StateGraph()
    graph.add_node("spin", spin, timeout=0.1)
    graph.add_edge(START, "spin")
    with pytest.raises(LimitReached, match=r"timeout of 0\.1 s"):
        Agent(graph.workflow()).invoke()


def test_a_limit_of_visits() -> None:
    graph = StateGraph()
    graph.add_node("a", lambda _: None)
    graph.add_edge(START, "a")
    graph.add_edge("a", "a")
    with pytest.raises(LimitReached, match="4th time"):
        Agent(graph.workflow(max_visits=3)).invoke()


def test_a_choice_of_a_node_that_does_not_exist_fails_the_node() -> None:
    graph = StateGraph()
    graph.add_node("a", lambda _: None)
    graph.add_edge(START, "a")
    graph.add_choice("a", lambda _: "nowhere")
    with pytest.raises(NodeFailed, match="no node 'nowhere'") as caught:
        Agent(graph.workflow()).invoke()
    assert caught.value.node == "a"


def test_a_choice_that_raises_fails_the_node() -> None:
    graph = StateGraph()
    graph.add_node("a", lambda _: None)
    graph.add_edge(START, "a")
    graph.add_choice("a", lambda state: str(state["missing"]))
    with pytest.raises(NodeFailed, match="choosing the next node") as caught:
        Agent(graph.workflow()).invoke()
    assert (caught.value.node, caught.value.error_type) == ("a", "KeyError")


def test_everything_wrong_is_told_at_once() -> None:
    graph = StateGraph()
    graph.add_node("a", lambda _: None)
    graph.add_edge("a", "nowhere")
    graph.add_edge("absent", "a")
    graph.add_branches("a", ["a"], join=END)
    with pytest.raises(WorkflowInvalid) as caught:
        graph.workflow()
    assert codes(caught.value) == ["EDGE_TO_UNDEFINED", "PARALLEL_FAN_IN_UNDEFINED", "EDGE_FROM_UNDEFINED", "MISSING_FIELD"]


@pytest.mark.parametrize("name", ["a", START, END])
def test_names_are_unique_and_not_reserved(name: str) -> None:
    graph = StateGraph()
    graph.add_node("a", lambda _: None)
    with pytest.raises(WorkflowInvalid) as caught:
        graph.add_node(name, lambda _: None)
    assert codes(caught.value) == ["DUPLICATE_NODE"]


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (lambda _: None, "choosing the next node gave None, not a name"),
        (lambda _: ["a"], "choosing the next node gave ['a'], not a name"),
        (lambda state: state["missing"], "choosing the next node: there is no key 'missing'"),
        (lambda _: "b", "there is no node 'b' to go to"),
    ],
)
def test_a_choice_names_a_node(choose: Any, message: str) -> None:
    graph = StateGraph()
    graph.add_node("a", lambda _: None)
    graph.add_edge(START, "a")
    graph.add_choice("a", choose)
    with pytest.raises(NodeFailed) as caught:
        Agent(graph.workflow()).invoke()
    assert (caught.value.message, caught.value.node) == (message, "a")


def test_what_a_function_writes_in_place_is_json() -> None:
    graph = StateGraph()
    graph.add_node("a", lambda state: state.update(found={1}))
    graph.add_edge(START, "a")
    with pytest.raises(NodeFailed, match="'found' is a set") as caught:
        Agent(graph.workflow()).invoke()
    assert caught.value.node == "a"


@pytest.mark.parametrize("given", [[1], "text", 5])
def test_the_input_is_a_mapping(given: Any) -> None:
    graph = StateGraph()
    graph.add_node("a", lambda _: None)
    graph.add_edge(START, "a")
    with pytest.raises(UsageError, match="must be a mapping"):
        Agent(graph.workflow()).invoke(given)
