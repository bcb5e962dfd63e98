"""The engine of an image that exists: what another image is built on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from the_edge_agent.errors import UsageError
from the_edge_agent.image import head as heads
from the_edge_agent.image import manifest as manifests

if TYPE_CHECKING:
    from pathlib import Path

    from the_edge_agent.image.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Engine:
    """``head`` and ``superblock`` are as they were built; ``size`` is the length of the engine's squashfs in bytes.

    ``application`` is what the folder that it is unpacked into is called after.
    """

    path: Path
    manifest: Manifest
    head: bytes
    superblock: bytes
    size: int
    application: str

    @property
    def start(self) -> int:
        """Where its squashfs begins in the file."""
        return len(self.head)


def open_engine(path: Path) -> Engine:
    """The engine in the image ``path``; its squashfs is not looked into yet.

    Raises:
        UsageError: the file cannot be read.
        ImageDamaged: it is no image of this project, or not intact.
    """
    with reading(path) as file:
        manifest, _ = manifests.read(path, file)
        head, superblock, engine = manifest.part("head"), manifest.part("superblock"), manifest.part("engine")
        file.seek(0)
        start = file.read(head.size)
        bare = heads.empty(start)
        heads.check(bare)
    return Engine(path, manifest, bare, bytes.fromhex(manifest.superblock), superblock.size + engine.size, heads.read(start).application)


def reading(path: Path) -> BinaryIO:
    """The file ``path``, opened; raises :class:`UsageError` when it cannot be."""
    try:
        return path.open("rb")
    except OSError as problem:
        raise UsageError(
            f"cannot read {path}: {(problem.strerror or str(problem)).lower()}", hint="name an AppImage built by tea"
        ) from problem
