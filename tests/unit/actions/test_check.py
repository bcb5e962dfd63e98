from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.actions import builtin
from the_edge_agent.actions import check as checks
from the_edge_agent.actions.needs import ASKS
from the_edge_agent.actions.registry import Registry, describe
from the_edge_agent.actions.survey import Survey
from the_edge_agent.workflow.parse import parse

if TYPE_CHECKING:
    from pathlib import Path

    from the_edge_agent.errors import Problem
    from the_edge_agent.workflow.model import Workflow


def _workflow(tmp_path: Path, text: str, name: str = "w.yaml") -> Workflow:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    workflow, problems = parse(path)
    assert workflow is not None, problems
    return workflow


def check(workflow: Workflow, registry: Registry, inner: Registry | None = None) -> list[Problem]:
    """``inner``: what subgraphs can name, if not the same."""
    return checks.check(Survey(workflow, lambda graph: registry if graph is workflow else inner or registry))


def _node(tmp_path: Path, uses: str, with_: str = "{}", more: str = "") -> list[Problem]:
    return check(_workflow(tmp_path, f"{more}\nnodes:\n  - name: n\n    uses: {uses}\n    with: {with_}\n"), builtin())


def _registry() -> Registry:
    registry = Registry({})

    def ask(scope: Any, /, *, prompt: str, model: str) -> Any:
        """Ask."""

    registry.add(describe("llm.ask", ask, needs=ASKS))
    registry.add(describe("ask", ask))
    return registry


def test_a_workflow_without_faults(tmp_path: Path) -> None:
    assert _node(tmp_path, "json.stringify", '{data: [1], indent: "{{ state.n }}"}') == []
    assert _node(tmp_path, "actions.json_parse", '{text: "{{ state.t }}"}') == []
    assert _node(tmp_path, "data.merge", '{sources: ["{{ state.a }}"], strategy: "{{ state.s }}"}') == []


def test_an_unknown_action_is_found_with_its_place_and_a_guess(tmp_path: Path) -> None:
    (problem,) = _node(tmp_path, "jsn.parse", "{text: x}")
    assert (problem.code, problem.node, problem.hint) == ("UNKNOWN_ACTION", "n", "did you mean 'json.parse'?")
    assert str(problem.spot).endswith("w.yaml:4:11")


@pytest.mark.parametrize(
    ("name", "words", "instead"),
    [
        ("web.scrape", "out of scope", "http.get"),
        ("actions.web_scrape", "out of scope", "http.get"),
        ("memory.cloud_store", "network", "offline"),
        ("vector.index_files", "not implemented", "vector.store"),
        ("embedding.cluster", "not implemented", "embedding.create"),
        ("graph.query", "graph databases", "imports"),
        ("mcp.call", "bridges", "reason.react"),
    ],
)
def test_actions_of_the_peer_that_are_not_here_say_so(tmp_path: Path, name: str, words: str, instead: str) -> None:
    (problem,) = _node(tmp_path, name)
    assert problem.code == "UNKNOWN_ACTION"
    assert words in problem.message
    assert instead in str(problem.hint)


def test_parameters_are_judged_one_by_one(tmp_path: Path) -> None:
    problems = _node(tmp_path, "file.read", '{pth: "x", encoding: 5, max_bytes: true}')
    assert [(problem.code, problem.message) for problem in problems] == [
        ("UNKNOWN_PARAMETER", "file.read has no parameter 'pth'"),
        ("WRONG_PARAMETER", "file.read: 'encoding' must be string, not integer 5"),
        ("WRONG_PARAMETER", "file.read: 'max_bytes' must be integer, not boolean True"),
        ("MISSING_PARAMETER", "file.read needs the parameter 'path' (string)"),
    ]
    assert problems[0].hint == "did you mean 'path'?"
    assert str(problems[1].spot).rsplit(":", 2)[-2] == "5"


def test_choices(tmp_path: Path) -> None:
    (problem,) = _node(tmp_path, "data.merge", "{sources: [], strategy: depp}")
    assert problem.message == "data.merge: 'strategy' must be 'deep', 'shallow' or 'replace', not string 'depp'"


def test_settings_give_what_a_model_action_needs_and_no_other(tmp_path: Path) -> None:
    text = "settings: {llm: {model: m}}\nnodes:\n- {name: a, uses: llm.ask, with: {prompt: p}}\n- {name: b, uses: ask, with: {prompt: p}}\n"
    assert [problem.node for problem in check(_workflow(tmp_path, text), _registry())] == ["b"]


def test_nested_actions_are_judged(tmp_path: Path) -> None:
    text = """
nodes:
  - name: loop
    type: while_loop
    condition: "{{ state.n < 3 }}"
    max_iterations: 3
    body:
      - {name: inner, uses: file.raed, with: {path: x}}
  - name: steps
    steps:
      - {name: s, uses: file.read}
  - name: wrap
    uses: cache.wrap
    with: {action: json.prase, args: {text: x}}
  - name: wrong
    uses: ratelimit.wrap
    with: {action: json.parse, args: {txt: x}, rpm: 5}
"""
    codes = [(problem.node, problem.code) for problem in check(_workflow(tmp_path, text), builtin())]
    assert codes == [
        ("inner", "UNKNOWN_ACTION"),
        ("s", "MISSING_PARAMETER"),
        ("wrap", "UNKNOWN_ACTION"),
        ("wrong", "UNKNOWN_PARAMETER"),
        ("wrong", "MISSING_PARAMETER"),
    ]


def test_a_subgraph_is_judged_by_its_own_registry(tmp_path: Path) -> None:
    _workflow(tmp_path, "name: inner\nnodes: [{name: i, uses: ask, with: {prompt: p, model: m}}]\n", "inner.yaml")
    outer = _workflow(
        tmp_path,
        """
nodes:
  - {name: f, type: dynamic_parallel, items: [1], subgraph: inner.yaml, fan_in: j}
  - {name: j, fan_in: true}
""",
    )
    assert [problem.code for problem in check(outer, builtin())] == ["UNKNOWN_ACTION"]
    assert check(outer, builtin(), _registry()) == []
