"""Standard error as the user sees it: what everything but the answer is written to."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from the_edge_agent.redaction import Redactor

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2", "bold": "1"}
_UNPRINTABLE = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


def printable(text: str) -> str:
    """``text`` without control characters, so that a model or a file cannot steer the terminal; line ends and tabs stay."""
    return text.replace("\r\n", "\n").translate(_UNPRINTABLE)


class Console:
    """Writes to standard error; colours and cursor movement only where a terminal shows them.

    Attributes:
        live: the stream is a terminal that can move its cursor.
        colour: ``live``, and the user has not set ``NO_COLOR``.
        making_room: entered, with the text, while something else writes to the same terminal; whoever draws there
            takes its line away first.
        verbose: the user wants to see more.
        places: starts of paths, and how messages show them: where an image is seen means nothing to its user.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        # A process can be started without any standard error.
        self._stream: TextIO | None = stream or sys.stderr
        self.verbose = False
        self.places: Mapping[str, str] = {}
        self.making_room: Callable[[str], AbstractContextManager[object]] = nullcontext
        self.live = self._stream is not None and self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self.colour = self.live and not os.environ.get("NO_COLOR")
        self.unicode = (getattr(self._stream, "encoding", None) or "").lower().replace("-", "") == "utf8"

    @cached_property
    def redact(self) -> Redactor:
        """Hides secret values in everything that is written."""
        from the_edge_agent.redaction import Redactor

        return Redactor()

    def paint(self, text: str, colour: str) -> str:
        """``text`` in ``colour``, or as it is where colours are not wanted."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self.colour and text else text

    def mark(self, kind: str) -> str:
        """The sign of a finished, failed, repeated, or paused node, as the terminal can show it."""
        signs = {
            "done": ("✓", "ok", "green"),
            "failed": ("✗", "x", "red"),
            "again": ("↻", "again", "yellow"),
            "paused": ("⏸", "paused", "yellow"),
        }
        sign, ascii_sign, colour = signs[kind]
        return self.paint(sign if self.unicode else ascii_sign, colour)

    def line(self, text: str = "") -> None:
        """Write one line (or several); ``text`` may be painted, everything from outside in it has to be :func:`printable`."""
        self.write(text + "\n")

    def shown(self, text: str) -> str:
        """A message as the user sees it: secrets hidden, and paths by the names they have for the user."""
        for start, name in self.places.items():
            text = text.replace(start, name)
        return self.redact(text)

    def write(self, text: str) -> None:
        """Write ``text`` as it is :meth:`shown`, at once."""
        if self._stream is None:
            return
        try:
            self._stream.write(self.shown(text))
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            # Nobody reads the messages any more; the answer may still have a reader.
            self._stream = None
            self.live = self.colour = False


class RedactedStream:
    """A text stream in front of another one that hides the console's secrets in each piece written; everything else is the other's."""

    def __init__(self, stream: TextIO, console: Console) -> None:
        self._stream = stream
        self._console = console

    def write(self, text: str) -> int:
        """Write ``text``, secrets hidden; returns its length as a text stream does."""
        with self._console.making_room(text):
            self._stream.write(self._console.redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of ``lines``."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)
