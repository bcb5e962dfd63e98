"""Which language a block is read as."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from the_edge_agent.workflow.model import Code, walk
from the_edge_agent.workflow.nodes import marked_language
from the_edge_agent.workflow.parse import parse

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("block", "language"),
    [
        ("-- lua\nreturn 1", "lua"),
        ("--lua\nreturn 1", "lua"),
        ("\n  -- Lua: adds\nreturn 1", "lua"),
        ("% prolog\nreturn(x, 1).", "prolog"),
        ("%prolog", "prolog"),
        ("%  Prolog, a family", "prolog"),
        ("-- luau", None),
        ("% prologue", None),
        ("x = 1\n-- lua", None),
        ("# lua", None),
        ("lua", None),
        ("", None),
    ],
)
def test_a_comment_marks_the_language(block: str, language: str | None) -> None:
    assert marked_language(block) == language


@pytest.mark.parametrize(
    ("node", "language"),
    [
        ("run: x = 1", "python"),
        ("{language: prolog, run: x}", "prolog"),
        ("run: '% prolog'", "prolog"),
        ("script: '-- lua'", "lua"),
        ("{language: python, run: '-- lua'}", "python"),
        ("run: {type: prolog, code: x}", "prolog"),
        ("run: {type: inline, code: x}", "python"),
        ("{language: lua, run: {type: inline, code: x}}", "lua"),
        ("{language: lua, run: {code: x}}", "lua"),
        ("{language: lua, run: {language: prolog, code: x}}", "prolog"),
        ("run: {code: '% prolog'}", "prolog"),
        ("run: {type: python, code: '-- lua'}", "python"),
        ("run: {type: expression, value: '--lua'}", "python"),
    ],
)
def test_the_language_of_a_node(node: str, language: str, tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    inner = f"{{{node}}}" if not node.startswith("{") else node
    text = f"nodes:\n  - {{name: a, steps: [{inner}]}}\n  - {{name: b, type: while_loop, condition: 'no', max_iterations: 1, body: [{inner}]}}\n"
    flow.write_text(f"{text}  - {inner[0]}name: c, {inner[1:]}\n", encoding="utf-8")
    workflow, _ = parse(flow, ())
    assert workflow
    found = [kind.language for _, kind in walk(workflow) if isinstance(kind, Code)]
    assert found == [language] * 3
