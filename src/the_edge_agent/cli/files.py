"""Files the command line writes: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def write(option: str, path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``; a reader sees the old file or the new one, never half of it.

    A device or pipe is written to directly. ``option`` is what the user typed to have the file.

    Raises:
        UsageError: the file cannot be written; what was there before is still there.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        _replace(path, content)
    except OSError as error:
        raise UsageError(f"{option}: cannot write {path}: {error.strerror or error}") from None


def folder(option: str, path: Path) -> None:
    """Make the folder ``path`` if it is not there; raises :class:`UsageError` when that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{option}: cannot make the folder {path}: {error.strerror or error}") from None


def _replace(path: Path, content: bytes) -> None:
    # A link keeps pointing where it points; only what it points to changes.
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, _mode(target))  # noqa: PTH101 - the name is mkstemp's text
        os.replace(name, target)  # noqa: PTH105 - the name is mkstemp's text
    except BaseException:
        os.unlink(name)  # noqa: PTH108 - the name is mkstemp's text
        raise


def _mode(path: Path) -> int:
    """The permissions the file has, or those a new one gets (mkstemp gives the user alone access)."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
