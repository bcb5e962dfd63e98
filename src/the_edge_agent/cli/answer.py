"""Standard output while a workflow runs: the answer alone, whatever the workflow's code prints."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any, Protocol

from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from the_edge_agent.cli.console import Console

_STDOUT, _STDERR = 1, 2


def encoded(value: Any, *, indent: int | None = None, root: str = "the state") -> bytes:
    """``value``, which messages call ``root``, as UTF-8 JSON with a final newline.

    Raises:
        NodeFailed: JSON has no form for some part of it; the message names the key.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    except (TypeError, ValueError, RecursionError):
        where, what = _culprit(value, root)
        raise NodeFailed(
            f"{where} holds {what}, which JSON has no form for",
            error_type="NotJson",
            hint="let the node return texts, numbers, booleans, null, lists and mappings only",
        ) from None
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        # Half a surrogate pair is a Python string but no UTF-8; JSON can still say it in escapes.
        return json.dumps(value, allow_nan=False, indent=indent).encode() + b"\n"


def _culprit(value: Any, root: str) -> tuple[str, str]:
    """Where in ``value`` the first thing is that JSON has no form for, and what it is."""
    stack: list[tuple[str, Any, frozenset[int]]] = [(root, value, frozenset())]
    while stack:
        where, item, above = stack.pop()
        if id(item) in above:
            return where, "itself"
        if len(above) > 200:  # noqa: PLR2004 - far more than any real state, far less than Python's recursion limit
            return where, "something nested very deeply"
        inside = above | {id(item)}
        if isinstance(item, dict):
            bad = next((key for key in item if not isinstance(key, str | int | float | None)), None)
            if bad is not None:
                return f"{where}, key {bad!r}", f"a key of type {type(bad).__name__}"
            stack.extend((f"{_start(where)}{key}", part, inside) for key, part in reversed(item.items()))
        elif isinstance(item, list | tuple):
            stack.extend((f"{where}[{index}]", part, inside) for index, part in reversed(list(enumerate(item))))
        elif isinstance(item, float) and (item != item or item in (float("inf"), float("-inf"))):  # noqa: PLR0124 - NaN is what differs from itself
            return where, f"the number {item}"
        elif not isinstance(item, str | int | float | bool | None):
            return where, f"a value of type {type(item).__name__}"
    return root, "something"


def _start(where: str) -> str:
    return "state." if where == "the state" else f"{where}." if where else ""


class RawStream(Protocol):
    """An unbuffered stream: a write may take only the first part of what it is given, and says how much."""

    def write(self, content: memoryview, /) -> int:
        """Write the start of ``content``; returns the number of bytes."""


class Answer:
    """The real standard output. Write the whole answer to it, or JSON documents, one a line.

    :class:`BrokenPipeError` from a write means that nobody reads any more.
    """

    def __init__(self, stream: RawStream) -> None:
        self._stream = stream

    def event(self, value: Mapping[str, Any]) -> None:
        """Write ``value`` as one line, at once; raises as :func:`encoded`."""
        self.write(encoded(value, root=""))

    def write(self, content: bytes) -> None:
        """Write ``content`` as it is."""
        rest = memoryview(content)
        while rest:
            rest = rest[self._stream.write(rest) :]


@contextmanager
def claimed(console: Console) -> Iterator[Answer]:
    """Standard output for the answer alone: until the end, what else is printed goes to standard error.

    That holds for ``print`` and for whatever writes to file descriptor 1 below Python, such as a started program.
    """
    from the_edge_agent.cli.console import RedactedStream

    real = os.dup(_STDOUT)
    sys.stdout.flush()
    standard_error: Any = RedactedStream(sys.stderr, console)
    os.dup2(_STDERR, _STDOUT)
    try:
        with os.fdopen(os.dup(real), "wb", buffering=0) as stream, redirect_stdout(standard_error), redirect_stderr(standard_error):
            yield Answer(stream)
    finally:
        os.dup2(real, _STDOUT)
        os.close(real)
