"""SWI-Prolog as worker processes: finding it, starting it, asking it, and leaving none behind.

A worker is a ``swipl`` that runs ``worker.pl`` and answers one request after another over two pipes. It works for one
thread at a time; the pool gives idle ones out, starts more up to a bound, and replaces those that ended or were stopped.
A third pipe, never written to, tells a worker that this process is gone, however it went.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from the_edge_agent.cancellation import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from the_edge_agent.cancellation import Cancellation

VARIABLE = "TEA_SWIPL"
"""Environment variable that names the ``swipl`` to use."""
INSTALL = "apt install swi-prolog-nox (or put swipl into PATH, or name it: TEA_SWIPL=/path/to/swipl)"

_KEPT = ("PATH", "HOME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "SWI_HOME_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
"""What of the environment a worker sees: nothing in it is secret."""
_RECLAIM = 1.0
"""Seconds after which a thread that waits for a worker looks whether one belongs to a thread that is gone, which cannot say so."""
_LONGEST = 2**31 - 1
"""Milliseconds that one wait can take."""
_START = 20.0
"""Seconds a worker has to be ready."""
_DONE = b'["done"]\n'
_LINE_END = ord("\n")
_READY = b'["ready"]\n'
_MIB = 2**20
PROGRAM_SPACE = 512
"""MiB a worker may use besides its stacks: clauses, atoms, tables, and Prolog itself."""

Answer = list[Any]


class WorkerEnded(Exception):
    """The process is gone; ``status`` as :class:`subprocess.Popen` has it, ``answers`` what it had said."""

    def __init__(self, status: int | None, answers: list[Answer]) -> None:
        super().__init__(f"SWI-Prolog ended with status {status}")
        self.status = status
        self.answers = answers


class OutOfTime(Exception):
    """The request took too long and the worker was stopped; ``answers`` is what it had said."""

    def __init__(self, answers: list[Answer]) -> None:
        super().__init__("SWI-Prolog took too long")
        self.answers = answers


def executable(environ: Mapping[str, str] | None = None) -> str | None:
    """The ``swipl`` to use: ``TEA_SWIPL``, the one beside this Python, that of ``SWI_HOME_DIR``, the first in ``PATH``; ``None`` without one."""
    environ = os.environ if environ is None else environ
    try:
        return _found(environ.get(VARIABLE), sys.executable, environ.get("SWI_HOME_DIR"), environ.get("PATH"))
    except LookupError:
        return None


@lru_cache(maxsize=16)
def _found(named: str | None, interpreter: str, own_home: str | None, path: str | None) -> str:
    """As :func:`executable`, and asked once: every block that runs needs it. Raises :class:`LookupError`, so that nothing found is looked for again."""
    if named:
        places: list[str | None] = [None]
        names: tuple[str, ...] = (named,)
    else:
        # Inside an AppImage, and wherever both come from one place, it lies beside the interpreter.
        places, names = [str(Path(interpreter).parent)], ("swipl", "swi-prolog")
        if own_home:
            home = Path(own_home)
            places += [str(home / "bin"), str(home.parent.parent / "bin")]
        places.append(path)
    found = next((program for place in places for name in names if (program := shutil.which(name, path=place))), None)
    if found is None:
        raise LookupError(named or "swipl")
    return found


def version(program: str) -> str | None:
    """What ``program`` says its version is, such as ``9.0.4``; ``None`` when it cannot be started."""
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter the user installed or named, no shell
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False, env=_environment()
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.split()
    return words[2] if done.returncode == 0 and words[:2] == ["SWI-Prolog", "version"] else None


def _environment() -> dict[str, str]:
    """The environment of a worker. UTF-8, so that what blocks print and how text sorts does not depend on where they run."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8"}


def memory(stacks: int) -> int:
    """MiB a process may use when its stacks may use ``stacks`` MiB. Those are copied when they grow, hence more than once."""
    return 3 * stacks + PROGRAM_SPACE


def _kind(program: str, *, sandbox: bool) -> tuple[str, str | None]:
    """What makes two workers differ: the program, and the folder that paths in blocks without a sandbox count from."""
    return program, None if sandbox else str(Path.cwd())


class Worker:
    """One process. ``known`` are the blocks whose text it was sent."""

    def __init__(self, program: str, *, sandbox: bool) -> None:
        """Start it; it is ready when the first request is answered.

        Raises:
            OSError: it cannot be started.
        """
        self._kind = _kind(program, sandbox=sandbox)
        self.known: set[int] = set()
        self._ready = False
        self._memory = 0
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        life, self._life = os.pipe()
        self._cancelled = os.eventfd(0, os.EFD_CLOEXEC)
        theirs = (requests, answers, life)
        script = Path(str(resources.files("the_edge_agent.languages").joinpath("worker.pl")))
        command = [program, "-f", "none", "-F", "none", "--no-packs", "-q", "--no-tty", "-g", "tea_worker:serve", "-t", "halt(2)"]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the interpreter the user installed or named, no shell
                [*command, str(script), "--", *map(str, theirs), "true" if sandbox else "false"],
                stdin=subprocess.DEVNULL,
                # What a block prints goes where messages go; standard output is the answer of the run.
                stdout=2,
                pass_fds=theirs,
                env=_environment(),
                # In the sandbox there are no files; a worker must not hold on to the folder it was started in.
                cwd="/" if sandbox else None,
                # Ctrl-C in a terminal is for this process, which then stops its workers.
                start_new_session=True,
            )
        except BaseException:
            for descriptor in (self._requests, self._answers, self._life, self._cancelled):
                os.close(descriptor)
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self._ended = _end_of(self.pid)
        self._poller = select.poll()
        for descriptor in (self._answers, self._cancelled, self._ended):
            if descriptor >= 0:
                self._poller.register(descriptor, select.POLLIN)

    def ask(self, request: str, *, seconds: float, cancellation: Cancellation, stacks: int = 0) -> list[Answer]:
        """Send ``request`` and return the answers to it, without the last one, ``["done"]``.

        ``stacks`` is what they may use, in MiB (0: the process is not bounded). Whatever is raised, the worker is of no use afterwards.

        Raises:
            OutOfTime: there was no end after ``seconds``.
            WorkerEnded: the process ended.
            Cancelled: ``cancellation`` was requested.
            UnicodeDecodeError: an answer is not valid Unicode.
        """
        with cancellation.on_request(self._cancel):
            if not self._ready:
                self._receive(_READY, time.monotonic() + _START, cancellation)
                self._ready = True
            self._bound(stacks)
            until = time.monotonic() + seconds
            self._send(request.encode())
            data = self._receive(_DONE, until, cancellation)
        return _parsed(data[: -len(_DONE)].decode())

    def _cancel(self) -> None:
        # It may have been stopped in this moment.
        with contextlib.suppress(OSError):
            os.eventfd_write(self._cancelled, 1)

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._requests, view) :]
        except BrokenPipeError:
            raise WorkerEnded(self._status(), []) from None

    def _receive(self, end: bytes, until: float, cancellation: Cancellation) -> bytes:
        """What the worker says, up to the line ``end``."""
        data = bytearray()
        while not (data.endswith(end) and (len(data) == len(end) or data[-len(end) - 1] == _LINE_END)):
            left = until - time.monotonic()
            if left <= 0:
                raise OutOfTime(_partly(data))
            ready = dict(self._poller.poll(min(left * 1000 + 1, _LONGEST)))
            if cancellation.requested:
                raise Cancelled
            if self._answers in ready:
                chunk = os.read(self._answers, 1 << 16)
                if not chunk:
                    raise WorkerEnded(self._status(), _partly(data))
                data += chunk
            elif self._ended in ready:
                # A program the block started may hold the pipe open after the worker ended.
                raise WorkerEnded(self._status(), _partly(data))
            elif self._cancelled in ready:
                # An earlier request was cancelled in the moment it was answered.
                os.eventfd_read(self._cancelled)
        return bytes(data)

    def _bound(self, stacks: int) -> None:
        """Bound the memory of the process, as :func:`memory` says."""
        if stacks == self._memory or not stacks:
            return
        with contextlib.suppress(ImportError, AttributeError, OSError, ValueError):
            import resource

            most = memory(stacks) * _MIB
            resource.prlimit(self.pid, resource.RLIMIT_DATA, (most, resource.RLIM_INFINITY))
        self._memory = stacks

    def _status(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(2)
        return None

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def fits(self, program: str, *, sandbox: bool) -> bool:
        """Whether it runs ``program`` in the way asked for."""
        return self._kind == _kind(program, sandbox=sandbox)

    @property
    def alive(self) -> bool:
        """Whether the process is still there; one that is not frees what belongs to it."""
        if self._process.poll() is None:
            return True
        self.forget()
        return False

    def stop(self) -> None:
        """End the process and everything it started, and free what belongs to it. Idempotent."""
        if self._requests < 0:
            return
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        self.forget()

    def forget(self) -> None:
        """Close what this process has open for it."""
        for descriptor in (self._requests, self._answers, self._life, self._cancelled, self._ended):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._requests = self._answers = self._life = self._cancelled = self._ended = -1
        # What is left is another process's child, or nobody's: it must not be waited for.
        self._process.returncode = self._process.returncode if self._process.returncode is not None else 0


def _end_of(pid: int) -> int:
    """A descriptor that can be read once the process ended; -1 on a kernel older than 5.3, where the end of its answers has to do."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return -1


def _parsed(text: str) -> list[Answer]:
    return [json.loads(line, strict=False, parse_float=_number) for line in text.split("\n") if line]


def _partly(data: bytearray) -> list[Answer]:
    """The whole lines of ``data``."""
    whole, _, _ = bytes(data).rpartition(b"\n")
    return _parsed(whole.decode(errors="replace"))


def _number(text: str) -> int | float:
    """A number with a fraction, as an integer when it is whole and exact."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) <= 2**53 else value


class Pool:
    """The workers of this process, made when they are needed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._idle: list[Worker] = []
        self._lent: dict[Worker, threading.Thread] = {}

    @contextlib.contextmanager
    def worker(self, program: str, *, sandbox: bool, most: int, cancellation: Cancellation) -> Iterator[Worker]:
        """A worker for the duration of the ``with``; one that is left with an error is ended.

        At most ``most`` work at the same time; the others wait.

        Raises:
            Cancelled: ``cancellation`` was requested while waiting.
            OSError: it cannot be started.
        """
        with cancellation.on_request(self._wake):
            lent = self._lend(program, sandbox, most, cancellation)
        whole = False
        try:
            yield lent
            whole = True
        finally:
            self._take_back(lent, whole=whole)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _lend(self, program: str, sandbox: bool, most: int, cancellation: Cancellation) -> Worker:  # noqa: FBT001 - private, called once
        with self._changed:
            while len(self._lent) >= most:
                self._changed.wait(_RECLAIM)
                self._reclaim()
                if cancellation.requested:
                    raise Cancelled
            found = next((worker for worker in reversed(self._idle) if worker.fits(program, sandbox=sandbox)), None)
            if found is not None:
                self._idle.remove(found)
            if found is None or not found.alive:
                found = Worker(program, sandbox=sandbox)
            self._lent[found] = threading.current_thread()
            return found

    def _reclaim(self) -> None:
        """End the workers of threads that are gone: one that is stopped from outside may not come to giving its worker back."""
        for worker in [worker for worker, thread in self._lent.items() if not thread.is_alive()]:
            del self._lent[worker]
            worker.stop()

    def _take_back(self, worker: Worker, *, whole: bool) -> None:
        try:
            if not whole:
                worker.stop()
        finally:
            with self._changed:
                self._lent.pop(worker, None)
                if whole:
                    self._idle.append(worker)
                self._changed.notify()

    def shrink(self) -> None:
        """End the workers that are idle but for one, which saves the next run the start."""
        with self._changed:
            idle, self._idle = self._idle[:-1], self._idle[-1:]
        for worker in idle:
            worker.stop()

    def end(self) -> None:
        """End every worker: this process ends."""
        with self._changed:
            workers, self._idle = [*self._idle, *self._lent], []
        for worker in workers:
            worker.stop()

    def abandon(self) -> None:
        """In a process that was forked: the workers are the parent's."""
        self._changed = threading.Condition()
        for worker in (*self._idle, *self._lent):
            worker.forget()
        self._idle, self._lent = [], {}


POOL = Pool()
"""The pool of this process."""
atexit.register(POOL.end)
os.register_at_fork(after_in_child=POOL.abandon)
