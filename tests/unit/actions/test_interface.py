"""What a workflow is seen to take and to give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from the_edge_agent.actions.interface import Interface, StateKey, interface
from the_edge_agent.agent import survey

if TYPE_CHECKING:
    from pathlib import Path


def of(folder: Path, text: str) -> Interface:
    (folder / "w.yaml").write_text(text, encoding="utf-8")
    found, problems = survey(folder / "w.yaml")
    assert found is not None, problems
    return interface(found)


def test_documented_keys_that_no_node_writes_are_inputs(tmp_path: Path) -> None:
    text = """
name: w
state_schema:
  question: {type: str, description: what to ask}
  tags: list[str]
  answer: string
initial_state: {lang: en, limit: 3}
nodes:
  - {name: a, uses: json.parse, with: {text: '{}'}, output: answer}
  - {name: b, run: 'return {"note": 1}'}
"""
    assert of(tmp_path, text) == Interface(
        (
            StateKey("question", "text", "what to ask"),
            StateKey("tags", "json"),
            StateKey("lang", "text", default="en"),
            StateKey("limit", "integer", default=3),
        ),
        (StateKey("answer", "text"),),
    )


@pytest.mark.parametrize(
    ("node", "written"),
    [
        ('{name: a, run: \'return {"x": 1, "y": 2}\'}', ["x", "y"]),
        ("{name: a, run: 'x = 1'}", ["x"]),
        ("{name: a, run: 'return {\"x\": 1}', output: whole}", ["whole"]),
        ("{name: a, language: lua, run: 'local z = 2 return {x = z, y = 3}'}", ["x", "y"]),
        ("{name: a, language: prolog, run: 'Y is 2, return(x, Y).'}", ["x"]),
        ("{name: a, run: {type: expression, value: '1', output_key: x}}", ["x"]),
    ],
)
def test_without_documentation_what_is_written_comes_out(tmp_path: Path, node: str, written: list[str]) -> None:
    assert [key.name for key in of(tmp_path, f"name: w\nnodes: [{node}]\n").outputs] == written


def test_a_json_schema_is_read(tmp_path: Path) -> None:
    schema = "{type: object, properties: {n: {type: integer, default: 4}}}"
    assert of(tmp_path, f"name: w\nstate_schema: {schema}\nnodes: [{{name: a}}]\n").inputs == (StateKey("n", "integer", default=4),)
