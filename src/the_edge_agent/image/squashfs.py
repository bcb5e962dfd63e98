"""A reader of squashfs 4.0, as far as images of this project use it.

Inodes, directories and ids are stored uncompressed there (mksquashfs ``-noI -noId``), data and fragments raw or as zstd.
So walking and locating need nothing but the standard library; only the contents of compressed files need
libzstd, which every Linux distribution has and every image brings.

Layout: https://dr-emann.github.io/squashfs/squashfs.html and the kernel's ``fs/squashfs/squashfs_fs.h``. All numbers are little-endian.
"""

from __future__ import annotations

import ctypes
import stat
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from the_edge_agent.errors import MachineUnable
from the_edge_agent.image.damage import ImageDamaged

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"hsqs"
SUPERBLOCK = struct.Struct("<4sIIIIHHHHHHQQQQQQQQ")
META = 8192
"""Bytes of a metadata block before its two bytes of length."""
RAW_META = 0x8000
RAW_BLOCK = 1 << 24
NO_FRAGMENT = 0xFFFFFFFF
NOWHERE = 0xFFFFFFFFFFFFFFFF
ZSTD = 6
EXPORTABLE = 0x80
"""Flag of a superblock: there is a table from inode numbers to inodes."""

DIRECTORY, FILE, LINK = 1, 2, 3
LONG_DIRECTORY, LONG_FILE, LONG_LINK = 8, 9, 10

INODE = struct.Struct("<HHHHII")
DIRECTORY_BODY = struct.Struct("<IIHHI")
LONG_DIRECTORY_BODY = struct.Struct("<IIIIHHI")
FILE_BODY = struct.Struct("<IIII")
LONG_FILE_BODY = struct.Struct("<QQQIIII")
LINK_BODY = struct.Struct("<II")
LISTING_HEAD = struct.Struct("<III")
LISTING_ENTRY = struct.Struct("<HhHH")
_FRAGMENT = struct.Struct("<QII")

_MOST_TABLE = 256 * 1024 * 1024
_MOST_DEPTH = 64
_MOST_MEMBERS = 1_000_000
_MOST_LISTING = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Superblock:
    """The first 96 bytes. Positions count from the start of the squashfs, in bytes."""

    magic: bytes
    inodes: int
    made: int
    block_size: int
    fragments: int
    compression: int
    block_log: int
    flags: int
    ids: int
    major: int
    minor: int
    root: int
    bytes_used: int
    id_table: int
    xattr_table: int
    inode_table: int
    directory_table: int
    fragment_table: int
    export_table: int

    def pack(self) -> bytes:
        """The 96 bytes."""
        return SUPERBLOCK.pack(*(getattr(self, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a directory; ``place`` is the inode's, ``kind`` one of the basic types."""

    name: bytes
    place: int
    number: int
    kind: int


@dataclass(frozen=True, slots=True)
class Inode:
    """What an entry leads to.

    ``size`` is that of a file's contents or of a directory's listing, in bytes. ``start`` is where a file's first block stands,
    or, for a directory, its listing in the directory table. ``blocks`` are the sizes of a file's blocks as stored.
    """

    kind: int
    mode: int
    modified: int
    number: int
    links: int = 1
    size: int = 0
    start: int = 0
    blocks: tuple[int, ...] = ()
    fragment: int = NO_FRAGMENT
    fragment_offset: int = 0
    target: bytes = b""

    @property
    def executable(self) -> bool:
        """Whether anybody may execute it."""
        return bool(self.mode & 0o111)


@dataclass(frozen=True, slots=True)
class Member:
    """A file, folder or link of a squashfs, with its path from the root."""

    path: str
    inode: Inode


class Squashfs:
    """The squashfs that starts at byte ``offset`` of an open file and ends before byte ``limit`` of it.

    With the ``superblock`` that it had before it grew it is what it was then.
    """

    def __init__(self, file: BinaryIO, offset: int, limit: int, *, superblock: bytes | None = None) -> None:
        """Read the superblock, unless it is given.

        Raises:
            ImageDamaged: there is no squashfs, or none of the form described above.
        """
        self._file = file
        self._offset = offset
        self._size = limit - offset
        self._fragments: dict[int, bytes] = {}
        found = Superblock(*SUPERBLOCK.unpack(superblock or self.read(0, SUPERBLOCK.size)))
        self.superblock = found
        if found.magic != MAGIC or (found.major, found.minor) != (4, 0) or found.block_size != 1 << found.block_log:
            self.fail("there is no squashfs 4.0 behind its head")
        if found.bytes_used > self._size:
            self.fail(f"it is truncated: its squashfs needs {found.bytes_used} bytes, the file has {self._size} for it")
        if not (found.inode_table <= found.directory_table <= found.fragment_table <= found.id_table <= found.bytes_used):
            self.fail("the tables of its squashfs are out of order")

    def fail(self, reason: str) -> NoReturn:
        """Raise :class:`ImageDamaged`."""
        raise ImageDamaged(f"{getattr(self._file, 'name', 'the image')} is not intact: {reason}")

    def read(self, start: int, count: int) -> bytes:
        """``count`` bytes from ``start``; raises :class:`ImageDamaged` where the squashfs is shorter."""
        if count < 0 or start < 0 or start + count > self._size:
            self.fail(f"byte {start + count} of its squashfs lies behind the end of the file")
        self._file.seek(self._offset + start)
        data = self._file.read(count)
        if len(data) != count:
            self.fail(f"it ends at byte {start + len(data)} of its squashfs")
        return data

    @cached_property
    def inodes(self) -> bytes:
        """The inode table, its blocks joined."""
        return self._table(self.superblock.inode_table, self.superblock.directory_table)

    @cached_property
    def listings(self) -> bytes:
        """The directory table, its blocks joined."""
        return self._table(self.superblock.directory_table, self._fragments_start)

    def _table(self, start: int, end: int) -> bytes:
        if end - start > _MOST_TABLE:
            self.fail("a table of its squashfs is too long to be meant")
        data = self.read(start, end - start)
        parts: list[bytes] = []
        at = 0
        while at < len(data):
            if parts and len(parts[-1]) != META:
                self.fail("a table of its squashfs has a short block in the middle")
            length = int.from_bytes(data[at : at + 2], "little")
            size = length & ~RAW_META
            if not length & RAW_META:
                self.fail("the tables of its squashfs are compressed, which no image of this project has")
            if not 0 < size <= META or at + 2 + size > len(data):
                self.fail("a table of its squashfs has a block that cannot be")
            parts.append(data[at + 2 : at + 2 + size])
            at += 2 + size
        return b"".join(parts)

    @cached_property
    def _fragments_start(self) -> int:
        places = self.fragment_blocks()
        return places[0] if places else self.superblock.fragment_table

    def fragment_blocks(self) -> tuple[int, ...]:
        """Where the metadata blocks of the fragment table stand."""
        count = -(-self.superblock.fragments * _FRAGMENT.size // META)
        return struct.unpack(f"<{count}Q", self.read(self.superblock.fragment_table, 8 * count))

    def id_block(self) -> int:
        """Where the one metadata block of the id table stands."""
        found: int = struct.unpack("<Q", self.read(self.superblock.id_table, 8))[0]
        return found

    def metadata_block(self, start: int) -> bytes:
        """The metadata block at ``start`` as it is stored, its two bytes of length included."""
        length = int.from_bytes(self.read(start, 2), "little") & ~RAW_META
        return self.read(start, 2 + min(length, META))

    def inode(self, place: int) -> Inode:
        """The inode at ``place``: block position << 16 | offset in the block."""
        at = self._stream(place >> 16, place & 0xFFFF)
        kind, mode, _, _, modified, number = self._unpack(INODE, at)
        common: dict[str, Any] = {"kind": kind, "mode": mode, "modified": modified, "number": number}
        at += INODE.size
        if kind == DIRECTORY:
            block, links, size, offset, _ = self._unpack(DIRECTORY_BODY, at)
            return Inode(**common, links=links, size=size, start=self._stream(block, offset))
        if kind == LONG_DIRECTORY:
            links, size, block, _, _, offset, _ = self._unpack(LONG_DIRECTORY_BODY, at)
            return Inode(**common, links=links, size=size, start=self._stream(block, offset))
        if kind in (FILE, LONG_FILE):
            return self._file_inode(common, at)
        if kind in (LINK, LONG_LINK):
            links, size = self._unpack(LINK_BODY, at)
            at += LINK_BODY.size
            return Inode(**common, links=links, size=size, target=self.inodes[at : at + size])
        return self.fail(f"its squashfs holds something of the kind {kind}, which no image of this project has")

    def _file_inode(self, common: dict[str, Any], at: int) -> Inode:
        links = 1
        if common["kind"] == FILE:
            start, fragment, offset, size = self._unpack(FILE_BODY, at)
            at += FILE_BODY.size
        else:
            start, size, _, links, fragment, offset, _ = self._unpack(LONG_FILE_BODY, at)
            at += LONG_FILE_BODY.size
        block = self.superblock.block_size
        count = size // block if fragment != NO_FRAGMENT else -(-size // block)
        if at + 4 * count > len(self.inodes):
            self.fail("a file of its squashfs claims more blocks than there are")
        blocks = struct.unpack_from(f"<{count}I", self.inodes, at)
        return Inode(**common, links=links, size=size, start=start, blocks=blocks, fragment=fragment, fragment_offset=offset)

    @staticmethod
    def _stream(block: int, offset: int) -> int:
        # Every block but the last is full, so that a place in the joined table follows from the place on disk.
        return block // (META + 2) * META + offset

    def _unpack(self, form: struct.Struct, at: int) -> tuple[Any, ...]:
        if at < 0 or at + form.size > len(self.inodes):
            self.fail("an entry of its squashfs points behind the table of inodes")
        return form.unpack_from(self.inodes, at)

    def entries(self, folder: Inode) -> tuple[Entry, ...]:
        """What lies in ``folder``, in order of the names' bytes."""
        # The size counts three bytes for "." and "..", which are not stored.
        size = max(0, folder.size - 3)
        if size > _MOST_LISTING or folder.start + size > len(self.listings):
            self.fail("a folder of its squashfs is longer than its table")
        data, at, found = self.listings[folder.start : folder.start + size], 0, []
        try:
            while at < size:
                count, block, base = LISTING_HEAD.unpack_from(data, at)
                at += LISTING_HEAD.size
                for _ in range(count + 1):
                    offset, delta, kind, length = LISTING_ENTRY.unpack_from(data, at)
                    at += LISTING_ENTRY.size
                    found.append(Entry(data[at : at + length + 1], block << 16 | offset, base + delta, kind))
                    at += length + 1
        except struct.error:
            self.fail("a folder of its squashfs cannot be read")
        return tuple(found)

    @property
    def root(self) -> Inode:
        """The root folder."""
        return self.inode(self.superblock.root)

    def find(self, path: str) -> Inode | None:
        """The inode at ``path`` (``usr/bin/tea``; ``""`` is the root), links not followed; ``None`` when there is none."""
        inode = self.root
        for name in path.encode().split(b"/") if path else ():
            if inode.kind not in (DIRECTORY, LONG_DIRECTORY):
                return None
            entry = next((entry for entry in self.entries(inode) if entry.name == name), None)
            if entry is None:
                return None
            inode = self.inode(entry.place)
        return inode

    def members(self) -> Iterator[Member]:
        """Everything below the root, a folder before what lies in it."""
        for number, member in enumerate(self._members("", self.root, 0)):
            if number > _MOST_MEMBERS:
                self.fail(f"its folders lead to more than {_MOST_MEMBERS} files")
            yield member

    def _members(self, path: str, folder: Inode, depth: int) -> Iterator[Member]:
        if depth > _MOST_DEPTH:
            self.fail("its folders are nested too deeply")
        for entry in self.entries(folder):
            name = entry.name.decode("utf-8", "surrogateescape")
            if name in {"", ".", ".."} or "/" in name:
                self.fail(f"a name in its folder /{path} cannot be")
            member = Member(f"{path}/{name}" if path else name, self.inode(entry.place))
            yield member
            if stat.S_ISDIR(_TYPE.get(member.inode.kind, 0)):
                yield from self._members(member.path, member.inode, depth + 1)

    def span(self, inode: Inode) -> tuple[int, int] | None:
        """(start, length) of a file whose contents are stored raw and in one piece, positions in the squashfs; else ``None``."""
        if inode.fragment != NO_FRAGMENT or not inode.blocks:
            return None
        stored = sum(block & ~RAW_BLOCK for block in inode.blocks)
        return (inode.start, inode.size) if stored == inode.size and all(block & RAW_BLOCK for block in inode.blocks) else None

    def content(self, inode: Inode, most: int | None = None) -> bytes:
        """The contents of a file, or its first ``most`` bytes rounded up to a block.

        Raises:
            ImageDamaged: they cannot be read.
            MachineUnable: they are compressed and this machine has no libzstd.
        """
        size = inode.size if most is None else min(most, inode.size)
        parts, at, have = [], inode.start, 0
        for block in inode.blocks:
            if have >= size:
                break
            parts.append(self._block(at, block, min(self.superblock.block_size, inode.size - have)))
            at += block & ~RAW_BLOCK
            have += len(parts[-1])
        if have < size and inode.fragment != NO_FRAGMENT:
            rest = inode.size - have
            parts.append(self._fragment(inode.fragment)[inode.fragment_offset : inode.fragment_offset + rest])
            have += len(parts[-1])
        if have < size:
            self.fail("the contents of a file are shorter than they should be")
        return b"".join(parts)

    def _block(self, at: int, stored: int, expected: int) -> bytes:
        if stored == 0:
            return bytes(expected)
        data = self.read(at, stored & ~RAW_BLOCK)
        return data if stored & RAW_BLOCK else self._expanded(data)

    def _fragment(self, index: int) -> bytes:
        known = self._fragments.get(index)
        if known is None:
            table = self._fragment_table
            if (index + 1) * _FRAGMENT.size > len(table):
                self.fail("a file of its squashfs ends in a fragment that does not exist")
            start, stored, _ = _FRAGMENT.unpack_from(table, index * _FRAGMENT.size)
            # Files of one folder share a fragment; more than the last few would only fill the memory.
            self._fragments = dict(list(self._fragments.items())[-8:])
            known = self._fragments[index] = self._block(start, stored, 0)
        return known

    @cached_property
    def _fragment_table(self) -> bytes:
        parts = []
        for place in self.fragment_blocks():
            block = self.metadata_block(place)
            raw = int.from_bytes(block[:2], "little") & RAW_META
            parts.append(block[2:] if raw else self._expanded(block[2:]))
        return b"".join(parts)

    def _expanded(self, data: bytes) -> bytes:
        if self.superblock.compression != ZSTD:
            self.fail("its squashfs is not compressed with zstd")
        expanded = _zstd().expand(data, self.superblock.block_size)
        if expanded is None:
            self.fail("a compressed block of its squashfs is broken")
        return expanded


_TYPE = {DIRECTORY: stat.S_IFDIR, LONG_DIRECTORY: stat.S_IFDIR}


class _Zstd:
    """The one function of libzstd that reading needs. The API used is stable since version 1.0."""

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL("libzstd.so.1")
        except OSError as problem:
            raise MachineUnable(
                "reading the files inside an image needs the system library libzstd.so.1, which is not installed",
                hint="apt-get install libzstd1",
            ) from problem
        self._decompress = library.ZSTD_decompress
        self._decompress.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
        self._decompress.restype = ctypes.c_size_t
        self._is_error = library.ZSTD_isError
        self._is_error.argtypes = (ctypes.c_size_t,)
        self._is_error.restype = ctypes.c_uint

    def expand(self, data: bytes, most: int) -> bytes | None:
        """``data`` decompressed, ``None`` when it is broken or longer than ``most``."""
        buffer = ctypes.create_string_buffer(most)
        size = self._decompress(buffer, most, data, len(data))
        return None if self._is_error(size) else buffer.raw[:size]


_LIBRARY: list[_Zstd] = []


def _zstd() -> _Zstd:
    if not _LIBRARY:
        _LIBRARY.append(_Zstd())
    return _LIBRARY[0]
