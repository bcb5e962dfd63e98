"""How work that runs is asked to stop, and how it says that it did."""

from __future__ import annotations

import threading


class Cancelled(Exception):
    """The work was asked to stop and did."""


class Cancellation:
    """A flag that asks everything below a node to stop; set by a time-out, a failed sibling, a closed stream.

    Long work checks :attr:`requested` between steps (a model between tokens).
    """

    __slots__ = ("_event", "_parent")

    def __init__(self, parent: Cancellation | None = None) -> None:
        self._event = threading.Event()
        self._parent = parent

    def request(self) -> None:
        """Ask for a stop; it cannot be taken back."""
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether a stop was asked for, here or above."""
        return self._event.is_set() or (self._parent is not None and self._parent.requested)

    def wait(self, seconds: float) -> bool:
        """Sleep up to ``seconds``; ``True`` as soon as a stop was asked for."""
        if self._parent is None:
            return self._event.wait(seconds)
        step = 0.05
        while seconds > 0 and not self.requested:
            self._event.wait(min(step, seconds))
            seconds -= step
        return self.requested
