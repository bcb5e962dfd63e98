"""A file that the user has, copied in or on a disk, among the installed models."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from the_edge_agent.errors import ModelUnavailable, UsageError
from the_edge_agent.models import SUFFIX, header, installed, is_model
from the_edge_agent.models.catalogue import known
from the_edge_agent.models.installed import Record
from the_edge_agent.models.part import BLOCK, Part, digest, part

if TYPE_CHECKING:
    from pathlib import Path

    from the_edge_agent.models.installed import Trust
    from the_edge_agent.models.part import Watch


def add(file: Path, name: str | None, watch: Watch, *, link: bool = False) -> Path:
    """Install the model ``file`` as ``name`` (its own without one) and record its SHA-256; returns where it is.

    The file stays where it is. Its bytes are copied, or shared where the file system can, or with ``link`` left and linked to.

    Raises:
        ModelUnavailable: it is no intact GGUF file, or not the one that is known or installed under the name.
        UsageError: the name is none for a model, or nothing can be written there.
        MachineUnable: the disk is full.
    """
    file = file.expanduser()
    header.read(file)
    target = installed.folder() / _file_name(name or file.name)
    found = digest(file, watch)
    _agree(target.name, found)
    with part(target, watch) as mine:
        if not target.exists():
            if link:
                _link(mine, file)
            else:
                _copy(mine, file, found, watch)
        elif digest(target) != found:
            raise ModelUnavailable(
                f"{target} is there already, with other bytes", hint=f"remove it first, or name the new one: --name NAME{SUFFIX}"
            )
        entry = known(target.name)
        trust: Trust = "catalogue" if entry is not None and entry.sha256 == found else "added"
        installed.keep(target.name, Record(found, file.stat().st_size, str(file.absolute()), trust))
    return target


def _file_name(name: str) -> str:
    file_name = name if name.lower().endswith(SUFFIX) else name + SUFFIX
    if "/" in name or name.startswith(".") or not name.isprintable() or not is_model(file_name):
        raise UsageError(
            f"{name!r} is no name for a model",
            hint="it must be a plain name without a folder; pieces of split models and projectors are no models",
        )
    return file_name


def _agree(file_name: str, found: str) -> None:
    """The name does not belong to other bytes."""
    entry, (right, _) = known(file_name), installed.expected(file_name)
    if right is None or right == found:
        return
    if entry is not None and entry.sha256:
        why, what = "is the name of a model of the catalogue, whose bytes are others", f"give it another name: --name NAME{SUFFIX}"
    else:
        why, what = "was another file before", f"if it has to change: tea models rm --forget {file_name}"
    raise ModelUnavailable(f"{file_name} {why} (SHA-256 {right}, not {found})", hint=what)


def _link(mine: Part, file: Path) -> None:
    mine.path.unlink()
    mine.target.symlink_to(file.absolute())


def _copy(mine: Part, file: Path, right: str, watch: Watch) -> None:
    os.ftruncate(mine.descriptor, 0)
    with file.open("rb") as source:
        while _moved(source.fileno(), mine.descriptor):
            pass
    if digest(mine.path, watch) != right:
        os.ftruncate(mine.descriptor, 0)
        raise ModelUnavailable(f"{file} changed while it was copied", hint="add it again")
    mine.finish()


def _moved(source: int, target: int) -> int:
    """Some bytes from one file to the other, whose blocks the file system shares where it can; 0 at the end."""
    try:
        return os.copy_file_range(source, target, 1 << 30)
    except OSError:
        block = os.read(source, BLOCK)
        written = 0
        while written < len(block):
            written += os.write(target, block[written:])
        return len(block)
