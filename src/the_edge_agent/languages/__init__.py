"""What executes a ``run:`` block: one module a language, imported when a block is written in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from the_edge_agent.errors import Problem, WorkflowInvalid

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Program
    from the_edge_agent.workflow.model import Code

__all__ = ["NAMES", "check", "program"]

NAMES = ("python", "lua", "prolog")
"""The languages of the dialect."""


def program(code: Code) -> Program:
    """``code``, compiled; a second call with the same code gives the same program.

    Raises :class:`WorkflowInvalid` with what :func:`check` reports when that contains an error.
    """
    if code.language == "python":
        from the_edge_agent.languages import python

        return python.compile_block(code)
    raise WorkflowInvalid(tuple(check(code)))


def check(code: Code) -> list[Problem]:
    """Everything that is wrong with the text of ``code``, without running any of it."""
    if code.language == "python":
        from the_edge_agent.languages import python

        return python.check(code)
    if code.language in NAMES:
        message = f"{code.language} blocks cannot be run by this version"
        return [Problem("LANGUAGE_UNAVAILABLE", message, code.spot, hint="write the block in Python (language: python)")]
    from difflib import get_close_matches

    near = next(iter(get_close_matches(code.language, NAMES, 1)), None)
    message = f"unknown language '{code.language}', expected one of {', '.join(NAMES)}"
    return [Problem("UNKNOWN_LANGUAGE", message, code.spot, hint=f"did you mean '{near}'?" if near else "leave language out for Python")]
