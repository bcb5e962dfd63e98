"""``SHA256SUMS``: the digest of every file of a release, whole files and parts, as ``sha256sum -c`` reads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from release.publish.artifact import ArtifactDamaged, check_digest, check_name, digest, write
from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from release.publish.artifact import Artifact

NAME = "SHA256SUMS"
_LINE = re.compile(r"(\S+) [ *](\S+)")


def collect(artifacts: Iterable[Artifact], others: Iterable[Path] = ()) -> dict[str, str]:
    """Name → SHA-256 of whole files, of their parts, and of ``others``, which are read for it.

    Raises:
        ArtifactDamaged: two files have one name.
    """
    pairs: list[tuple[str, str]] = []
    for one in artifacts:
        pairs += [(one.name, one.sha256), *((part.name, part.sha256) for part in one.parts)]
    pairs += [(path.name, digest(path)) for path in others]
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ArtifactDamaged("two files of the release have one name")
    return found


def text(sums: Mapping[str, str]) -> str:
    """One line a file, in the order of their names' bytes.

    Raises:
        ValueError: a name or digest that would not be read back.
    """
    return "".join(f"{check_digest(sums[name])}  {check_name(name)}\n" for name in sorted(sums, key=str.encode))


def write_sums(folder: Path, sums: Mapping[str, str]) -> Path:
    """Write ``SHA256SUMS`` into ``folder`` and read it back; returns the file."""
    path = folder / NAME
    write(path, text(sums))
    if read(path) != dict(sums):
        raise ArtifactDamaged(f"{path} is not what was written")
    return path


def read(path: Path) -> dict[str, str]:
    """Name → SHA-256.

    Raises:
        UsageError: the file cannot be read.
        ArtifactDamaged: a line is none of a sum, its name leads elsewhere, or a name comes twice.
    """
    try:
        return parse(path.read_bytes().decode("ascii"))
    except OSError as problem:
        raise UsageError(f"cannot read {path}: {(problem.strerror or str(problem)).lower()}") from problem
    except ValueError as problem:
        raise ArtifactDamaged(f"{path} is no list of sums: {problem}") from problem


def parse(content: str) -> dict[str, str]:
    """Name → SHA-256; raises :class:`ValueError`."""
    if not content.endswith("\n"):
        raise ValueError("its end is missing")
    found: dict[str, str] = {}
    for number, line in enumerate(content[:-1].split("\n"), 1):
        match = _LINE.fullmatch(line)
        if not match or check_name(match[2]) in found:
            raise ValueError(f"line {number} is no sum, or its name was there before")
        found[match[2]] = check_digest(match[1])
    return found
