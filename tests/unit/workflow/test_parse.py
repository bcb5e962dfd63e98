"""A file becomes an immutable workflow, or problems in file order."""

from __future__ import annotations

import dataclasses
import time
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.errors import Problem, Source, Spot
from the_edge_agent.workflow.check import reach, successors
from the_edge_agent.workflow.model import END, START, Action, Code, Limits, Subgraph, Workflow, walk
from the_edge_agent.workflow.parse import in_order, parse

if TYPE_CHECKING:
    from pathlib import Path


def parsed(folder: Path, text: str) -> Workflow:
    path = folder / "flow.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    workflow, problems = parse(path)
    assert workflow is not None
    assert not [problem for problem in problems if problem.severity == "error"]
    return workflow


def targets(workflow: Workflow, name: str) -> list[str]:
    return [rule.target for rule in workflow.routes[name].rules]


def test_a_workflow_is_frozen(tmp_path: Path) -> None:
    workflow = parsed(tmp_path, "nodes: [{name: a}]")
    with pytest.raises(dataclasses.FrozenInstanceError):
        workflow.name = "other"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        workflow.nodes["a"].timeout = 1  # type: ignore[misc]


def test_the_file_name_is_the_name_of_a_workflow_without_one(tmp_path: Path) -> None:
    assert parsed(tmp_path, "nodes: [{name: a}]").name == "flow"
    assert parsed(tmp_path, "{name: own, description: d, nodes: [{name: a}]}").name == "own"


def test_every_node_and_the_start_has_a_route(tmp_path: Path) -> None:
    workflow = parsed(
        tmp_path,
        """
        nodes: [{name: a}, {name: b, goto: d}, {name: c}, {name: d}]
        edges: [{from: a, to: c, when: state.x}, {from: a, to: b}]
        """,
    )
    assert {name: targets(workflow, name) for name in workflow.routes} == {
        START: ["a"],
        "a": ["c", "b"],
        "b": ["d"],
        "c": ["d"],
        "d": [END],
    }
    assert set(reach(workflow, START, frozenset())) == {START, "a", "b", "c", "d"}
    assert set(reach(workflow, "b", frozenset({"d"}))) == {"b"}


def test_a_fallback_is_a_way_on(tmp_path: Path) -> None:
    workflow = parsed(tmp_path, "nodes: [{name: a, fallback: c, goto: __end__}, {name: b}, {name: c}]")
    assert set(successors(workflow, "a")) == {END, "c"}


def test_a_fan_is_one_thing_however_it_is_spelt(tmp_path: Path) -> None:
    nodes = "nodes: [{name: s}, {name: a}, {name: b}, {name: j}]\n"
    ends = "{from: a, to: j}, {from: b, to: j}]"
    edges = parsed(
        tmp_path, f"{nodes}edges: [{{from: s, to: a, type: parallel, fan_in: j}}, {{from: s, to: b, type: parallel, fan_in: j}}, {ends}"
    )
    listed = parsed(tmp_path, f"{nodes}edges: [{{from: s, parallel: [a, b]}}, {ends}")
    short = parsed(tmp_path, f"{nodes}edges: [{{from: s, parallel: [a, b]}}]")
    fans = [(fan.branches, fan.join) for workflow in (edges, listed, short) if (fan := workflow.routes["s"].fan)]
    assert fans == [(("a", "b"), "j")] * 3
    assert targets(short, "a") == targets(short, "b") == ["j"]


def test_settings_become_limits_and_stay_data(tmp_path: Path) -> None:
    workflow = parsed(tmp_path, "{settings: {max_iterations: 7, parallel: {max_workers: 3}, own: [1]}, nodes: [{name: a}]}")
    assert workflow.limits == Limits(visits=7, workers=3)
    assert workflow.settings == {"max_iterations": 7, "parallel": {"max_workers": 3}, "own": [1]}
    assert workflow.document["nodes"] == [{"name": "a"}]


def test_imports_count_from_the_file(tmp_path: Path) -> None:
    workflow = parsed(tmp_path, "{imports: [{path: sub/x.py, namespace: n}, {package: some.package}], nodes: [{name: a}]}")
    first, second = workflow.imports
    assert (first.path, first.package, first.namespace) == (tmp_path / "sub" / "x.py", None, "n")
    assert (second.path, second.package, second.namespace) == (None, "some.package", "")


def test_walk_finds_what_lies_inside(tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text("nodes: [{name: deep, uses: json.parse, with: {text: '1'}}]")
    workflow = parsed(
        tmp_path,
        """
        nodes:
          - {name: s, steps: [{uses: error.has}, {steps: [{uses: error.get}]}]}
          - {name: l, type: while_loop, condition: x, max_iterations: 1, body: [{uses: error.type}]}
          - {name: f, type: dynamic_parallel, items: [], subgraph: inner.yaml, fan_in: j}
          - {name: m, strategy: {matrix: {n: [1]}}, run: "return 1"}
          - {name: j}
        """,
    )
    assert [kind.name for _, kind in workflow.actions()] == ["error.has", "error.get", "error.type", "json.parse"]
    kinds = [type(kind) for _, kind in walk(workflow)]
    assert kinds.count(Code) == 1
    assert kinds.count(Subgraph) == 1
    assert kinds.count(Action) == 4


def test_a_workflow_with_errors_comes_back_as_far_as_it_could_be_read(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text("nodes: [{name: a, colour: 1}, 5, {name: b, uses: json.parse}]")
    workflow, problems = parse(path)
    assert workflow is not None
    assert list(workflow.nodes) == ["a", "b"]
    assert [problem.code for problem in problems] == ["UNKNOWN_KEY", "WRONG_TYPE"]


def test_problems_come_once_and_in_file_order() -> None:
    source = Source("f", "")
    late, early, nowhere = (Problem(code, "m", spot) for code, spot in (("A", Spot(source, 9, 1)), ("B", Spot(source, 2, 5)), ("C", None)))
    assert in_order([late, early, nowhere, late]) == (nowhere, early, late)


@pytest.mark.parametrize("allow_cycles", ["true", "false"])
def test_a_long_chain_needs_no_recursion(tmp_path: Path, allow_cycles: str) -> None:
    nodes = "".join(f"  - {{name: n{i}, goto: n{i + 1}}}\n" for i in range(2500))
    workflow = parsed(tmp_path, f"settings: {{allow_cycles: {allow_cycles}}}\nnodes:\n{nodes}  - {{name: n2500}}\n")
    assert len(workflow.nodes) == 2501


def test_thousands_of_wrong_names_are_told_soon(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text("nodes:\n" + "".join(f"  - {{name: node_number_{i}, goto: node_numbr_{i}}}\n" for i in range(1500)))
    started = time.monotonic()
    _, problems = parse(path)
    assert [problem.code for problem in problems] == ["GOTO_UNDEFINED"] * 1500
    assert all("did you mean 'node_number_" in (problem.hint or "") for problem in problems)
    assert time.monotonic() - started < 60
