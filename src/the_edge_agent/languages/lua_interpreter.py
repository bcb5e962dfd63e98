"""Lua 5.4 itself: states with nothing in reach, each with a thread of its own that can be left behind.

A block that uses functions of the library runs in the thread of its interpreter while the caller waits, because nothing
can interrupt Lua inside of such a function, which is written in C: a caller that waited long enough goes on, and the
thread ends by itself as soon as Lua looks at its limits again. Any other block runs in the caller's thread, which is
several times faster. ``sandbox.lua`` is the Lua side.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.resources import files
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NoReturn

from the_edge_agent.engine.state import BranchResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from the_edge_agent.cancellation import Cancellation

VERSION = (5, 4)
_MOST_IDLE = 32
"""Interpreters kept for later: as many as there are branches at the same time."""
_MOST_CHUNKS = 256
"""Compiled blocks an interpreter keeps."""
_NO_FORM = (OverflowError, UnicodeEncodeError, RecursionError)
_MOST_KEPT = 2**22
"""Bytes an interpreter may keep when it has nothing to do."""
_GRACE = 0.1
"""Seconds given to Lua to notice that it was asked to stop, before its thread is left behind."""
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Chunk:
    """A text to compile; messages and lines name it ``name``."""

    text: str
    name: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may take: ``seconds`` of time, ``memory`` in bytes beside the empty state, ``instructions`` (``None``: any number)."""

    seconds: float
    memory: int
    instructions: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    ``how`` is ``value`` (``text`` is JSON), ``nothing``, ``count`` (``line`` values instead of one), ``error``
    (message, line), ``refused`` (a result without a JSON form: path, what it is, hint), ``limit``
    (``text``: ``time``, ``memory`` or ``instructions``; the line, if Lua noticed) or ``cancelled``.
    """

    how: str
    text: str = ""
    line: int | None = None
    what: str = ""
    hint: str = ""


_Done = SimpleQueue[Outcome | BaseException | None]
"""Where a run beside its caller ends; ``None`` when it was asked to stop."""


class Interpreter:
    """One Lua state and its thread; used by one caller at a time.

    Attributes:
        emit: where ``print`` goes during a run.
        warning: where ``warn`` goes.
    """

    def __init__(self) -> None:
        """Start a state of its own; raises :class:`ImportError` where the Lua library is not installed."""
        from lupa import lua54

        self.emit: Callable[[str], None] = print
        self.warning: Callable[[str], None] = print
        self._error: type[Exception] = lua54.LuaError
        self._memory_error: type[Exception] = lua54.LuaMemoryError
        # Unlimited but for the time of a run: Lua's library ends the process when a conversion meets the limit.
        self._lua = lua54.LuaRuntime(register_eval=False, register_builtins=False, attribute_filter=_no_attributes, max_memory=0)
        if self._lua.lua_version != VERSION:
            raise ImportError(f"expected Lua 5.4, found {self._lua.lua_version}")
        given = (self._emit, self._warn, self._asked, self._limit_memory)
        self._compile, self._run = self._lua.execute(_sandbox(), *given, name="=sandbox", mode="t")
        self._chunks: dict[Chunk, Any] = {}
        self._stop = False
        self._broken = False
        self._failure: BaseException | None = None
        self._memory = 0
        self._given: SimpleQueue[tuple[Callable[[], Outcome], _Done] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._watch: Callable[[], Outcome | None] = _nothing
        self._early: Outcome | None = None

    @property
    def usable(self) -> bool:
        """Whether another run may use it."""
        return not self._broken

    def compile(self, chunk: Chunk) -> str | None:
        """Make ``chunk`` ready to run; returns Lua's message when it is no Lua."""
        if chunk not in self._chunks:
            found = self._compile(chunk.text, f"={chunk.name}")
            if isinstance(found, tuple):
                return str(found[1])
            if len(self._chunks) >= _MOST_CHUNKS:
                self._chunks.clear()
            self._chunks[chunk] = found
        return None

    def run(self, chunk: Chunk, state: dict[str, Any], limits: Limits, cancellation: Cancellation, *, here: bool = False) -> Outcome:
        """Run ``chunk``, which compiles, with a copy of ``state``; ``here``: in the caller's thread, for a chunk that can always be stopped."""
        until = time.monotonic() + limits.seconds
        self.compile(chunk)
        given = (self._chunks[chunk], f"={chunk.name}", *self._converted(state), limits.instructions)
        self._memory, self._stop, self._failure = limits.memory, False, None

        def job() -> Outcome:
            return _outcome(*_padded(self._run(*given)))

        outcome = self._run_here(job, until, cancellation) if here else self._run_beside(job, until, cancellation)
        if isinstance(outcome, BaseException):
            self._abandon()
            raise outcome
        if outcome.how == "limit":
            self._abandon()
        return outcome

    def close(self) -> None:
        """End its thread."""
        self._broken = True
        self._given.put(None)

    # The caller's side

    def _run_here(self, job: Callable[[], Outcome], until: float, cancellation: Cancellation) -> Outcome | BaseException:
        arrived: list[int] = []
        self._early, self._watch = None, lambda: _reason(until, cancellation, arrived)
        try:
            with _signals_held(arrived):
                outcome = self._finish(job)
                if self._early is not None or self._failure is not None:
                    self._abandon()
        finally:
            self._watch = _nothing
        return outcome if isinstance(outcome, BaseException) or self._early is None else replace(self._early, line=outcome.line)

    def _run_beside(self, job: Callable[[], Outcome], until: float, cancellation: Cancellation) -> Outcome | BaseException:
        done: _Done = SimpleQueue()
        self._start()
        try:
            self._given.put((job, done))
            early = Outcome("limit", "time")
            with suppress(Empty), cancellation.on_request(partial(done.put, None)):
                outcome = done.get(timeout=min(max(0.0, until - time.monotonic()), threading.TIMEOUT_MAX))
                if outcome is not None:
                    return outcome
                early = Outcome("cancelled")
        except BaseException:
            self._abandon()
            raise
        self._abandon()
        with suppress(Empty):
            outcome = done.get(timeout=_GRACE)
            if isinstance(outcome, Outcome):
                return replace(early, line=outcome.line)
        return early

    def _start(self) -> None:
        if self._thread is None:
            # A daemon: Lua that cannot be interrupted must not keep the program alive.
            self._thread = threading.Thread(target=self._work, name="tea-lua", daemon=True)
            self._thread.start()

    def _converted(self, state: dict[str, Any]) -> tuple[Any, Any, Any]:
        """``state`` as a Lua table, the paths of all results of branches in it, and what is left out of it: key → why."""
        branches: list[tuple[str | int, ...]] = []
        plain = _unshared(state, (), branches)
        left_out: dict[str, str] = {}
        try:
            given = self._lua.table_from(plain, recursive=True)
        except _NO_FORM:
            left_out = {_readable(key): why for key, value in plain.items() if (why := self._why_not(key, value))}
            given = self._lua.table_from({key: value for key, value in plain.items() if _readable(key) not in left_out}, recursive=True)
            branches = [path for path in branches if path[0] not in left_out]
        return given, self._lua.table_from(branches, recursive=True), self._lua.table_from(left_out)

    def _why_not(self, key: str, value: Any) -> str | None:
        """Why the state cannot have ``value`` under ``key`` in Lua."""
        try:
            self._lua.table_from({key: value}, recursive=True)
        except _NO_FORM:
            path, what = next(_without_form({key: value}, ""), (key, "nested too deeply"))
            return f"'{_readable(path)}' is {what}, which Lua has no form for"
        return None

    def _abandon(self) -> None:
        """Never use it again; its thread ends as soon as Lua lets it."""
        self._stop = True
        if not self._broken:
            self.close()

    # The thread's side

    def _work(self) -> None:
        while (given := self._given.get()) is not None:
            job, done = given
            outcome = self._finish(job)
            # What the job holds is the state of the run.
            del given, job
            done.put(outcome)
            del outcome, done

    def _finish(self, job: Callable[[], Outcome]) -> Outcome | BaseException:
        """Do ``job``; returns how it ended."""
        outcome: Outcome | BaseException
        try:
            outcome = job()
        except self._memory_error:
            outcome = Outcome("limit", "memory")
        except self._error as error:
            outcome = Outcome("error", str(error))
        except BaseException as error:  # noqa: BLE001 - handed to the waiting caller
            outcome = error
        if self._lua.get_memory_used() > _MOST_KEPT:
            self._lua.gccollect()
        return outcome if self._failure is None else self._failure

    # What Lua calls. An exception would pass through Lua, where a block could catch it.

    def _emit(self, text: str) -> None:
        self._tell(self.emit, text)

    def _warn(self, text: str) -> None:
        self._tell(self.warning, text)

    def _tell(self, listener: Callable[[str], None], text: str) -> None:
        if not self._stop:
            try:
                listener(text)
            except BaseException as error:  # noqa: BLE001 - handed to the waiting caller
                self._failure, self._stop = error, True

    def _asked(self) -> bool:
        if not self._stop:
            try:
                self._early = self._watch()
                self._stop = self._early is not None
            except BaseException as error:  # noqa: BLE001 - handed to the caller
                self._failure, self._stop = error, True
        return self._stop

    def _limit_memory(self, limited: bool) -> None:  # noqa: FBT001 - Lua passes no keywords
        self._lua.set_max_memory(self._memory if limited else 0)


class Pool:
    """Idle interpreters, shared by all threads; the one used last is taken first."""

    def __init__(self) -> None:
        self._idle: deque[Interpreter] = deque()
        # Threads do not survive a fork.
        os.register_at_fork(after_in_child=self._idle.clear)

    def take(self) -> Interpreter:
        """An interpreter that nobody else uses; hand it back with :meth:`give_back`."""
        try:
            return self._idle.pop()
        except IndexError:
            return Interpreter()

    def give_back(self, interpreter: Interpreter) -> None:
        """Keep ``interpreter`` for the next caller, unless it cannot be used again."""
        if not interpreter.usable:
            return
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(interpreter)
        else:
            interpreter.close()


@cache
def pool() -> Pool:
    """The pool of this process."""
    return Pool()


@cache
def _sandbox() -> str:
    return files(__package__).joinpath("sandbox.lua").read_text(encoding="utf-8")


def _no_attributes(_: object, name: object, is_setting: object) -> NoReturn:  # noqa: ARG001 - lupa's signature
    raise AttributeError(f"Lua cannot look into Python: {name}")


def _nothing() -> None:
    """Nobody watches: the caller waits in a thread of its own."""


@contextmanager
def _signals_held(arrived: list[int]) -> Iterator[None]:
    """Signals that would raise an exception in this thread come into ``arrived``, and are raised again at the end.

    An exception that passes through Lua could be caught by a block.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    python = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in python:
        signal.signal(number, lambda number, _: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in python.items():
            signal.signal(number, handler)
        for caught in arrived:
            signal.raise_signal(caught)


def _reason(until: float, cancellation: Cancellation, arrived: list[int]) -> Outcome | None:
    """Why a run has to stop now."""
    if cancellation.requested or arrived:
        return Outcome("cancelled")
    return Outcome("limit", "time") if time.monotonic() >= until else None


def _padded(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)


def _outcome(how: str, first: Any = None, second: Any = None, third: Any = None) -> Outcome:
    """What ``run`` of ``sandbox.lua`` returned."""
    if how == "count":
        return Outcome(how, line=first)
    if how == "refused":
        return Outcome(how, first, what=second, hint=third)
    if how == "limit" and first == "asked":
        return Outcome("cancelled", line=second)
    if how == "error" and (not isinstance(first, str) or first == "not enough memory"):
        return Outcome("limit", "memory")
    return Outcome(how, first or "", second)


def _unshared(value: Any, path: tuple[str | int, ...], branches: list[tuple[str | int, ...]]) -> Any:
    """A copy of ``value`` in which no part is in two places: lupa's conversion confuses such parts.

    The paths to the results of branches, in Lua's counting, are added to ``branches``.
    """
    if isinstance(value, dict):
        if type(value) is BranchResult:
            branches.append(path)
        return {key: _unshared(item, (*path, key), branches) for key, item in value.items()}
    if isinstance(value, list):
        return [_unshared(item, (*path, i), branches) for i, item in enumerate(value, 1)]
    return value


def _without_form(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """What in ``value`` has no Lua form: the path to it, and what it is."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield path, "a whole number of more than 64 bits"
    elif isinstance(value, str) and _readable(value) != value:
        yield path, "text with half a surrogate pair"
    elif isinstance(value, dict):
        for key, item in value.items():
            inner = f"{path}.{key}" if path else key
            yield from _without_form(key, inner)
            yield from _without_form(item, inner)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _without_form(item, f"{path}[{i}]")


def _readable(text: str) -> str:
    """``text`` with an escape for each half of a surrogate pair."""
    return text.encode(errors="backslashreplace").decode()
