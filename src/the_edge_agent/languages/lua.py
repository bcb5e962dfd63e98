"""Lua blocks: ``state`` comes in as a table, the returned table updates the state.

The text is the body of a function with the local ``state``; it is never a template. It runs in a sandbox
(:mod:`the_edge_agent.languages.lua_interpreter`) with globals of its own that end with it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from the_edge_agent.cancellation import Cancelled
from the_edge_agent.engine.scope import NOTHING, Program, Scope
from the_edge_agent.errors import LimitReached, NodeFailed, Problem, TeaError, WorkflowInvalid
from the_edge_agent.languages.lua_interpreter import MIB, Chunk, Limits, Outcome, pool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from the_edge_agent.errors import Spot
    from the_edge_agent.workflow.model import Code

SECONDS = 30.0
MEMORY = 256
"""Default limits of a run: seconds, MiB."""

_UNPLACED = "block"
_LONGEST_NAME = 40
"""Lua shortens the name of a chunk to 59 bytes."""
_PLACED = re.compile(r":(\d+): (.*)", re.DOTALL)
_GLOBAL = re.compile(r"\(global '(\w+)'\)")
_OUTSIDE = (
    "a Lua block reaches nothing outside of its state: do this in a Python block or an action before it and read the result from state"
)
_INSTEAD = {
    **dict.fromkeys(("os", "io", "package", "python"), _OUTSIDE),
    **dict.fromkeys(("dofile", "loadfile", "loadstring", "module", "setfenv", "getfenv"), "write the code in the block"),
    "debug": "debug is not available in a Lua block: use error, print and pcall",
    "unpack": "in Lua 5.4 it is table.unpack",
    "bit32": "Lua 5.4 has operators for it: & | ~ << >>",
}


class LuaTimeLimit(LimitReached):
    """The block took longer than ``settings.lua.timeout``."""


class LuaMemoryLimit(LimitReached):
    """The block needed more memory than ``settings.lua.memory``."""


class LuaInstructionLimit(LimitReached):
    """The block took more instructions than ``settings.lua.instructions``."""


def compile_block(code: Code) -> Program:
    """The program of ``code``; raises :class:`WorkflowInvalid` when :func:`check` finds an error in it."""
    problems = check(code)
    if problems:
        raise WorkflowInvalid(tuple(problems))
    return _Block(_chunk(code.text, code.spot), code.spot, _keys(code.text), _stoppable(code.text))


def check(code: Code) -> list[Problem]:
    """The syntax error in ``code``, with its line in the workflow file, if there is one."""
    return list(_problems(code.text, code.spot))


@dataclass(frozen=True, slots=True)
class _Block:
    """A block that compiles; its lines are those of the file ``start`` is in. ``keys`` and ``stoppable`` as their functions say."""

    chunk: Chunk
    start: Spot | None
    keys: frozenset[str] | None
    stoppable: bool

    def run(self, scope: Scope) -> object:
        limits = _limits(scope)
        state = scope.state if self.keys is None else {key: scope.state[key] for key in self.keys if key in scope.state}
        interpreters = pool()
        interpreter = interpreters.take()
        interpreter.emit = print
        interpreter.warning = lambda text: scope.warn("LUA_WARNING", text)
        try:
            outcome = interpreter.run(self.chunk, state, limits, scope.cancellation, here=self.stoppable)
        finally:
            interpreters.give_back(interpreter)
        if outcome.how == "value":
            return json.loads(outcome.text)
        if outcome.how == "nothing":
            return NOTHING
        raise self._failure(outcome, limits, scope)

    def spot(self, error: BaseException) -> Spot | None:
        return error.spot if isinstance(error, TeaError) else None

    def _failure(self, outcome: Outcome, limits: Limits, scope: Scope) -> Exception:
        if outcome.how == "cancelled":
            return Cancelled()
        if outcome.how == "limit":
            error = _limit(outcome.text, limits)
            error.spot = _at(self.start, outcome.line) or self.start
            return error
        if outcome.how == "count":
            message = f"the block returned {outcome.line} values, a block returns one"
            hint = "return a table; for the first value of a call, put it in parentheses"
            return NodeFailed(message, error_type="ValueError", hint=hint, spot=self.start)
        if outcome.how == "refused":
            return NodeFailed(f"'{outcome.text}' is {outcome.what}", error_type="ValueError", hint=outcome.hint, spot=self.start)
        line, message = _placed(outcome.text, self.chunk)
        return NodeFailed(
            message, error_type="LuaError", hint=_hint(message, scope.state), spot=_at(self.start, line or outcome.line) or self.start
        )


def _limits(scope: Scope) -> Limits:
    found = scope.workflow.settings.get("lua")
    settings: Mapping[str, Any] = found if isinstance(found, dict) else {}
    instructions = settings.get("instructions")
    return Limits(
        seconds=float(settings.get("timeout") or SECONDS),
        memory=int(settings.get("memory") or MEMORY) * MIB,
        instructions=None if instructions is None else int(instructions),
    )


def _limit(which: str, limits: Limits) -> LimitReached:
    if which == "memory":
        return LuaMemoryLimit(
            f"the Lua block needs more than its memory of {limits.memory // MIB} MiB", hint="raise settings.lua.memory (MiB)"
        )
    if which == "instructions":
        return LuaInstructionLimit(
            f"the Lua block needs more than its {limits.instructions} instructions", hint="raise settings.lua.instructions"
        )
    error = LuaTimeLimit(f"the Lua block did not finish within {limits.seconds:g} s", hint="raise settings.lua.timeout (seconds)")
    # For policies that name the class of error to try again.
    error.__cause__ = TimeoutError(str(error))
    return error


# What a block reads

_TOKEN = re.compile(
    r"""
      --\[(?P<a>=*)\[.*?\](?P=a)\] | --[^\n]*           # comments
    | (?P<long>\[(?P<b>=*)\[.*?\](?P=b)\])
    | (?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    | (?P<word>\w+)
    | (?P<dots>\.{2,3})
    | (?P<sign>\S)
    """,
    re.DOTALL | re.VERBOSE,
)


def _keys(text: str) -> frozenset[str] | None:
    """The keys of ``state`` that ``text``, which is Lua, can reach; ``None``: any.

    Only what a block reads has to be made into Lua values. ``state`` is a local variable, so its name has to stand
    wherever it is read; anything but ``state.name`` and ``state["name"]`` counts as all of it.
    """
    words = ["", *(found[0] for found in _TOKEN.finditer(text) if not found[0].startswith("--")), "", "", ""]
    keys = set()
    for i, word in enumerate(words):
        if word != "state" or words[i - 1] in (".", ":"):
            continue
        sign, key, end = words[i + 1 : i + 4]
        if sign == "." and key.isidentifier():
            keys.add(key)
        elif sign == "[" and key[:1] in ("'", '"') and "\\" not in key and end == "]":
            keys.add(key[1:-1])
        else:
            return None
    return frozenset(keys)


_LONG = frozenset(("string", "table", "utf8", "coroutine", "getmetatable", "setmetatable", "_G", "_ENV"))


def _stoppable(text: str) -> bool:
    """Whether ``text`` calls no library function that can take long: between its own instructions Lua can always be stopped.

    Such a block needs no thread of its own, which saves more than a small block takes.
    """
    words = [found[0] for found in _TOKEN.finditer(text) if not found[0].startswith("--")]
    # A method of a text is a function of the library.
    return _LONG.isdisjoint(words) and ":" not in words


# Places


def _chunk(text: str, start: Spot | None) -> Chunk:
    """``text`` with as many lines before it as in its file, so that Lua counts the file's lines."""
    name = PurePath(start.source.name).name[-_LONGEST_NAME:] if start else _UNPLACED
    before = start.line - 1 if start else 0
    return Chunk("\n" * before + "local _ENV, state = ...; " + text, name)


def _placed(message: str, chunk: Chunk) -> tuple[int | None, str]:
    """The line that Lua's ``message`` names, and the message without it."""
    if message.startswith(f"{chunk.name}:"):
        found = _PLACED.fullmatch(message, len(chunk.name))
        if found:
            return int(found[1]), found[2]
    return None, message


def _at(start: Spot | None, line: int | None) -> Spot | None:
    """The first character of ``line`` in the file of ``start``."""
    if start is None or line is None:
        return None
    text = start.source.line(line)
    column = start.column if line == start.line else len(text) - len(text.lstrip()) + 1
    return replace(start, line=line, column=column)


def _hint(message: str, state: Mapping[str, Any]) -> str | None:
    found = _GLOBAL.search(message)
    if not found:
        return None
    name = found[1]
    return _INSTEAD.get(name) or (f"did you mean state.{name}?" if name in state else None)


# Checking


@lru_cache(maxsize=1024)
def _problems(text: str, start: Spot | None) -> tuple[Problem, ...]:
    chunk = _chunk(text, start)
    interpreters = pool()
    try:
        interpreter = interpreters.take()
    except ImportError as error:
        message = f"Lua blocks need the package lupa, which cannot be used here: {error}"
        return (Problem("LANGUAGE_UNAVAILABLE", message, start, hint="pip install --force-reinstall lupa"),)
    try:
        found = interpreter.compile(chunk)
    except UnicodeEncodeError:
        found = "half a surrogate pair is no character"
    finally:
        interpreters.give_back(interpreter)
    if found is None:
        return ()
    line, reason = _placed(found, chunk)
    return (Problem("BAD_CODE", f"this is not Lua: {reason}", _at(start, line) or start),)
