"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_LONGEST_NAME = 100


def write(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``: a reader sees the old file or the new one, never half of it.

    A file that is there keeps its permissions, and a link keeps pointing where it points. A device or a pipe is written to, not
    replaced. Raises :class:`OSError`; what was there before is still there then.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    beside = target.with_name(f".{target.name[:_LONGEST_NAME]}.{uuid4().hex}.part")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(content)
        with contextlib.suppress(FileNotFoundError):
            beside.chmod(target.stat().st_mode & 0o7777)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def destroyed(target: Path, inputs: Iterable[Path]) -> Path | None:
    """The first of ``inputs`` that is lost when ``target`` is written: the same file, by whatever name or link; ``None`` when none is."""
    for path in inputs:
        with contextlib.suppress(OSError):
            if path.samefile(target):
                return path
    return None
