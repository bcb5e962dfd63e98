"""Prolog blocks: run by SWI-Prolog in a worker process (:mod:`the_edge_agent.languages.swipl`), each in a module of its own.

The state goes in as facts ``state(Key, Value)``, what the block says with ``return(Key, Value)`` comes out. How a text is
read, what the sandbox refuses and what leaves nothing behind is written in Prolog, beside this file.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from the_edge_agent.cancellation import Cancellation
from the_edge_agent.engine.scope import NOTHING, Program, Scope
from the_edge_agent.errors import LimitReached, NodeFailed, Problem, Refused, WorkflowInvalid
from the_edge_agent.languages import swipl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from the_edge_agent.errors import Spot
    from the_edge_agent.workflow.model import Code

_Failure = TypeVar("_Failure", NodeFailed, LimitReached, NodeFailed | LimitReached | Refused, NodeFailed | LimitReached)

_CHECK_SECONDS = 30.0
_STATE_GOAL = re.compile(r"state\(\s*'?(\w+)'?\s*,.*\)")
_WORD_STATE = re.compile(r"state")
_STATE_KEY = re.compile(r"(?<![\w'])state\(\s*([a-z]\w*)\s*,", re.ASCII)
_EXCERPT = 120
_MIB = 2**20
_NUMBERS = count(1)
_TYPE = "PrologError"
_OPT_OUT = "if you trust the workflow, its file can say settings.prolog.sandbox: false"


class SandboxViolation(Refused):
    """A Prolog block wanted what the sandbox refuses: files, programs, the network, other modules."""


def compile_block(code: Code) -> Program:
    """The program of ``code``; raises :class:`WorkflowInvalid` when :func:`check` finds an error in it."""
    problems = check(code)
    if problems:
        raise WorkflowInvalid(tuple(problems))
    return _block(code.text, code.spot)


def check(code: Code) -> list[Problem]:
    """Syntax errors, each with its line in the workflow file; or that there is no SWI-Prolog on this machine."""
    program = swipl.executable()
    if program is None:
        return [_unavailable(_missing(), code.spot)]
    if not code.text.strip():
        return []
    try:
        return list(_problems(program, code.text, code.spot))
    except (OSError, swipl.WorkerEnded, swipl.OutOfTime) as error:
        return [_unavailable(f"SWI-Prolog does not work here ({program}): {error}", code.spot)]


def _missing() -> str:
    named = os.environ.get(swipl.VARIABLE)
    return "Prolog blocks need SWI-Prolog, " + (f"but {swipl.VARIABLE} names no program: {named}" if named else "which is not installed")


def _unavailable(message: str, spot: Spot | None) -> Problem:
    return Problem("LANGUAGE_UNAVAILABLE", message, spot, hint=f"install it: {swipl.INSTALL}")


@lru_cache(maxsize=1024)
def _problems(program: str, text: str, spot: Spot | None) -> tuple[Problem, ...]:
    cancellation = Cancellation()
    with swipl.POOL.worker(program, sandbox=True, most=_workers(None), cancellation=cancellation) as worker:
        answers = worker.ask(f"check({_quoted(text, chr(34))}).\n", seconds=_CHECK_SECONDS, cancellation=cancellation)
    return tuple(
        Problem("BAD_CODE", f"this is not Prolog: {message}", _at(text, spot, offset))
        for kind, offset, message in answers
        if kind == "problem"
    )


def _workers(limit: int | None) -> int:
    """How many blocks run at the same time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, limit) if limit else cores


# Places


def _at(text: str, start: Spot | None, offset: int) -> Spot | None:
    """The place in the workflow file of the character ``offset`` of a block that begins at ``start``."""
    if start is None:
        return None
    before = text[:offset]
    rows = before.count("\n")
    if rows == 0:
        return replace(start, column=start.column + offset)
    line = start.line + rows
    written = start.source.line(line)
    row = text.split("\n")[rows]
    # The block has lost the indentation that its lines have in the file.
    indentation = max(0, len(written) - len(written.lstrip()) - (len(row) - len(row.lstrip())))
    return replace(start, line=line, column=indentation + len(before) - before.rfind("\n"))


# Running


@dataclass(frozen=True, slots=True)
class _Limits:
    """``settings.prolog``: seconds, MiB of stacks, inferences (0: no limit), and whether the sandbox is on."""

    seconds: float
    stack: int
    inferences: int
    sandbox: bool

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> _Limits:
        given = settings.get("prolog") or {}
        return cls(
            float(given.get("timeout", 30)),
            int(given.get("stack", 256)),
            int(given.get("inferences", 0)),
            bool(given.get("sandbox", True)),
        )


class _Idle:
    """Among the resources of an agent: when it is closed, all workers but one that wait for work are ended."""

    def close(self) -> None:
        swipl.POOL.shrink()


@dataclass(frozen=True, slots=True)
class _Block:
    text: str
    start: Spot | None
    number: int

    def run(self, scope: Scope) -> object:
        """Run the block; the results are a mapping, or ``NOTHING`` when it returned nothing.

        Raises:
            NodeFailed: an error of Prolog, a value that has no JSON form, or Prolog itself ended.
            LimitReached: time, stacks or inferences ran out; the messages differ.
            SandboxViolation: the sandbox refuses a goal of the block or of a text it loads.
            Cancelled: the run was told to stop.
        """
        if not self.text.strip():
            return NOTHING
        limits = _Limits.of(scope.workflow.settings)
        program = swipl.executable()
        if program is None:
            raise NodeFailed(_missing(), error_type=_TYPE, hint=swipl.INSTALL)
        scope.host.resources.get("prolog", _Idle)
        try:
            answers = self._ask(program, scope, limits)
        except swipl.OutOfTime as late:
            raise self._late(late, limits) from TimeoutError(f"{limits.seconds:g} s")
        except swipl.WorkerEnded as ended:
            raise self._ended(ended, limits) from None
        except OSError as error:
            raise NodeFailed(f"SWI-Prolog cannot be started ({program}): {error}", error_type=_TYPE, hint=swipl.INSTALL) from None
        except UnicodeEncodeError:
            raise NodeFailed("the state holds text that is not valid Unicode, which Prolog cannot read", error_type="ValueError") from None
        except (ValueError, RecursionError) as error:
            raise NodeFailed(f"what the block returned is not JSON: {error}", error_type=_TYPE) from None
        return self._result(answers, scope, limits)

    def spot(self, error: BaseException) -> Spot | None:
        """Where the goal stands that ``error`` came from."""
        return getattr(error, "spot", None)

    def _ask(self, program: str, scope: Scope, limits: _Limits) -> list[swipl.Answer]:
        try:
            state = _state(scope.state, _asked(self.text) if limits.sandbox else None)
        except RecursionError:
            raise NodeFailed("the state is nested too deeply for Prolog", error_type="RecursionError") from None
        most = _workers(scope.workflow.limits.workers)
        with swipl.POOL.worker(program, sandbox=limits.sandbox, most=most, cancellation=scope.cancellation) as worker:
            text = '""' if self.number in worker.known else _quoted(self.text, '"')
            request = f"run({self.number},{text},{limits.stack * _MIB},{limits.inferences},{state}).\n"
            worker.known.add(self.number)
            return worker.ask(request, seconds=limits.seconds, cancellation=scope.cancellation, stacks=limits.stack)

    def _result(self, answers: Iterable[swipl.Answer], scope: Scope, limits: _Limits) -> object:
        results: dict[str, Any] = {}
        start = 0
        for kind, *rest in answers:
            if kind == "return":
                results[rest[0]] = rest[1]
            elif kind == "at":
                start = rest[0]
            elif kind == "failed":
                self._warn_failed(scope, (rest[0], rest[1]), (rest[2], rest[3]), rest[4])
            elif kind == "failed_loading":
                loader, line, goal = rest
                scope.warn(
                    "PROLOG_GOAL_FAILED", f"the goal `{goal}` in line {line} of the text given to {loader} failed, the rest was not read"
                )
            elif kind == "error":
                raise self._placed(_error(rest[0], rest[1:], limits), start)
        return results or NOTHING

    def _warn_failed(self, scope: Scope, place: tuple[int, int], part: tuple[int, int], defined_by: str) -> None:
        whole, failing = self._excerpt(*place), self._excerpt(*part)
        spot = _at(self.text, self.start, part[0])
        message = f"the goal `{failing}` failed" + (f" ({spot.source.name}:{spot.line})" if spot else "")
        if whole != failing:
            message += f", and with it `{whole}`"
        missing = _STATE_GOAL.fullmatch(failing)
        if missing and missing[1] not in scope.state:
            message += f"; the state has no key '{missing[1]}'"
        elif defined_by == "block":
            message += f"; if it is a fact and no goal, write `{failing} :- true.` or put it before the rules"
        elif defined_by == "library":
            name = failing.partition("(")[0]
            message += (
                f"; if it is a fact and no call of the library's predicate, say `:- dynamic {name}/N.` before it (N: how many arguments)"
            )
        if self.text[place[1] :].strip().lstrip(".").strip():
            message += "; what follows it in the block was not run"
        scope.warn("PROLOG_GOAL_FAILED", message)

    def _excerpt(self, start: int, end: int) -> str:
        text = " ".join(self.text[start:end].split())
        return text if len(text) <= _EXCERPT else f"{text[: _EXCERPT - 3]}..."

    def _late(self, late: swipl.OutOfTime, limits: _Limits) -> LimitReached:
        error = LimitReached(
            f"the Prolog block did not finish within {limits.seconds:g} s",
            hint="look for an endless recursion, or raise settings.prolog.timeout",
        )
        return self._placed(error, _reached(late.answers))

    def _ended(self, ended: swipl.WorkerEnded, limits: _Limits) -> NodeFailed | LimitReached:
        """Prolog is gone: the block ended it, or ran out of the memory of the process, or somebody killed it."""
        error: NodeFailed | LimitReached
        if ended.status is not None and ended.status >= 0:
            error = NodeFailed("the block ended Prolog (halt)", error_type=_TYPE, hint="a block ends where its text ends")
        elif ended.status == -6:  # noqa: PLR2004 - SIGABRT is what its allocator raises
            error = LimitReached(
                f"Prolog had no memory left ({swipl.memory(limits.stack)} MiB for its stacks, clauses and atoms)",
                hint="raise settings.prolog.stack, or keep fewer facts",
            )
        else:
            by = f"signal {-ended.status}" if ended.status is not None else "something"
            error = NodeFailed(f"Prolog was ended by {by} while the block ran", error_type=_TYPE, hint="run it again")
        return self._placed(error, _reached(ended.answers))

    def _placed(self, error: _Failure, offset: int | None) -> _Failure:
        error.spot = _at(self.text, self.start, offset or 0)
        return error


@lru_cache(maxsize=1024)
def _block(text: str, start: Spot | None) -> _Block:
    return _Block(text, start, next(_NUMBERS))


def _reached(answers: Iterable[swipl.Answer]) -> int | None:
    """The offset of the goal that was running last."""
    found = None
    for answer in answers:
        if answer[0] == "at":
            found = answer[1]
    return found


def _error(kind: str, rest: list[Any], limits: _Limits) -> NodeFailed | LimitReached | Refused:
    """What an answer of the kind ``error`` means."""
    make = _ERRORS.get(kind)
    if make is not None:
        return make(*rest)
    if kind == "inferences":
        return LimitReached(
            f"the Prolog block took more than {limits.inferences} inferences",
            hint="look for an endless recursion, or raise settings.prolog.inferences",
        )
    if kind == "resource":
        return LimitReached(
            f"the Prolog block needed more than {limits.stack} MiB of stack",
            hint="look for an endless recursion, or raise settings.prolog.stack",
        )
    message = str(rest[0]).replace("tea_block:", "")
    hint = None
    if message.startswith("Prolog defines "):
        hint = "choose another name"
    return NodeFailed(message, error_type=_TYPE, hint=hint)


def _refused(name: str, place: str) -> Refused:
    return SandboxViolation(f"the sandbox refuses {name}" + (f" {place}" if place else ""), hint=_OPT_OUT)


def _unproven(name: str, place: str) -> Refused:
    message = f"the sandbox cannot tell what {name} would call" + (f" {place}" if place else "")
    return SandboxViolation(message, hint=f"write the goal out; or, {_OPT_OUT}")


def _unreturnable(key: str, value: str, why: str) -> NodeFailed:
    return NodeFailed(
        f"'{key}' cannot be returned: {value}: {why}".replace("tea_block:", ""),
        error_type=_TYPE,
        hint="return texts, numbers, lists and dicts; any other term as text: term_to_atom(Term, Text), return(key, Text)",
    )


def _unloadable(loader: str, line: int, why: str) -> NodeFailed:
    return NodeFailed(f"{loader}, line {line} of the text: {why}".replace("tea_block:", ""), error_type=_TYPE)


def _unknown(name: str) -> NodeFailed:
    hint = "what stands alone and has no arguments is called; as a fact, write it `name :- true.`" if name.endswith("/0") else None
    return NodeFailed(f"there is no predicate {name}", error_type=_TYPE, hint=hint)


_ERRORS: Mapping[str, Callable[..., NodeFailed | Refused]] = {
    "refused": _refused,
    "unproven": _unproven,
    "unreturnable": _unreturnable,
    "loaded": _unloadable,
    "unknown": _unknown,
}


# Values

_ESCAPES = {code: f"\\x{code:x}\\" for code in (*range(32), 127)} | {ord("\\"): "\\\\", ord("\n"): "\\n"}
_QUOTES = {quote: str.maketrans({**{chr(code): text for code, text in _ESCAPES.items()}, quote: f"\\{quote}"}) for quote in "\"'"}
_WORDS = {None: "null", True: "true", False: "false"}
_DIGITS = 10**4000
"""Integers from here on are written in hexadecimal, which Python does at any size."""


def _quoted(text: str, quote: str) -> str:
    """``text`` as Prolog reads it: a string between double quotes, an atom between single ones."""
    return f"{quote}{text.translate(_QUOTES[quote])}{quote}"


@lru_cache(maxsize=1024)
def _asked(text: str) -> frozenset[str] | None:
    """The keys of the state that a block can ask for, ``None`` for any: so that a large state costs nothing where it is not used.

    In the sandbox a goal is written out or refused, so a block that says ``state`` only as ``state(name, ...)`` knows no other key.
    """
    if "tea_load_code" in text or len(_WORD_STATE.findall(text)) != len(found := _STATE_KEY.findall(text)):
        return None
    return frozenset(found)


def _state(state: Mapping[str, Any], asked: frozenset[str] | None) -> str:
    facts = (f"{_quoted(str(key), chr(39))}-{_term(value)}" for key, value in state.items() if asked is None or key in asked)
    return f"[{','.join(facts)}]"


def _term(value: Any) -> str:
    """A value of the state as a Prolog term: texts are atoms, mappings are dicts, what is not JSON is its text."""
    if value is None or value is True or value is False:
        return _WORDS[value]
    if isinstance(value, int | float):
        return _figure(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_term, value))}]"
    if isinstance(value, dict):
        return f"_{{{','.join(f'{_quoted(str(key), chr(39))}:{_term(item)}' for key, item in value.items())}}}"
    return _quoted(str(value), "'")


def _figure(value: float) -> str:
    """A number. A space keeps the sign of a negative one apart from an operator before it."""
    written = hex(value) if isinstance(value, int) and abs(value) >= _DIGITS else repr(value)
    return f" {written}" if written.startswith("-") else written
