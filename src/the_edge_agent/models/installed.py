"""The folder that ``tea models pull`` and ``add`` put models into, and what is known of each file there.

A record outlives its file: what was trusted at the first use has to be what comes the next time.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from the_edge_agent import directories
from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.models.catalogue import known

if TYPE_CHECKING:
    from collections.abc import Iterator

Trust = Literal["catalogue", "first use", "added"]


@dataclass(frozen=True, slots=True)
class Record:
    """What a file was when it came.

    Attributes:
        sha256: of its bytes, in lower-case hexadecimal.
        size: in bytes.
        source: where it came from, ``OWNER/NAME@COMMIT/FILE`` or a path.
        trust: who said that these are the right bytes: the catalogue, nobody at the first use, or the user who added the file.
    """

    sha256: str
    size: int
    source: str
    trust: Trust


def folder() -> Path:
    """Where the files are; it may not be there yet."""
    return directories.data() / "models"


def record(file_name: str) -> Record | None:
    """What is recorded of the file, ``None`` where nothing is.

    Raises:
        ModelUnavailable: the record is damaged; whether the file is the right one can then not be told.
    """
    place = _place(file_name)
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
        return Record(str(found["sha256"]), int(found["size"]), str(found["source"]), found["trust"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelUnavailable(f"the record {place} cannot be read", hint="remove it, and verify the model another way") from None


def keep(file_name: str, what: Record) -> None:
    """Record ``what`` of the file, in place of what was recorded before; raises :class:`OSError`."""
    place = _place(file_name)
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=".")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(what), file, indent=2, ensure_ascii=False)
            file.write("\n")
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink()
        raise


def forget(file_name: str) -> bool:
    """Drop what is recorded of the file; ``False`` where there was nothing. Raises :class:`OSError`."""
    try:
        _place(file_name).unlink()
    except FileNotFoundError:
        return False
    return True


def recorded() -> Iterator[str]:
    """The names of the files that something is recorded of, sorted."""
    try:
        yield from sorted(path.name.removesuffix(".json") for path in _place("").parent.iterdir() if path.name.endswith(".gguf.json"))
    except OSError:
        return


def expected(file_name: str) -> tuple[str | None, int | None]:
    """The SHA-256 and the size that a file of this name has to have, as far as the catalogue or a record knows them."""
    entry, before = known(file_name), record(file_name)
    digest = entry.sha256 if entry and entry.sha256 else before.sha256 if before else None
    size = entry.size if entry and entry.size else before.size if before and digest == before.sha256 else None
    return digest, size


def _place(file_name: str) -> Path:
    return folder().parent / "records" / f"{file_name}.json"
