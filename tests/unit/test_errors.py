"""Every way to fail has its own code and exit status, and shows where it happened."""

from __future__ import annotations

import re

import pytest

from the_edge_agent import errors
from the_edge_agent.errors import NodeFailed, Problem, Source, Spot, TeaError, WorkflowInvalid, at_node

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TeaError) and kind is not TeaError]
TEXT = "name: x\nnodes:\n\t- {name: a, colour: red}\n"
SOURCE = Source("flow.yaml", TEXT)


def test_exit_codes_are_those_of_the_manual() -> None:
    assert {kind.__name__: kind.exit_code for kind in KINDS} == {
        "UsageError": 2,
        "WorkflowInvalid": 3,
        "NodeFailed": 4,
        "LimitReached": 5,
        "OutputUnsatisfied": 6,
        "ContextOverflow": 7,
        "ModelUnavailable": 8,
        "MachineUnable": 9,
        "Paused": 10,
        "Refused": 11,
    }


def test_codes_are_unique_words() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[A-Z_]+", code) for code in codes)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    listed = re.findall(r"[├└]── (\w+) +(\d+)", errors.__doc__ or "")
    assert listed == [(kind.__name__, str(kind.exit_code)) for kind in KINDS]


def test_every_kind_is_explained() -> None:
    assert all(kind.__doc__ for kind in KINDS)


@pytest.mark.parametrize(("number", "text"), [(1, "name: x"), (3, "\t- {name: a, colour: red}"), (0, ""), (4, ""), (-1, "")])
def test_lines_of_a_source(number: int, text: str) -> None:
    assert SOURCE.line(number) == text


def test_a_spot_shows_its_line_with_a_caret() -> None:
    spot = Spot(SOURCE, 3, 14)
    assert str(spot) == "flow.yaml:3:14"
    line, caret = spot.excerpt().split("\n")
    assert line == "    3 |  - {name: a, colour: red}"
    assert line[caret.index("^")] == TEXT.split("\n")[2][13]


@pytest.mark.parametrize("column", [1, 60, 200, 399])
def test_the_excerpt_of_a_long_line_shows_the_column(column: int) -> None:
    text = "".join(chr(ord("a") + i % 26) for i in range(400))
    line, caret = Spot(Source("f", text), 1, column).excerpt(width=80).split("\n")
    assert len(line) <= 88
    assert line[caret.index("^")] == text[column - 1]


def test_a_source_keeps_its_text_out_of_its_repr() -> None:
    assert "colour" not in repr(Spot(SOURCE, 1, 1))


def test_a_problem_reads_like_a_compiler_message() -> None:
    assert str(Problem("UNKNOWN_KEY", "no key 'colour'", Spot(SOURCE, 3, 14))) == "flow.yaml:3:14: error [UNKNOWN_KEY]: no key 'colour'"
    assert str(Problem("NO_EFFECT", "nothing", severity="warning")) == "warning [NO_EFFECT]: nothing"


def test_an_invalid_workflow_says_its_errors_and_keeps_its_warnings() -> None:
    problems = (Problem("A", "first"), Problem("B", "careful", severity="warning"), Problem("C", "last"))
    error = WorkflowInvalid(problems)
    assert str(error) == "error [A]: first; error [C]: last"
    assert error.problems == problems


def test_a_problem_is_given_its_node_once() -> None:
    problem = at_node(Problem("A", "x"), "inner")
    assert at_node(problem, "outer").node == "inner"


def test_an_error_carries_what_is_known() -> None:
    error = NodeFailed("broken", error_type="ValueError", hint="mend it", node="a", spot=Spot(SOURCE, 1, 1))
    assert (error.message, error.hint, error.node, error.error_type, error.branch) == ("broken", "mend it", "a", "ValueError", None)
    assert str(error) == "broken"
