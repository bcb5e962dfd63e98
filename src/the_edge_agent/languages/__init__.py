"""What executes a ``run:`` block: one module a language, imported when a block is written in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, cast

from the_edge_agent.errors import Problem, WorkflowInvalid
from the_edge_agent.wording import meant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from the_edge_agent.engine.scope import Program
    from the_edge_agent.workflow.model import Code

__all__ = ["NAMES", "check", "program", "told_once"]

NAMES = ("python", "lua", "prolog")
"""The languages of the dialect."""
_UNAVAILABLE = "LANGUAGE_UNAVAILABLE"


class Language(Protocol):
    """What the module of a language has."""

    def compile_block(self, code: Code) -> Program:
        """The program of ``code``; raises :class:`WorkflowInvalid` when :meth:`check` finds an error in it."""

    def check(self, code: Code) -> list[Problem]:
        """Everything that is wrong with the text of ``code``."""


def program(code: Code) -> Program:
    """``code``, compiled; a second call with the same code gives the same program.

    Raises :class:`WorkflowInvalid` with what :func:`check` reports when that contains an error.
    """
    if code.language in NAMES:
        return _module(code.language).compile_block(code)
    raise WorkflowInvalid(tuple(check(code)))


def check(code: Code) -> list[Problem]:
    """Everything that is wrong with the text of ``code``, without running any of it."""
    if code.language in NAMES:
        return _module(code.language).check(code)
    message = f"unknown language '{code.language}', expected one of {', '.join(NAMES)}"
    return [Problem("UNKNOWN_LANGUAGE", message, code.spot, hint=meant(code.language, NAMES, "leave language out for Python"))]


def told_once(problems: Sequence[Problem]) -> list[Problem]:
    """``problems``, but that this machine cannot run a language once: at its first block, with the names of all nodes that have one."""
    lacking: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.code == _UNAVAILABLE:
            lacking.setdefault(problem.message, []).append(problem)
    return [*(problem for problem in problems if problem.code != _UNAVAILABLE), *map(_together, lacking.values())]


def _together(same: Sequence[Problem]) -> Problem:
    nodes = list(dict.fromkeys(problem.node for problem in same))
    if len(nodes) == 1:
        return same[0]
    return replace(same[0], message=f"{same[0].message} (nodes {', '.join(map(repr, nodes))})", node=None)


def _module(language: str) -> Language:
    from importlib import import_module

    found: Language = cast("Language", import_module(f"the_edge_agent.languages.{language}"))
    return found
