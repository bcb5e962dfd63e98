"""What outlives a run: made on first use, shared by all runs of an agent, closed with it."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class Resources:
    """Things made on first use and shared by all runs of one agent: a store, a database, a loaded model.

    Thread-safe. :meth:`close` closes them in reverse order of their making and is idempotent.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._items: dict[Hashable, Any] = {}
        self._stack = ExitStack()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The resource called ``key``, made by ``make()`` at the first call; its ``close`` is called at the end if it has one."""
        with self._lock:
            if key not in self._items:
                item = make()
                self._items[key] = item
                close = getattr(item, "close", None)
                if callable(close):
                    self._stack.callback(close)
            found: T = self._items[key]
            return found

    def close(self) -> None:
        """Close everything, the last made first."""
        with self._lock:
            self._stack.close()
            self._items.clear()
