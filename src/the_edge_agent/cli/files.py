"""Files the command line writes: whole or not at all, and an error names the option that asked for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from the_edge_agent import writing
from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def write(option: str, path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` as :func:`~the_edge_agent.writing.write`; ``option`` is what the user typed to have the file.

    Raises:
        UsageError: the file cannot be written; what was there before is still there.
    """
    try:
        writing.write(path, content)
    except OSError as error:
        raise UsageError(f"{option}: cannot write {path}: {error.strerror or error}") from None


def folder(option: str, path: Path) -> None:
    """Make the folder ``path`` if it is not there; raises :class:`UsageError` when that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{option}: cannot make the folder {path}: {error.strerror or error}") from None
