"""One file of a release: its name, size and SHA-256, and where its bytes are to be had.

A description stands beside the file, in ``NAME.artifact.json``. It stays there when the file itself is gone, cut into parts or uploaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from the_edge_agent.errors import TeaError, UsageError
from the_edge_agent.image import manifest as manifests
from the_edge_agent.image.damage import ImageDamaged
from the_edge_agent.image.elf import MACHINES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SUFFIX = ".artifact.json"
IMAGE = ".AppImage"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.-]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_URL = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.:-]*(/[A-Za-z0-9._~%+-]+)+")


class ArtifactDamaged(TeaError):
    """A file of a release is not what it was when it was described, or is not where it should be."""

    code = "ARTIFACT_DAMAGED"
    exit_code = 8


@dataclass(frozen=True, slots=True)
class Part:
    """A run of bytes of a file, as a file of its own."""

    name: str
    size: int
    sha256: str

    def __post_init__(self) -> None:
        check_name(self.name)
        _check_bytes(self.name, self.size, self.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file of a release.

    Attributes:
        variant: which image it is, ``None`` for anything else.
        architecture: ``x86_64`` or ``aarch64``, ``None`` where the file is for both.
        parts: the whole in this order; empty where the file is published in one piece.
        urls: where else the whole file lies.

    Raises:
        ValueError: one of these cannot be meant.
    """

    name: str
    size: int
    sha256: str
    variant: str | None = None
    architecture: str | None = None
    parts: tuple[Part, ...] = ()
    urls: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.name)
        _check_bytes(self.name, self.size, self.sha256)
        if self.variant is not None and not _WORD.fullmatch(self.variant):
            raise ValueError(f"{self.variant!r} is no name of a variant")
        if self.architecture is not None and self.architecture not in MACHINES:
            raise ValueError(f"there is no architecture {self.architecture!r}")
        if self.parts and sum(part.size for part in self.parts) != self.size:
            raise ValueError(f"the parts of {self.name} are not as long as the file")
        for url in self.urls:
            check_url(url)


def check_name(name: str) -> str:
    """``name``, if every shell, file system and web server takes it as it is; raises :class:`ValueError`."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a file of a release: letters, digits, '.', '_' and '-', a letter or digit first")
    return name


def check_version(version: str) -> str:
    """``version``, if it can be part of an address and of a name; raises :class:`ValueError`."""
    if not _VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is no version: a digit first, then letters, digits, '.' and '-'")
    return version


def check_url(url: str) -> str:
    """``url``, if it needs no quoting anywhere; raises :class:`ValueError`."""
    if not isinstance(url, str) or not _URL.fullmatch(url) or "/../" in url:
        raise ValueError(f"{url!r} is no address for a file of a release")
    return url


def check_digest(digest: str) -> str:
    """``digest``, if it is a SHA-256 in lower case; raises :class:`ValueError`."""
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is no SHA-256")
    return digest


def _check_bytes(name: str, size: int, sha256: str) -> None:
    check_digest(sha256)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"{size!r} is no size of {name}")


def digest(path: Path) -> str:
    """The SHA-256 of the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(path: Path) -> Artifact:
    """The file as it is now; every byte of it is read. What an earlier description says of parts and addresses is kept if it is the same file.

    Raises:
        UsageError: the file cannot be read, or its name is none for a release.
        ImageDamaged: it is called an image and is none.
        ArtifactDamaged: it is another image than its name says.
    """
    try:
        variant, architecture = _kind(path)
        found = Artifact(name=path.name, size=path.stat().st_size, sha256=digest(path), variant=variant, architecture=architecture)
    except OSError as problem:
        raise UsageError(f"cannot read {path}: {(problem.strerror or str(problem)).lower()}") from problem
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    place = description_of(path)
    before = load(place) if place.is_file() else found
    same = (before.size, before.sha256) == (found.size, found.sha256)
    return replace(found, parts=before.parts, urls=before.urls) if same else found


def _kind(path: Path) -> tuple[str | None, str | None]:
    """Variant and architecture of an image."""
    if path.suffix != IMAGE:
        return None, None
    with path.open("rb") as file:
        manifest, _ = manifests.read(path, file)
    if path.name != f"{manifest.name}-{manifest.version}-{manifest.architecture}{IMAGE}":
        raise ArtifactDamaged(
            f"{path.name} is {manifest.name} {manifest.version} for {manifest.architecture} inside",
            hint=f"a release calls it {manifest.name}-{manifest.version}-{manifest.architecture}{IMAGE}",
        )
    if manifest.workflow is not None:
        raise ImageDamaged(f"{path.name} is somebody's agent, no image of a release")
    return manifest.name, manifest.architecture


def description_of(path: Path) -> Path:
    """Where the description of the file ``path`` stands."""
    return path.with_name(path.name + SUFFIX)


def save(artifact: Artifact, folder: Path) -> Path:
    """Write the description into ``folder``; returns the file, which is there whole or not at all."""
    path = folder / f"{artifact.name}{SUFFIX}"
    write(path, json.dumps(asdict(artifact), indent=1) + "\n")
    return path


def load(path: Path) -> Artifact:
    """Read a description.

    Raises:
        UsageError: it cannot be read.
        ArtifactDamaged: it is none.
    """
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        parts = tuple(Part(**part) for part in values.pop("parts"))
        found = Artifact(**{**values, "parts": parts, "urls": tuple(values["urls"])})
    except OSError as problem:
        raise UsageError(f"cannot read {path}: {(problem.strerror or str(problem)).lower()}") from problem
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise ArtifactDamaged(
            f"{path} is no description of a file: {problem}", hint="make it anew: python -m release.publish describe"
        ) from problem
    if path.name != f"{found.name}{SUFFIX}":
        raise ArtifactDamaged(f"{path} describes {found.name}", hint="give it its own name back")
    return found


def load_all(folder: Path) -> tuple[Artifact, ...]:
    """Every file that is described in ``folder``, by name.

    Raises:
        UsageError: there is none.
        ArtifactDamaged: as :func:`load`, or two of them publish a file of the same name.
    """
    found = tuple(load(path) for path in sorted(folder.glob(f"*{SUFFIX}")))
    if not found:
        raise UsageError(f"no file is described in {folder}", hint="first: python -m release.publish describe FILE")
    names = [name for artifact in found for name in (artifact.name, *(part.name for part in artifact.parts))]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ArtifactDamaged(f"two files of the release are called {twice[0]}")
    return found


def published(artifacts: Iterable[Artifact]) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of each file that is uploaded to the release itself: parts in the place of a file that has some.

    A file that is elsewhere only is none of them.
    """
    found = {}
    for one in artifacts:
        if one.parts:
            found.update({part.name: (part.size, part.sha256) for part in one.parts})
        elif not one.urls:
            found[one.name] = (one.size, one.sha256)
    return found


def write(path: Path, text: str) -> None:
    """Write the file as UTF-8 with Unix line ends; a reader sees the old one or the new one, whatever happens meanwhile.

    Raises:
        UsageError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as problem:
        beside.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {(problem.strerror or str(problem)).lower()}") from problem
