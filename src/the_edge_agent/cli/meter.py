"""How far something long has come, on a terminal."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from the_edge_agent.cli.console import printable
from the_edge_agent.cli.progress import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from the_edge_agent.cli.console import Console

_PATIENCE, _TICK = 0.3, 0.1


@contextmanager
def meter(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """A function to be told (bytes done, bytes in all), which shows them beside ``what``; nothing is left to be seen at the end.

    Only where a terminal is, and where it takes so long that somebody would wonder.
    """
    began = drawn = time.monotonic()
    shown = False

    def tell(done: int, total: int) -> None:
        nonlocal drawn, shown
        now = time.monotonic()
        if console.live and now - began >= _PATIENCE and now - drawn >= _TICK:
            drawn, shown = now, True
            share = 100 * done // max(1, total)
            left = duration((now - began) * (total - done) / max(1, done))
            console.write(f"\r\x1b[2K{printable(what)} {share} % of {total / 1e6:,.0f} MB, {left} left")

    try:
        yield tell
    finally:
        if shown:
            console.write("\r\x1b[2K")
