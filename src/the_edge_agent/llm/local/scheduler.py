"""A loaded model and the requests to it: they come from any thread and are answered one after another, in the order they came.

llama.cpp's contexts are for one thread at a time, so the context lives on a thread of its own from loading to freeing. Who asks
waits without looking up: a piece of the answer, its end and a request to stop all come through the same queue, and a main
thread stays open for Ctrl-C.
"""

from __future__ import annotations

import queue
import threading
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

from the_edge_agent.cancellation import Cancelled
from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.llm.local.context import A, Q
from the_edge_agent.llm.local.llama import Abort

if TYPE_CHECKING:
    from collections.abc import Callable

    from the_edge_agent.cancellation import Cancellation
    from the_edge_agent.llm.local.context import Context
    from the_edge_agent.llm.protocol import OnToken


@dataclass(eq=False, slots=True)
class _Task(Generic[Q, A]):
    """A question on its way; ``pieces`` carries the texts of its answer, where they are wanted, then the outcome."""

    question: Q
    in_pieces: bool
    pieces: queue.SimpleQueue[str | A | BaseException] = field(default_factory=queue.SimpleQueue)
    cancelled: bool = False

    def emit(self, text: str) -> None:
        if self.in_pieces:
            self.pieces.put(text)


class Scheduler(Generic[Q, A]):
    """Loads a model and gives every question to it its answer. Safe to use from several threads.

    Attributes:
        loaded: whether the model is there; while it is not, questions wait.
    """

    def __init__(self, name: str, load: Callable[[Abort], Context[Q, A]]) -> None:
        """Start loading the model called ``name``; returns at once. What goes wrong is raised to everyone who asks."""
        self.loaded = False
        self._name = name
        self._abort = Abort()
        self._tasks: queue.SimpleQueue[_Task[Q, A] | None] = queue.SimpleQueue()
        self._current: _Task[Q, A] | None = None
        self._closing = False
        # Reentrant, because a cancellation may be requested in a signal handler.
        self._lock = threading.RLock()
        self._worker = threading.Thread(target=self._work, args=(load,), name=f"tea-model-{name}", daemon=True)
        self._worker.start()

    def ask(self, question: Q, *, on_token: OnToken | None = None, cancellation: Cancellation | None = None) -> A:
        """The answer to ``question``, whose text goes to ``on_token`` on the calling thread, piece by piece.

        Raises what loading and :meth:`Context.answer` raise, and :class:`Cancelled` soon after ``cancellation`` is requested.
        """
        task: _Task[Q, A] = _Task(question, in_pieces=on_token is not None)
        try:
            with cancellation.on_request(lambda: self._cancel(task)) if cancellation else nullcontext():
                self._submit(task)
                while isinstance(piece := task.pieces.get(), str):
                    if on_token is not None and not task.cancelled:
                        on_token(piece)
        except BaseException:
            # Also for Ctrl-C and for an on_token that raised: nobody waits for the rest any more.
            self._cancel(task)
            raise
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def close(self) -> None:
        """Stop what runs, or loads, and free the model; whoever waits gets :class:`Cancelled`. Idempotent."""
        with self._lock:
            self._closing = True
            self._abort.request()
            self._tasks.put(None)
        self._worker.join()

    def _submit(self, task: _Task[Q, A]) -> None:
        with self._lock:
            if self._closing:
                raise ModelUnavailable(f"the model {self._name} is closed")
            self._tasks.put(task)

    def _cancel(self, task: _Task[Q, A]) -> None:
        """Stop ``task`` soon when it runs, else at once; harmless when it is over."""
        with self._lock:
            task.cancelled = True
            if self._current is task:
                self._abort.request()
                return
        task.pieces.put(Cancelled())

    def _work(self, load: Callable[[Abort], Context[Q, A]]) -> None:
        """Load, answer until :meth:`close`, free. Where loading failed, that is the answer."""
        try:
            context = load(self._abort)
        except BaseException as failure:  # noqa: BLE001 - handed to whoever asks
            while (task := self._tasks.get()) is not None:
                task.pieces.put(failure)
            return
        self.loaded = True
        with closing(context):
            while (task := self._tasks.get()) is not None:
                task.pieces.put(self._outcome(context, task))

    def _outcome(self, context: Context[Q, A], task: _Task[Q, A]) -> A | BaseException:
        with self._lock:
            if task.cancelled or self._closing:
                return Cancelled()
            self._current = task
            self._abort.clear()
        try:
            return context.answer(task.question, task.emit)
        except BaseException as failure:  # noqa: BLE001 - handed to the caller
            return failure
        finally:
            with self._lock:
                self._current = None
