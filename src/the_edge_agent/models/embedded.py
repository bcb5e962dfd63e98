"""Models that lie inside the image this program runs from: there is no file of that name, or one that must not be read.

The image's runtime says where the bytes of each are (docs/appimage-runtime.md): reading them from the image keeps them in memory
once, where a mount would keep them twice, and where the engine was extracted to a folder they are nowhere else.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = "APPDIR"
"""Names the folder that the image's files are seen in."""
_IMAGE, _FILES = "TEA_IMAGE", "TEA_IMAGE_FILES"


@dataclass(frozen=True, slots=True)
class Region:
    """``length`` bytes of ``file`` from ``offset``."""

    file: Path
    offset: int
    length: int


def told(name: str) -> str | None:
    """What the image's runtime said under the name of one of its variables, ``None`` outside of an image.

    An image's start takes them out of the environment and keeps them in ``sitecustomize``; a child process of the engine may get them there.
    """
    inside: Mapping[str, str] = getattr(sys.modules.get("sitecustomize"), "inside", {})
    return inside.get(name) or os.environ.get(name) or None


def root() -> Path | None:
    """The folder that the image's files are seen in (``$APPDIR``), ``None`` outside of an image."""
    folder = told(ROOT)
    return Path(folder) if folder else None


def image() -> Path | None:
    """The image this program runs from, ``None`` when it is none."""
    file = told(_IMAGE)
    return Path(file) if file else None


def whole(path: Path) -> Region:
    """A file on its own as a region; raises :class:`OSError` when there is none."""
    return Region(path, 0, path.stat().st_size)


def region(path: Path) -> Region | None:
    """Where the bytes of the model at ``path`` are, when it lies inside the image; ``None`` for any other path."""
    return _regions(told(_IMAGE), told(_FILES), told(ROOT)).get(os.path.normpath(path))


def exists(path: Path) -> bool:
    """Whether there is a file at ``path``, on disk or inside the image."""
    return region(path) is not None or path.is_file()


def names(folder: Path) -> tuple[str, ...]:
    """The names of the models inside the image that are seen in ``folder``."""
    wanted = os.path.normpath(folder)
    found = (os.path.split(path) for path in _regions(told(_IMAGE), told(_FILES), told(ROOT)))
    return tuple(name for parent, name in found if parent == wanted)


@cache
def _regions(file: str | None, lines: str | None, folder: str | None) -> Mapping[str, Region]:
    if not (file and lines and folder):
        return {}
    found = {}
    for line in lines.splitlines():
        offset, length, path = line.split(" ", 2)
        found[os.path.normpath(os.path.join(folder, path))] = Region(Path(file), int(offset), int(length))  # noqa: PTH118 - normpath is text too
    return found
