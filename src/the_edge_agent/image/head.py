"""The table in an image's head: what the payload is called and which files are read in place.

Form and meaning are the runtime's, see docs/appimage-runtime.md. Filling the table changes no other byte of the head.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from the_edge_agent.errors import UsageError
from the_edge_agent.image import elf
from the_edge_agent.image.damage import ImageDamaged

SECTION = ".tea_table"
MARK = b"AI\x02"
"""Bytes 8 to 10 of a type-2 AppImage."""
MOST_FILES = 16
PAGE = 4096

_FIRST = "tea-table 1"
_APPLICATION = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


@dataclass(frozen=True, slots=True)
class InPlace:
    """A file that is read from the image itself: ``offset`` from the start of the image, ``length`` in bytes, ``path`` inside."""

    offset: int
    length: int
    path: str


@dataclass(frozen=True, slots=True)
class Agent:
    """What was added to an engine, which has ``inodes`` inodes: ``payload`` and ``application`` as those of the engine."""

    inodes: int
    payload: str
    application: str


@dataclass(frozen=True, slots=True)
class Table:
    """``payload`` is a SHA-256 that changes with every file of the engine; ``application`` names whose older versions may go.

    ``length`` is that of the whole image in bytes.
    """

    payload: str
    application: str
    files: tuple[InPlace, ...]
    length: int = 0
    agent: Agent | None = None

    def text(self) -> str:
        """As it stands in the head."""
        lines = [_FIRST, f"payload {self.payload}", f"application {self.application}"]
        lines += [f"length {self.length}"] if self.length else []
        lines += [f"agent {self.agent.inodes} {self.agent.payload} {self.agent.application}"] if self.agent else []
        return "\n".join([*lines, *(f"file {one.offset} {one.length} {one.path}" for one in self.files)]) + "\n"


def application(name: str) -> str:
    """``name`` in the letters an application's id may have."""
    plain = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")[:64]
    return plain or "tea-bundle"


def filled(head: bytes, table: Table) -> bytes:
    """``head`` with ``table`` in it, whatever it held before.

    Raises:
        UsageError: the table has no room for so many files.
        ImageDamaged: the head is not the runtime's.
    """
    check(head)
    section = _section(head)
    text = table.text().encode()
    if len(text) >= section.size or len(table.files) > MOST_FILES:
        raise UsageError(f"an image holds at most {MOST_FILES} models", hint="put fewer models into it")
    return head[: section.start] + text.ljust(section.size, b"\0") + head[section.start + section.size :]


def empty(head: bytes) -> bytes:
    """``head`` as it was built, with nothing in its table."""
    section = _section(head)
    return head[: section.start] + bytes(section.size) + head[section.start + section.size :]


def read(head: bytes) -> Table:
    """The table in ``head``.

    Raises:
        ImageDamaged: it cannot be read.
    """
    section = _section(head)
    text = head[section.start : section.start + section.size].rstrip(b"\0")
    try:
        first, payload, name, *lines = text.decode().splitlines()
        length, agent, entries = 0, None, []
        for word, _, rest in (line.partition(" ") for line in lines):
            if word == "length":
                length = int(rest)
            elif word == "agent":
                inodes, digest, own = rest.split(" ")
                agent = Agent(int(inodes), digest, own)
            else:
                offset, size, path = rest.split(" ", 2)
                entries.append(InPlace(int(offset), int(size), path))
        found = Table(payload.removeprefix("payload "), name.removeprefix("application "), tuple(entries), length, agent)
    except ValueError as problem:
        raise _damaged() from problem
    if first != _FIRST or found.text().encode() != text or not _APPLICATION.fullmatch(found.application):
        raise _damaged()
    return found


def check(head: bytes) -> str:
    """The architecture of ``head``; raises :class:`ImageDamaged` when it is no head of the runtime."""
    architecture = elf.machine(head)
    if architecture not in elf.MACHINES or head[8:11] != MARK:
        raise ImageDamaged("it does not begin as an AppImage does")
    if elf.length(head) != len(head) or len(head) % PAGE:
        raise ImageDamaged("its head is not as long as it should be")
    _section(head)
    return architecture


def _section(head: bytes) -> elf.Section:
    for section in elf.sections(head):
        if section.name == SECTION and 0 < section.start <= len(head) - section.size:
            return section
    raise ImageDamaged("its head has no table")


def _damaged() -> ImageDamaged:
    return ImageDamaged("the table in its head is damaged")
