"""Files that are too large for a release: cut into parts, and joined again.

GitHub takes files smaller than 2 GiB. Both ways take no more room than one part when what was read may be consumed, go on where they were
interrupted, and put nothing under a final name that was not checked.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO

from release.publish.artifact import ArtifactDamaged, Part, digest, save
from the_edge_agent.errors import MachineUnable, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from release.publish.artifact import Artifact
    from the_edge_agent.errors import TeaError

LIMIT = 2 * 1024**3
"""A file of this many bytes is too large, a smaller one is not."""
LARGEST = 2_000_000_000
"""Bytes of a part at most; leaves a margin below :data:`LIMIT`."""
_STEP = 4 * 1024 * 1024
_MOST = 99


@dataclass(frozen=True, slots=True)
class Span:
    """Where a part lies in the whole file, in bytes."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """The byte behind it."""
        return self.start + self.size


def spans(size: int, largest: int) -> tuple[Span, ...]:
    """The fewest parts of at most ``largest`` bytes, all about as long: who joins them needs room for one besides the whole.

    Raises:
        UsageError: there would be too many.
    """
    count = -(-size // largest)
    if count > _MOST:
        raise UsageError(f"{size:,} bytes make {count} parts of {largest:,}", hint=f"at most {_MOST} are named: take larger ones")
    starts = [size * number // count for number in range(count + 1)]
    return tuple(Span(start, end - start) for start, end in pairwise(starts))


def part_name(name: str, number: int, count: int) -> str:
    """Parts in the order of their names are parts in the order of their bytes: ``NAME.part-01-of-03``."""
    return f"{name}.part-{number:02}-of-{count:02}"


def split(artifact: Artifact, folder: Path, *, limit: int = LIMIT, largest: int = LARGEST, consume: bool = False) -> Artifact:
    """Cut the file into parts beside it if it has ``limit`` bytes or more; returns, and writes down, what it is then.

    With ``consume`` the file is gone afterwards. It is cut from its end, so that the first part is what remains of it. Interrupted or out of
    room, it goes on with the next call.

    Raises:
        UsageError: ``largest`` is not below ``limit``, or the file cannot be read.
        MachineUnable: the parts cannot be written, for want of room for example.
        ArtifactDamaged: the file is not what ``artifact`` says.
    """
    if not 0 < largest < limit:
        raise UsageError(f"parts of {largest:,} bytes are not smaller than the limit of {limit:,}")
    if artifact.size < limit:
        return artifact
    whole = folder / artifact.name
    pieces = spans(artifact.size, largest)
    try:
        if [part.size for part in artifact.parts] != [piece.size for piece in pieces]:
            artifact = replace(artifact, parts=_plan(artifact, whole, pieces))
            save(artifact, folder)
        for part, piece in reversed(tuple(zip(artifact.parts, pieces, strict=True))):
            _cut(whole, folder / part.name, part, piece, consume=consume)
    except OSError as problem:
        raise _unable(problem, f"cut {whole}") from problem
    return artifact


def _plan(artifact: Artifact, whole: Path, pieces: tuple[Span, ...]) -> tuple[Part, ...]:
    """The digests of the parts, before any is written: afterwards each is known to be right, however often this is interrupted."""
    names = [part_name(artifact.name, number, len(pieces)) for number in range(1, len(pieces) + 1)]
    every, found = hashlib.sha256(), []
    with whole.open("rb") as file:
        for name, piece in zip(names, pieces, strict=True):
            one = hashlib.sha256()
            for chunk in _chunks(file, piece.size):
                one.update(chunk)
                every.update(chunk)
            found.append(Part(name, piece.size, one.hexdigest()))
        if file.read(1) or every.hexdigest() != artifact.sha256:
            raise ArtifactDamaged(f"{whole} is not the file that was described", hint="describe it again, if it is the right one")
    return tuple(found)


def _cut(whole: Path, target: Path, part: Part, piece: Span, *, consume: bool) -> None:
    """Make one part; with ``consume`` its bytes leave the whole only when they are safe in the part."""
    if not _is(target, part):
        if consume and piece.start == 0:
            if not whole.is_file() or whole.stat().st_size != piece.size or digest(whole) != part.sha256:
                raise ArtifactDamaged(f"{whole} is not what remains of the file that was described")
            whole.replace(target)
            return
        beside = target.with_name(f".{target.name}.new")
        try:
            with whole.open("rb") as source, beside.open("wb") as made:
                source.seek(piece.start)
                if _copy(source, made, piece.size) != part.sha256:
                    raise ArtifactDamaged(f"{whole} changed while it was cut")
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    if not consume or not whole.is_file():
        return
    if piece.start == 0:
        whole.unlink()
    elif whole.stat().st_size > piece.start:
        os.truncate(whole, piece.start)


def join(artifact: Artifact, folder: Path, *, consume: bool = False) -> Path:
    """Make the file of its parts; returns it. With ``consume`` each part is gone as soon as it is in.

    Raises:
        UsageError: the file was published in one piece, or a part is missing.
        MachineUnable: it cannot be written, for want of room for example.
        ArtifactDamaged: a part is not what it was, or the whole is not.
    """
    target = folder / artifact.name
    if not artifact.parts:
        raise UsageError(f"{artifact.name} has no parts")
    if target.is_file() and digest(target) == artifact.sha256:
        return target
    beside = folder / f".{artifact.name}.joining"
    try:
        beside.touch()
        end = 0
        with beside.open("r+b") as made:
            have = os.fstat(made.fileno()).st_size
            for part in artifact.parts:
                end += part.size
                if have < end:
                    _append(folder / part.name, made, part, end - part.size)
                if consume:
                    (folder / part.name).unlink(missing_ok=True)
            made.truncate(end)
        if digest(beside) != artifact.sha256:
            beside.unlink()
            raise ArtifactDamaged(f"the parts of {artifact.name} do not make it", hint="get them again")
        beside.replace(target)
    except OSError as problem:
        raise _unable(problem, f"join {target}") from problem
    return target


def _append(source: Path, made: BinaryIO, part: Part, start: int) -> None:
    if not source.is_file():
        raise UsageError(f"there is no {source}", hint="get the part, then try again")
    made.truncate(start)
    made.seek(start)
    with source.open("rb") as file:
        right = os.fstat(file.fileno()).st_size == part.size and _copy(file, made, part.size) == part.sha256
    if not right:
        made.truncate(start)
        raise ArtifactDamaged(f"{source} is not the part that was published", hint="get it again")


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> str:
    """The SHA-256 of what was copied; it is on the disk afterwards."""
    found = hashlib.sha256()
    for chunk in _chunks(source, size):
        found.update(chunk)
        target.write(chunk)
    target.flush()
    os.fsync(target.fileno())
    return found.hexdigest()


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (chunk := file.read(min(_STEP, size))):
        size -= len(chunk)
        yield chunk


def _is(path: Path, part: Part) -> bool:
    return path.is_file() and path.stat().st_size == part.size and digest(path) == part.sha256


def _unable(problem: OSError, what: str) -> TeaError:
    reason = (problem.strerror or str(problem)).lower()
    if isinstance(problem, FileNotFoundError):
        return UsageError(f"cannot {what}: {reason}")
    return MachineUnable(f"cannot {what}: {reason}", hint="make room, then call it again: it goes on where it stopped")
