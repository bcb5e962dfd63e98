"""Ending a thread that nobody waits for any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading


STOPPABLE = 0.1
"""Longest wait in one piece, in seconds: a thread notices that it was stopped only between two."""


class Stopped(SystemExit):
    """Raised inside a thread whose node ran out of time; a thread that ends with it ends without a word."""


def stop(thread: threading.Thread) -> None:
    """Make Python code that still runs in ``thread`` end.

    ``PyThreadState_SetAsyncExc`` is CPython's documented way; it takes effect at the next bytecode.
    """
    import ctypes

    if thread.is_alive() and thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Stopped))
