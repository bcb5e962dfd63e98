"""Secret values kept out of what people and later nodes read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from the_edge_agent.errors import TeaError

_SHORT = 4


class Redactor:
    """Replaces secret values by ``***`` in text, also where they stand JSON-escaped, quoted by Python or URL-encoded.

    Values shorter than four characters are replaced only where they stand as words of their own.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.hide(values)

    def hide(self, values: Iterable[str]) -> None:
        """Hide ``values`` from now on, besides those hidden already."""
        for value in values:
            if value.strip():
                self._values |= _spellings(value)
        longest_first = sorted(self._values, key=len, reverse=True)
        parts = [re.escape(value) if len(value) >= _SHORT else rf"(?<!\w){re.escape(value)}(?!\w)" for value in longest_first]
        self._pattern = re.compile("|".join(parts)) if parts else None

    def __call__(self, text: str) -> str:
        """``text`` with every hidden value replaced."""
        return self._pattern.sub("***", text) if self._pattern else text

    def error(self, error: TeaError) -> TeaError:
        """``error`` itself, with its message and hint redacted: both may end up in the state or in a log."""
        if self._pattern:
            error.message = self(error.message)
            error.args = (error.message,)
            error.hint = self(error.hint) if error.hint else error.hint
        return error


def _spellings(value: str) -> set[str]:
    import json
    from urllib.parse import quote

    written = {value, value.strip(), json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return written | {repr(value)[1:-1], quote(value, safe="")}
