"""When an answer counts as right."""

from __future__ import annotations

import pytest

from tea_training.evaluate import right


@pytest.mark.parametrize(
    ("expected", "answer", "verdict"),
    [
        ("7", "7", True),
        ("7", "17", False),
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', True),
        ('{"a": 1}', '{"a": "1"}', False),
        ('{"a": 1}', '{"a": 1', False),
        (
            '<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>',
            '<tool_call>{"arguments": {"x": 1}, "name": "f"}</tool_call>',
            True,
        ),
        ('<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>', "f(1)", False),
        ('<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>', "<tool_call>broken</tool_call>", False),
    ],
)
def test_marks(expected: str, answer: str, verdict: bool) -> None:  # noqa: FBT001 - a table
    assert right(expected, answer) is verdict
