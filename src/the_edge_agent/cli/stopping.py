"""Ctrl-C and SIGTERM while a workflow runs."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Stopped(KeyboardInterrupt):
    """The user (SIGINT) or the system (SIGTERM) asked the process to stop; ``exit_code`` is the shell's for it."""

    def __init__(self, number: int) -> None:
        super().__init__("interrupted" if number == signal.SIGINT else "terminated")
        self.exit_code = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """Within, SIGINT and SIGTERM raise :class:`Stopped` on the main thread; the second one ends the process at once.

    A signal that was ignored when the process started (``nohup``, a shell's background job) stays ignored.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, _frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(each) is _stop:
            signal.signal(each, _end)
    raise Stopped(number)


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)
