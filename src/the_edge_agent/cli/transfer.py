"""How far a download or a check of a large file is: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Self

from the_edge_agent.cli.console import printable
from the_edge_agent.cli.progress import duration

if TYPE_CHECKING:
    from the_edge_agent.cli.console import Console

_TICK = 0.1
_SETTLED = 1.0
"""Seconds of measuring before a speed is told."""
_WIDTH = 24
_KILO = 1000


def amount(size: float) -> str:
    """``512 bytes``, ``6.1 MB``, ``4.5 GB``, as hubs and shops count them."""
    for unit in ("bytes", "kB", "MB"):
        if size < _KILO:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"  # noqa: PLR2004 - three figures
        size /= _KILO
    return f"{size:.1f} GB"


class Transfer:
    """One file on its way, seen on standard error; within a ``with``."""

    def __init__(self, console: Console, label: str) -> None:
        self._console = console
        self._label = printable(label)
        self._drawn = 0.0
        self._since = time.monotonic()
        self._from: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._erase()

    def at(self, have: int, size: int | None) -> None:
        """``have`` bytes of ``size`` are there."""
        now = time.monotonic()
        if self._from is None or have < self._from:
            self._since, self._from = now, have
        if self._console.live and now - self._drawn >= _TICK:
            self._drawn = now
            text = self._line(have, size, now - self._since)
            self._console.write(f"\r\x1b[2K{text[: shutil.get_terminal_size().columns - 1]}")

    def say(self, text: str) -> None:
        """Something the user should know; a line of its own."""
        self._erase()
        self._from = None
        self._console.line(f"{self._label}: {printable(text)}")

    def _line(self, have: int, size: int | None, seconds: float) -> str:
        speed = (have - (self._from or 0)) / seconds if seconds >= _SETTLED else 0
        words = [self._label]
        if size:
            full, empty = ("█", "░") if self._console.unicode else ("#", ".")
            filled = _WIDTH * have // size
            words += [full * filled + empty * (_WIDTH - filled), f"{100 * have // size}%"]
        words.append(amount(have) + (f" of {amount(size)}" if size else ""))
        if speed:
            words.append(f"{amount(speed)}/s")
            words += [f"{duration(max(1.0, (size - have) / speed))} left"] if size else []
        return "  ".join(words)

    def _erase(self) -> None:
        if self._drawn:
            self._console.write("\r\x1b[2K")
            self._drawn = 0.0
