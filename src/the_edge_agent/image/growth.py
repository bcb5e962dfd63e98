"""Adds files to a squashfs without moving or rewriting anything it holds.

The bytes of the engine's squashfs stay where they are, its own tables included. Behind them come the new files, raw, and
behind those a copy of the tables with the new inodes and the folders that changed. Only the superblock, 96 bytes at the
very front, is written anew; with the old one in its place the squashfs is what it was before.
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

from the_edge_agent.image.squashfs import (
    DIRECTORY,
    EXPORTABLE,
    FILE,
    INODE,
    LISTING_ENTRY,
    LISTING_HEAD,
    LONG_DIRECTORY,
    LONG_DIRECTORY_BODY,
    LONG_FILE,
    LONG_FILE_BODY,
    META,
    NO_FRAGMENT,
    NOWHERE,
    RAW_BLOCK,
    RAW_META,
    Entry,
    Inode,
    Squashfs,
    Superblock,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_NAMES = 256
"""Names under one head of a listing."""
_MOST_DELTA = 32_767
_FOLDER_MODE = 0o755


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file whose ``size`` bytes stand raw at ``start``, a position in the squashfs."""

    start: int
    size: int
    mode: int = 0o644


@dataclass(slots=True)
class _Folder:
    """What changes below a folder: a file or folder to put under a name, ``None`` to take the name away."""

    changes: dict[bytes, _Folder | NewFile | None] = field(default_factory=dict)

    def put(self, path: str, change: NewFile | None) -> None:
        first, _, rest = path.partition("/")
        if not rest:
            self.changes[first.encode()] = change
            return
        inner = self.changes.setdefault(first.encode(), _Folder())
        if not isinstance(inner, _Folder):
            message = f"{path} lies below a file that is put there too"
            raise TypeError(message)
        inner.put(rest, change)


def grown(base: Squashfs, files: Mapping[str, NewFile | None], at: int) -> tuple[Superblock, bytes]:
    """The superblock and the tables, to be written at position ``at``, of ``base`` with ``files`` (path → file) added or replaced.

    ``None`` takes a file away. Neither the clock nor the order of ``files`` makes a difference. ``base`` is only read.
    """
    growth = _Growth(base)
    changes = _Folder()
    for path in sorted(files):
        changes.put(path, files[path])
    return growth.finish(changes, at)


class _Growth:
    def __init__(self, base: Squashfs) -> None:
        self._base = base
        self._inodes = bytearray(base.inodes)
        self._listings = bytearray(base.listings)
        self._number = base.superblock.inodes
        self._modified = base.root.modified

    def finish(self, changes: _Folder, at: int) -> tuple[Superblock, bytes]:
        old = self._base.superblock
        root = self._folder(changes, self._base.root, old.inodes + 1)
        inode_table = _blocks(bytes(self._inodes))
        directory_table = _blocks(bytes(self._listings))
        directories = at + len(inode_table)
        place = directories + len(directory_table)
        fragments = [self._base.metadata_block(start) for start in self._base.fragment_blocks()]
        starts = _running(place, fragments)
        fragment_index = place + sum(map(len, fragments))
        ids = self._base.metadata_block(self._base.id_block())
        id_block = fragment_index + 8 * len(fragments)
        id_index = id_block + len(ids)
        tables = b"".join(
            [
                inode_table,
                directory_table,
                *fragments,
                struct.pack(f"<{len(starts)}Q", *starts),
                ids,
                struct.pack("<Q", id_block),
            ]
        )
        superblock = replace(
            old,
            inodes=self._number,
            flags=old.flags & ~EXPORTABLE,
            root=root.place,
            bytes_used=id_index + 8,
            inode_table=at,
            directory_table=directories,
            fragment_table=fragment_index,
            id_table=id_index,
            xattr_table=NOWHERE,
            export_table=NOWHERE,
        )
        return superblock, tables

    def _folder(self, folder: _Folder, old: Inode | None, parent: int, name: bytes = b"") -> Entry:
        """Write ``folder``, which takes the place of ``old``; returns its entry."""
        number = self._fresh() if old is None else old.number
        entries = {entry.name: entry for entry in self._base.entries(old)} if old else {}
        for inner, change in folder.changes.items():
            before = entries.pop(inner, None)
            if isinstance(change, NewFile):
                entries[inner] = self._file(change, inner)
            elif isinstance(change, _Folder):
                inode = self._base.inode(before.place) if before else None
                if inode is not None and inode.kind not in (DIRECTORY, LONG_DIRECTORY):
                    self._base.fail(f"{inner.decode()} is no folder there")
                entries[inner] = self._folder(change, inode, number, inner)
        listing = _listing(sorted(entries.values(), key=lambda entry: entry.name))
        links = 2 + sum(entry.kind == DIRECTORY for entry in entries.values())
        block, offset = _place(len(self._listings))
        self._listings += listing
        place = self._add(
            INODE.pack(LONG_DIRECTORY, old.mode if old else _FOLDER_MODE, 0, 0, self._modified, number)
            + LONG_DIRECTORY_BODY.pack(links, len(listing) + 3, block, parent, 0, offset, NO_FRAGMENT)
        )
        return Entry(name, place, number, DIRECTORY)

    def _file(self, file: NewFile, name: bytes) -> Entry:
        number, size = self._fresh(), self._base.superblock.block_size
        full, rest = divmod(file.size, size)
        blocks = [size | RAW_BLOCK] * full + ([rest | RAW_BLOCK] if rest else [])
        place = self._add(
            INODE.pack(LONG_FILE, stat.S_IMODE(file.mode), 0, 0, self._modified, number)
            + LONG_FILE_BODY.pack(file.start if blocks else 0, file.size, 0, 1, NO_FRAGMENT, 0, NO_FRAGMENT)
            + struct.pack(f"<{len(blocks)}I", *blocks)
        )
        return Entry(name, place, number, FILE)

    def _fresh(self) -> int:
        self._number += 1
        return self._number

    def _add(self, inode: bytes) -> int:
        block, offset = _place(len(self._inodes))
        self._inodes += inode
        return block << 16 | offset


def _place(at: int) -> tuple[int, int]:
    """(block, offset) of the position ``at`` in a table whose blocks are all full and stored raw."""
    return at // META * (META + 2), at % META


def _blocks(data: bytes) -> bytes:
    pieces = (data[start : start + META] for start in range(0, len(data), META))
    return b"".join(struct.pack("<H", len(piece) | RAW_META) + piece for piece in pieces)


def _running(start: int, pieces: list[bytes]) -> list[int]:
    places = []
    for piece in pieces:
        places.append(start)
        start += len(piece)
    return places


def _listing(entries: list[Entry]) -> bytes:
    """The listing of a folder: one head for every run of entries whose inodes lie in one block and have near numbers."""
    out = bytearray()
    for _, same in groupby(entries, key=lambda entry: entry.place >> 16):
        run: list[Entry] = []
        for entry in same:
            if run and (len(run) == _MOST_NAMES or abs(entry.number - run[0].number) > _MOST_DELTA):
                out += _run(run)
                run = []
            run.append(entry)
        out += _run(run)
    return bytes(out)


def _run(run: list[Entry]) -> bytes:
    base = run[0].number
    out = bytearray(LISTING_HEAD.pack(len(run) - 1, run[0].place >> 16, base))
    for entry in run:
        out += LISTING_ENTRY.pack(entry.place & 0xFFFF, entry.number - base, entry.kind, len(entry.name) - 1) + entry.name
    return bytes(out)
