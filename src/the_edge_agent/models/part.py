"""A file on its way to its name: ``.NAME.part`` beside it, locked, and only ever renamed when it is whole.

Whoever writes holds a lock on the part; a second process waits and then finds the file. The lock ends with its process, however
that ends, and the part stays for the next one.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from the_edge_agent.errors import MachineUnable, UsageError
from the_edge_agent.models import embedded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = 1024 * 1024


class Watch(Protocol):
    """Sees how it goes."""

    def at(self, have: int, size: int | None) -> None:
        """``have`` bytes of ``size`` are there and hashed."""
        ...

    def say(self, text: str) -> None:
        """Something the user should know."""
        ...


class Part:
    """An open, locked part; ``descriptor`` reads and writes it, ``path`` is where it lies, ``target`` what it is to become."""

    def __init__(self, target: Path, path: Path, descriptor: int) -> None:
        self.target = target
        self.path = path
        self.descriptor = descriptor

    def finish(self) -> None:
        """Give it its name; afterwards bytes and name are on the disk."""
        os.fsync(self.descriptor)
        self.path.replace(self.target)
        folder = os.open(self.target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def path_of(target: Path) -> Path:
    """Where the part of ``target`` lies."""
    return target.with_name(f".{target.name}.part")


@contextmanager
def part(target: Path, watch: Watch) -> Iterator[Part]:
    """The part of ``target``, made where there is none; its folder too. One that is empty in the end is removed.

    Raises:
        MachineUnable: within, the disk is full.
        UsageError: the folder cannot be written to.
    """
    path = path_of(target)
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _locked(path, watch)
        try:
            yield Part(target, path, descriptor)
        finally:
            if _is(descriptor, path) and os.fstat(descriptor).st_size == 0:
                path.unlink()
            os.close(descriptor)


def _locked(path: Path, watch: Watch) -> int:
    told = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                watch.say(f"another process writes {path.name[1 : -len('.part')]}; waiting for it")
            told = True
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            # Some network disks have no locks. Two writers then spoil the part, which its digest tells.
            if error.errno not in {errno.ENOLCK, errno.EOPNOTSUPP}:
                raise
        if _is(descriptor, path):
            return descriptor
        # The other one has finished, and its part has become the file.
        os.close(descriptor)


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """What the disk refuses, as an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise MachineUnable(
                f"{target} cannot be written: {(error.strerror or '').lower()}",
                hint="what has come so far stays; make room, and the same command goes on",
            ) from error
        raise UsageError(f"cannot write to {target.parent}: {error.strerror or error}") from error


def digest(path: Path, watch: Watch | None = None) -> str:
    """The SHA-256 of a file, in hexadecimal, or of a model inside the image this program runs from; raises :class:`OSError`."""
    region = embedded.region(path) or embedded.whole(path)
    total, have, sha256 = region.length, 0, hashlib.sha256()
    with region.file.open("rb", buffering=0) as file:
        file.seek(region.offset)
        while have < total and (block := file.read(min(BLOCK, total - have))):
            sha256.update(block)
            have += len(block)
            if watch is not None:
                watch.at(have, total)
    return sha256.hexdigest()
