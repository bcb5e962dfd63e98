"""How work that runs is asked to stop, and how it says that it did."""

from __future__ import annotations

import threading
import weakref
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Cancelled(Exception):
    """The work was asked to stop and did."""


class Cancellation:
    """Asks everything below a node to stop: set by a time-out, a failed sibling, a closed stream.

    Work that goes step by step (a model, token by token) looks at :attr:`requested` between two steps; work that waits
    is told by :meth:`on_request`. A cancellation below another one is requested together with it, never the other way.

    There is no lock: each step is one operation on a dict, so that :meth:`request` may be called in a signal handler.
    """

    __slots__ = ("__weakref__", "_callbacks", "_parent", "_requested")

    def __init__(self, parent: Cancellation | None = None) -> None:
        self._requested = False
        self._callbacks: dict[object, Callable[[], object]] = {}
        # Held, so that a request still comes down here when nobody else holds what lies between.
        self._parent = parent
        if parent is not None:
            below = parent._callbacks  # noqa: SLF001 - one of its own kind
            key = object()
            # Held by its work only: once that is done, the parent forgets it.
            below[key] = partial(_tell, weakref.ref(self, lambda _: below.pop(key, None)))
            if parent.requested:
                self._requested = True

    def request(self) -> None:
        """Ask for a stop, here and below; it cannot be taken back.

        Every callback runs on the calling thread, once. One that raises does not keep the others from running; the first
        exception is raised when all have run.
        """
        self._requested = True
        failure: BaseException | None = None
        while True:
            try:
                _, callback = self._callbacks.popitem()
            except KeyError:
                break
            try:
                callback()
            except BaseException as error:  # noqa: BLE001 - raised below
                failure = failure or error
        if failure is not None:
            raise failure

    @property
    def requested(self) -> bool:
        """Whether a stop was asked for, here or above."""
        return self._requested

    def wait(self, seconds: float) -> bool:
        """Sleep up to ``seconds``; ``True`` as soon as a stop was asked for."""
        asked = threading.Lock()
        asked.acquire()
        with self.on_request(asked.release):
            asked.acquire(timeout=min(max(seconds, 0), threading.TIMEOUT_MAX))
        return self._requested

    @contextmanager
    def on_request(self, callback: Callable[[], object]) -> Iterator[None]:
        """Within, ``callback`` runs when a stop is asked for; at once when it was asked for before."""
        key = object()
        self._callbacks[key] = callback
        try:
            # Whoever takes it out calls it, this thread or the one that requests: once.
            if self._requested and self._callbacks.pop(key, None) is not None:
                callback()
            yield
        finally:
            self._callbacks.pop(key, None)


def _tell(child: weakref.ref[Cancellation]) -> None:
    cancellation = child()
    if cancellation is not None:
        cancellation.request()
