"""What a GGUF file says about itself: its metadata as values, and as the bytes they are in the file.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from the_edge_agent.models.header import ARRAY, SCALARS, STRING

if TYPE_CHECKING:
    from pathlib import Path

Value = str | bool | int | float | list[str] | list[bool] | list[int] | list[float]


def read(path: Path) -> dict[str, Value]:
    """Every value in the header of a GGUF file that is known to be good."""
    data = path.read_bytes()
    (count,) = struct.unpack_from("<Q", data, 16)
    at = 24

    def scalar(kind: int) -> str | bool | int | float:
        nonlocal at
        if kind == STRING:
            length = int(scalar(10))
            at += length
            return data[at - length : at].decode()
        found: bool | int | float = SCALARS[kind].unpack_from(data, at)[0]
        at += SCALARS[kind].size
        return found

    def value() -> Value:
        kind = int(scalar(4))
        if kind != ARRAY:
            return scalar(kind)
        inner, length = int(scalar(4)), int(scalar(10))
        return [scalar(inner) for _ in range(length)]  # type: ignore[return-value] # all of one kind

    return {str(scalar(STRING)): value() for _ in range(count)}


def encoded(value: Value) -> bytes:
    """A metadata value behind the number of its kind."""
    if isinstance(value, list):
        kind = _kind(value[0], integer=5)
        body = b"".join(_body(kind, one) for one in value)
        return struct.pack("<IIQ", ARRAY, kind, len(value)) + body
    kind = _kind(value, integer=4)
    return struct.pack("<I", kind) + _body(kind, value)


def _kind(value: Value, *, integer: int) -> int:
    kinds = {str: STRING, bool: 7, int: integer, float: 6}
    return kinds[type(value)]


def _body(kind: int, value: Value) -> bytes:
    return text(value) if isinstance(value, str) else SCALARS[kind].pack(value)


def text(written: str) -> bytes:
    """A string behind its length, as it stands everywhere in a file."""
    raw = written.encode()
    return struct.pack("<Q", len(raw)) + raw
