"""What has to be known about ELF files: which processor one is for, where its sections lie, where it ends.

Layout: System V ABI, ELF-64, little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAGIC = b"\x7fELF"
MACHINES = {"x86_64": 62, "aarch64": 183}
"""Architecture → ``e_machine``."""
HEADER = 64

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_NO_BYTES = 8
_WIDE_LITTLE = b"\x02\x01"


@dataclass(frozen=True, slots=True)
class Section:
    """A section; ``start`` and ``size`` in bytes of the file."""

    name: str
    start: int
    size: int


def machine(start: bytes) -> str | None:
    """The architecture of the ELF file that begins with ``start``; ``"other"`` for one not in :data:`MACHINES`, ``None`` if it is none."""
    if len(start) < HEADER or not start.startswith(MAGIC):
        return None
    if start[4:6] != _WIDE_LITTLE:
        return "other"
    number = _HEADER.unpack_from(start)[2]
    return next((name for name, known in MACHINES.items() if known == number), "other")


def sections(data: bytes) -> tuple[Section, ...]:
    """The sections of the ELF file that ``data`` begins with; empty where there are none to be read."""
    try:
        header = _HEADER.unpack_from(data)
        table, size, count, names = header[6], header[11], header[12], header[13]
        rows = [_SECTION.unpack_from(data, table + number * size) for number in range(count)]
        texts = data[rows[names][4] : rows[names][4] + rows[names][5]]
        return tuple(
            Section(_text(texts, row[0]), row[4], 0 if row[1] == _NO_BYTES else row[5])
            for row in rows
            if row[1]  # the first row of every table is a null one
        )
    except (struct.error, IndexError):
        return ()


def length(data: bytes) -> int:
    """Where the ELF file that ``data`` begins with ends: behind its sections and their table; 0 where that cannot be read."""
    try:
        header = _HEADER.unpack_from(data)
    except struct.error:
        return 0
    ends: list[int] = [section.start + section.size for section in sections(data)]
    table: int = header[6] + header[11] * header[12]
    return max([table, *ends])


def _text(texts: bytes, at: int) -> str:
    return texts[at : texts.find(b"\0", at)].decode("ascii", "replace")


_PROGRAM = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<qQ")
_LOADED, _LINKING = 1, 2
_NEEDED, _STRINGS = 1, 5


def needed(data: bytes) -> tuple[str, ...]:
    """The libraries that the ELF file ``data`` needs, by the names it asks for; empty for a static one or where that cannot be read."""
    try:
        header = _HEADER.unpack_from(data)
        rows = [_PROGRAM.unpack_from(data, header[5] + number * header[9]) for number in range(header[10])]
        loaded = [(row[3], row[2], row[5]) for row in rows if row[0] == _LOADED]
        linking = next(((row[2], row[5]) for row in rows if row[0] == _LINKING), None)
        if linking is None:
            return ()
        start, size = linking
        entries = list(_DYNAMIC.iter_unpack(data[start : start + size - size % _DYNAMIC.size]))
        address = next(value for tag, value in entries if tag == _STRINGS)
        texts = next(address - virtual + offset for virtual, offset, length in loaded if virtual <= address < virtual + length)
        return tuple(_text(data, texts + value) for tag, value in entries if tag == _NEEDED)
    except (struct.error, StopIteration):
        return ()
