"""Jobs side by side, on threads of their own: results as they come, and a stop that reaches every one of them.

The threads are daemons: a block that does not end must not keep the program alive once nobody waits for it. Nobody looks
again and again: who waits is woken by a result, by :meth:`Jobs.end`, by a signal, or by being stopped.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from the_edge_agent.cancellation import Cancellation

T = TypeVar("T")


class Stopped(SystemExit):
    """Raised inside a thread whose node ran out of time; a thread that ends with it ends without a word."""


class _Worker(threading.Thread):
    """``waits`` is what it waits for while it has jobs of its own."""

    waits: SimpleQueue[Any] | None = None

    def stop(self) -> None:
        """Make Python code that still runs in it end.

        ``PyThreadState_SetAsyncExc`` is CPython's documented way; it takes effect at the next bytecode.
        """
        import ctypes

        if self.is_alive() and self.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.ident), ctypes.py_object(Stopped))
            # A thread that waits comes to no bytecode.
            if self.waits is not None:
                self.waits.put(None)


class Jobs(Generic[T]):
    """``jobs`` under way, at most ``width`` of them at the same time. Leaving the ``with`` block abandons those that are left."""

    def __init__(self, name: str, jobs: Sequence[Callable[[], T]], cancellation: Cancellation, *, width: int) -> None:
        self._cancellation = cancellation
        self._waiting = deque(enumerate(jobs))
        self._left = len(jobs)
        self._ended = False
        self._done: SimpleQueue[tuple[int, T] | BaseException | None] = SimpleQueue()
        names = [f"tea-{name}_{number}" for number in range(min(width, len(jobs)))]
        self._workers = [_Worker(target=self._work, name=each, daemon=True) for each in names]
        try:
            for worker in self._workers:
                worker.start()
        except BaseException as error:
            self.abandon(error)
            raise

    def _work(self) -> None:
        """Run jobs, until none waits."""
        while self._waiting:
            try:
                number, job = self._waiting.popleft()
            except IndexError:
                return
            try:
                self._done.put((number, job()))
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
                self._done.put(error)

    def finished(self, seconds: float = threading.TIMEOUT_MAX) -> Iterator[tuple[int, T]]:
        """The number of each job and its result, as soon as it is there.

        Raises:
            TimeoutError: not all were done after ``seconds``; those that are left are stopped.
            BaseException: what a job raised, as soon as it did.
        """
        until = time.monotonic() + seconds
        thread = threading.current_thread()
        while self._left and not self._ended:
            if isinstance(thread, _Worker):
                thread.waits = self._done
            try:
                done = self._done.get(timeout=min(max(0.0, until - time.monotonic()), threading.TIMEOUT_MAX))
            except Empty:
                self.abandon(Stopped())
                raise TimeoutError from None
            if done is None:
                continue
            self._left -= 1
            if isinstance(done, BaseException):
                raise done
            yield done

    def end(self) -> None:
        """Let who waits in :meth:`finished` go on without the rest."""
        self._ended = True
        self._done.put(None)

    def abandon(self, error: BaseException | None = None) -> None:
        """Start no more, and ask what is under way to stop without waiting for it; a :class:`Stopped` ends its threads too."""
        if not self._left:
            return
        self._waiting.clear()
        if isinstance(error, Stopped):
            for worker in self._workers:
                worker.stop()
        self._cancellation.request()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.abandon(error)
