"""Writes an image: an engine alone, or an engine with models and a workflow behind it.

What an engine image holds is copied as it is, head, squashfs and all, so that nothing is compressed again and the same engine
gives the same bytes whichever image it comes from. A model is written at a page boundary and read back while it is
written. The file appears under its name when it is complete, and not before.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from the_edge_agent.errors import ModelUnavailable, UsageError
from the_edge_agent.image import head as heads
from the_edge_agent.image.damage import ImageDamaged
from the_edge_agent.image.engine import reading
from the_edge_agent.image.growth import NewFile, grown
from the_edge_agent.image.layout import MODELS, PAGE
from the_edge_agent.image.manifest import Manifest, Part, payload_digest
from the_edge_agent.image.squashfs import SUPERBLOCK, Squashfs
from the_edge_agent.models import embedded, header

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from the_edge_agent.image.engine import Engine
    from the_edge_agent.models.embedded import Region

PIECE = 1024 * 1024
"""Small enough for what is copied to stay in the processor's cache until it is compared and digested."""
_MODE = 0o755

Progress = Callable[[int, int], object]
"""Called with the bytes done and the bytes in all."""


def untold(_done: int, _total: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model to put in, under ``name`` in the folder of models."""

    name: str
    region: Region

    @property
    def path(self) -> str:
        """Its path inside."""
        return f"{MODELS}/{self.name}"


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A file to put in at ``path``, a workflow's."""

    path: str
    content: bytes


def open_model(path: Path) -> Model:
    """The model in the file ``path``, or inside the image this program runs from, checked to be an intact GGUF.

    Raises:
        ModelUnavailable: it is not.
    """
    header.read(path)
    if any(ord(letter) < ord(" ") for letter in path.name):
        raise ModelUnavailable(f"the name of the model {path} has control characters in it", hint="rename the file")
    return Model(path.name, embedded.region(path) or embedded.whole(path))


def write_engine(target: Path, *, head: bytes, squashfs: Path, name: str, version: str, features: Sequence[str]) -> Manifest:
    """Write an engine image of the runtime's ``head`` and the file ``squashfs``; returns what it says about itself.

    Raises:
        UsageError: ``target`` cannot be written; nothing is left under its name.
        ImageDamaged: head or squashfs are not of the form the runtime reads.
    """
    architecture = heads.check(head)
    start = len(head)
    with _new(target) as file, squashfs.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        Squashfs(source, 0, size)
        superblock = bytearray(SUPERBLOCK.size)
        _fill(superblock, source, 0)
        engine = _copy(source, SUPERBLOCK.size, file, start + SUPERBLOCK.size, size - SUPERBLOCK.size)
        parts = [
            Part("superblock", "superblock", start, SUPERBLOCK.size, _sha256(superblock)),
            Part("engine", "engine", start + SUPERBLOCK.size, size - SUPERBLOCK.size, engine),
        ]
        _put(file, start, superblock)
        about = Manifest(
            name=name,
            version=version,
            architecture=architecture,
            features=tuple(features),
            payload=payload_digest(parts),
            superblock=superblock.hex(),
            workflow=None,
            parts=tuple(parts),
        )
        return _finish(file, head, heads.Table(payload_digest(parts, "engine"), heads.application(name), ()), about)


def write_bundle(
    target: Path,
    engine: Engine,
    *,
    name: str,
    models: Sequence[Model] = (),
    files: Sequence[SmallFile] = (),
    without: Sequence[str] = (),
    workflow: str | None = None,
    progress: Progress = untold,
) -> Manifest:
    """Write an image of ``engine`` with ``models`` and ``files``; returns what it says about itself.

    Each model begins at a page boundary of the file, is stored raw in one piece and has been compared with its source. The
    order given is the order in the file. Files of the engine at the paths ``without`` are not seen any more. ``workflow`` is the path
    inside of what runs when the image is started. ``progress`` is told how many bytes of how many are written.

    Raises:
        UsageError: ``target`` cannot be written, or the disk is full; nothing is left under its name.
        ImageDamaged: the engine is not intact.
    """
    with reading(engine.path) as source, _new(target) as file:
        start, total = engine.start, engine.start + engine.size + sum(model.region.length for model in models)
        _room(target, total)

        def behind(place: int) -> Callable[[int], object]:
            return lambda done: progress(place + done, total)

        rest = start + SUPERBLOCK.size
        known = engine.manifest.part("engine")
        digest = _copy(source, known.offset, file, rest, known.size, behind(rest))
        if digest != known.sha256:
            raise ImageDamaged(f"{engine.path} is not intact: its engine is damaged")
        _put(file, start, engine.superblock)
        at = rest + known.size
        parts = [Part("engine", "engine", rest, known.size, digest)]
        for model in models:
            at = _up(at)
            with reading(model.region.file) as origin:
                digest = _copy(origin, model.region.offset, file, at, model.region.length, behind(at))
            parts.append(Part("model", model.path, at, model.region.length, digest))
            at = parts[-1].end
        for small in files:
            _put(file, at, small.content)
            parts.append(Part("file", small.path, at, len(small.content), _sha256(small.content)))
            at = parts[-1].end
        changes: dict[str, NewFile | None] = dict.fromkeys(without)
        changes |= {part.name: NewFile(part.offset - start, part.size) for part in parts[1:]}
        base = Squashfs(file, start, start + engine.size)
        superblock, tables = grown(base, changes, at - start)
        _put(file, start, superblock.pack())
        _put(file, at, tables)
        parts.append(Part("tables", "tables", at, len(tables), _sha256(tables)))
        parts.insert(0, Part("superblock", "superblock", start, SUPERBLOCK.size, _sha256(superblock.pack())))
        in_place = tuple(heads.InPlace(part.offset, part.size, part.name) for part in parts if part.role == "model")
        added = heads.Agent(base.superblock.inodes, payload_digest(parts, "file"), heads.application(name)) if files else None
        table = heads.Table(payload_digest(parts, "engine"), engine.application, in_place, agent=added)
        about = replace(engine.manifest, name=name, payload=payload_digest(parts), workflow=workflow, parts=tuple(parts))
        return _finish(file, engine.head, table, about)


def _finish(file: BinaryIO, head: bytes, table: heads.Table, about: Manifest) -> Manifest:
    """Write ``head`` with ``table`` in it, and behind the parts that ``about`` names the manifest, which is returned with the head as a part too."""
    place = _up(about.parts[-1].end)

    def manifest(filled: bytes) -> Manifest:
        return replace(about, parts=(Part("head", "head", 0, len(head), _sha256(filled)), *about.parts))

    # Every digest is equally long, so the manifest's length is known before the head is.
    filled = heads.filled(head, replace(table, length=place + len(manifest(head).encoded())))
    _put(file, 0, filled)
    _put(file, place, manifest(filled).encoded())
    return manifest(filled)


@contextmanager
def _new(target: Path) -> Iterator[BinaryIO]:
    """A file to write and read that gets the name ``target`` at the end, and is removed when anything goes wrong before.

    What a process that was killed left behind of an earlier ``target`` is removed first.
    """
    place = target.absolute()
    name = ""
    try:
        _remove_leftovers(place)
        handle, name = _locked(place)
        with os.fdopen(handle, "w+b") as file:
            yield file
            os.fchmod(file.fileno(), _MODE)
            os.replace(name, place)  # noqa: PTH105 - the name is mkstemp's text
    except OSError as problem:
        raise _unwritable(target, problem) from problem
    finally:
        if name and os.path.exists(name):  # noqa: PTH110 - the name is mkstemp's text
            os.unlink(name)  # noqa: PTH108 - the name is mkstemp's text


def _beside(place: Path) -> tuple[str, str]:
    """What the name of a half-written ``place`` starts and ends with."""
    return f".{place.name[:100]}.", ".part"


def _locked(place: Path) -> tuple[int, str]:
    """A new file beside ``place``, locked as long as it is open: one that nobody locks was left by a process that has ended."""
    while True:
        start, end = _beside(place)
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=start, suffix=end)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_nlink:
            return handle, name
        os.close(handle)


def _remove_leftovers(place: Path) -> None:
    """Remove what earlier processes left of ``place``, but nothing that one still writes."""
    start, end = _beside(place)
    left = re.compile(rf"{re.escape(start)}[a-z0-9_]{{8}}{re.escape(end)}")
    for path in [path for path in place.parent.iterdir() if left.fullmatch(path.name)]:
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _unwritable(target: Path, problem: OSError) -> UsageError:
    if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        return UsageError(
            f"there is no room for {target}: the disk is full", hint="free some, or name another place with -o; nothing was left behind"
        )
    if problem.errno == errno.EFBIG:
        return UsageError(
            f"cannot write {target}: the file system, or `ulimit -f`, does not allow files so large",
            hint="name a place on another file system with -o; nothing was left behind",
        )
    return UsageError(f"cannot write {target}: {(problem.strerror or str(problem)).lower()}", hint="name another place with -o")


def _room(target: Path, size: int) -> None:
    """Say before copying gigabytes that they will not fit."""
    status = os.statvfs(target.absolute().parent)
    free = status.f_bavail * status.f_frsize
    if free < size:
        raise UsageError(
            f"there is no room for {target}: it needs {size:,} bytes, the disk has {free:,}",
            hint="free some, or name another place with -o",
        )


def _copy(source: BinaryIO, offset: int, target: BinaryIO, at: int, length: int, progress: Callable[[int], object] = lambda _: None) -> str:
    """Copy ``length`` bytes, compare what was written with what was read, and return its SHA-256; ``progress`` is told how far it is.

    One thread copies and compares a piece while another one digests what was written before it.
    """
    from concurrent.futures import ThreadPoolExecutor

    os.posix_fadvise(source.fileno(), offset, length, os.POSIX_FADV_SEQUENTIAL)
    digest = hashlib.sha256()
    buffers, original = (bytearray(PIECE), bytearray(PIECE)), bytearray(PIECE)
    with ThreadPoolExecutor(1) as digesting:
        digested = [digesting.submit(digest.update, b"")] * len(buffers)
        for start in range(0, length, PIECE):
            turn = start // PIECE % len(buffers)
            digested[turn].result()
            buffer = buffers[turn]
            del buffer[length - start :], original[length - start :]
            _transfer(source, offset + start, target, at + start, len(buffer))
            _fill(buffer, target, at + start)
            _fill(original, source, offset + start)
            if buffer != original:
                raise OSError(errno.EIO, "what was written is not what was read")
            digested[turn] = digesting.submit(digest.update, buffer)
            progress(start + len(buffer))
    return digest.hexdigest()


def _transfer(source: BinaryIO, offset: int, target: BinaryIO, at: int, count: int) -> None:
    """Let the kernel copy where it can: the bytes do not pass through this process, and XFS and Btrfs share the blocks instead."""
    done = 0
    while done < count:
        try:
            moved = os.copy_file_range(source.fileno(), target.fileno(), count - done, offset + done, at + done)
        except OSError as problem:
            if problem.errno not in {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF}:
                raise
            rest = bytearray(count - done)
            _fill(rest, source, offset + done)
            _put(target, at + done, rest)
            return
        if moved == 0:
            raise OSError(errno.EIO, "the file became shorter while it was read")
        done += moved


def _fill(buffer: bytearray, file: BinaryIO, offset: int) -> None:
    """Read as much as ``buffer`` holds."""
    view = memoryview(buffer)
    while view:
        got = os.preadv(file.fileno(), [view], offset)
        if not got:
            raise OSError(errno.EIO, "the file is shorter than it should be")
        view, offset = view[got:], offset + got


def _put(file: BinaryIO, offset: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(file.fileno(), view, offset)
        view, offset = view[done:], offset + done


def _sha256(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


def _up(at: int) -> int:
    return -(-at // PAGE) * PAGE
