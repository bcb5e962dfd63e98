"""From the bytes of tokens to the text of an answer: whole characters, up to a stop string."""

from __future__ import annotations

import codecs


class Transcript:
    """Collects an answer.

    :meth:`add` gives the text that is certain by now: never half a character, and never the beginning of
    something that may still turn out to be a stop string. After :attr:`stopped` nothing more is taken.
    """

    __slots__ = ("_decoder", "_held", "_longest", "_parts", "_stops", "stopped")

    def __init__(self, stops: tuple[str, ...] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stops = tuple(stop for stop in stops if stop)
        self._longest = max(map(len, self._stops), default=0)
        self._held = ""
        self._parts: list[str] = []
        self.stopped = False

    def add(self, piece: bytes, *, final: bool = False) -> str:
        """Take the bytes of one token; returns the text that became certain, often ``""``."""
        if self.stopped:
            return ""
        text = self._decoder.decode(piece, final)
        if self._stops:
            text = self._before_stop(self._held + text, final=final)
        if text:
            self._parts.append(text)
        return text

    def finish(self) -> str:
        """The answer is over: returns what was still held back. Bytes that make no character become U+FFFD."""
        return self.add(b"", final=True)

    @property
    def text(self) -> str:
        """All that became certain."""
        return "".join(self._parts)

    def _before_stop(self, text: str, *, final: bool) -> str:
        starts = [start for stop in self._stops if (start := text.find(stop)) >= 0]
        if starts:
            self.stopped = True
            self._held = ""
            return text[: min(starts)]
        keep = 0 if final else self._possible_stop(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def _possible_stop(self, text: str) -> int:
        """Length of the longest end of ``text`` that begins a stop string."""
        for length in range(min(len(text), self._longest - 1), 0, -1):
            end = text[-length:]
            if any(stop.startswith(end) for stop in self._stops):
                return length
        return 0
