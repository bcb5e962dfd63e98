"""Files the command line writes: whole or not at all, and an error names the option that asked for them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from the_edge_agent import writing
from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_GGUF = b"GGUF"


def write(option: str, path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` as :func:`~the_edge_agent.writing.write`; ``option`` is what the user typed to have the file.

    Raises:
        UsageError: the file cannot be written; what was there before is still there.
    """
    try:
        writing.write(path, content)
    except OSError as error:
        raise UsageError(f"{option}: cannot write {path}: {error.strerror or error}") from None


def keep(option: str, path: Path | None, inputs: Iterable[Path]) -> None:
    """Raise :class:`UsageError` when a file written to ``path`` would take the place of one of ``inputs``, or of any model."""
    if path is None:
        return
    lost = writing.destroyed(path, inputs)
    if lost is None and path.is_file():
        with contextlib.suppress(OSError), path.open("rb") as file:
            lost = path if file.read(len(_GGUF)) == _GGUF else None
    if lost is not None:
        what = (
            f"{path} is a model"
            if lost is path
            else f"{path} is {lost}, which the run reads"
            if str(lost) != str(path)
            else f"the run reads {path}"
        )
        raise UsageError(f"{option}: {what}: it would be lost", hint=f"name another file: {option} state.json")


def folder(option: str, path: Path) -> None:
    """Make the folder ``path`` if it is not there; raises :class:`UsageError` when that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{option}: cannot make the folder {path}: {error.strerror or error}") from None
