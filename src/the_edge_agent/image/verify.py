"""Reads an image back: every byte against the manifest, and what the bytes are against what an image has to be.

Nothing of the image is run, nothing is written, no connection is opened.
"""

from __future__ import annotations

import configparser
import hashlib
import posixpath
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.etree import ElementTree as ET

from the_edge_agent.errors import TeaError, UsageError
from the_edge_agent.image import elf
from the_edge_agent.image import head as heads
from the_edge_agent.image import manifest as manifests
from the_edge_agent.image.damage import ImageDamaged
from the_edge_agent.image.engine import reading
from the_edge_agent.image.layout import METAINFO, PAGE, STARTERS
from the_edge_agent.image.manifest import payload_digest
from the_edge_agent.image.squashfs import FILE, LINK, LONG_FILE, LONG_LINK, Inode, Squashfs
from the_edge_agent.image.writer import PIECE, untold
from the_edge_agent.models import header
from the_edge_agent.models.embedded import Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from the_edge_agent.image.manifest import Manifest, Part
    from the_edge_agent.image.writer import Progress

_DESKTOP_KEYS = ("Type", "Name", "Exec", "Icon", "Categories")
_METAINFO_TAGS = ("id", "name", "summary", "metadata_license", "project_license")


@dataclass(slots=True)
class Verdict:
    """What was found in the image ``path`` of ``size`` bytes: everything that is wrong, one sentence each; nothing when it is intact.

    ``elves`` is the number of programs and libraries inside, each of which was looked at.
    """

    path: Path
    size: int
    manifest: Manifest
    problems: list[str] = field(default_factory=list)
    elves: int = 0

    @contextmanager
    def gathering(self, what: str) -> Iterator[None]:
        """Keep what is raised within as a problem; what follows it there is left out."""
        try:
            yield
        except TeaError as problem:
            if not isinstance(problem, ImageDamaged) and problem.code != "MODEL_UNAVAILABLE":
                raise
            self.problems.append(f"{what}: {problem.message}")

    def damaged(self) -> ImageDamaged | None:
        """What to raise, ``None`` for an intact image."""
        if not self.problems:
            return None
        return ImageDamaged(f"{self.path} is not intact:\n  " + "\n  ".join(self.problems))


def verify(path: Path, *, bytes_too: bool = True, progress: Progress = untold) -> Verdict:
    """Check the image ``path``; ``bytes_too=False`` leaves the digests out, for an image whose bytes have just been read back.

    ``progress`` is told how many bytes of how many are read.

    Raises:
        UsageError: the file cannot be read.
        ImageDamaged: it has no manifest to check it by.
        MachineUnable: libzstd, which looking into the files needs, is not installed.
    """
    try:
        with reading(path) as file:
            return _verified(path, file, progress, bytes_too=bytes_too)
    except OSError as problem:
        raise UsageError(f"cannot read {path}: {(problem.strerror or str(problem)).lower()}") from problem


def _verified(path: Path, file: BinaryIO, progress: Progress, *, bytes_too: bool) -> Verdict:
    manifest, end = manifests.read(path, file)
    file.seek(0, 2)
    verdict = Verdict(path, file.tell(), manifest)
    _check_layout(verdict, file, end)
    if bytes_too:
        for part in manifest.parts:
            _check_digest(verdict, file, part, progress)
    with verdict.gathering("its head"):
        _check_head(verdict, file)
    with verdict.gathering("its squashfs"):
        _check_squashfs(verdict, file, end)
    return verdict


def _check_layout(verdict: Verdict, file: BinaryIO, end: int) -> None:
    """Parts follow each other from the first byte on, with nothing but zeros between them."""
    at = 0
    for part in verdict.manifest.parts:
        if part.offset < at:
            verdict.problems.append(f"the part {part.name} begins before the one in front of it ends")
        else:
            _check_zeros(verdict, file, at, part.offset)
        at = part.end
    _check_zeros(verdict, file, at, end)


def _check_zeros(verdict: Verdict, file: BinaryIO, start: int, end: int) -> None:
    if end < start or end - start > PAGE:
        verdict.problems.append(f"bytes {start} to {end} belong to no part")
        return
    file.seek(start)
    if any(file.read(end - start)):
        verdict.problems.append(f"between bytes {start} and {end} there should be zeros only")


def _check_digest(verdict: Verdict, file: BinaryIO, part: Part, progress: Progress) -> None:
    digest, left = hashlib.sha256(), part.size
    file.seek(part.offset)
    while left:
        data = file.read(min(left, PIECE))
        if not data:
            break
        digest.update(data)
        left -= len(data)
        progress(part.end - left, verdict.size)
    if left:
        verdict.problems.append(f"{part.name} is truncated: {left} of its {part.size} bytes are missing")
    elif digest.hexdigest() != part.sha256:
        verdict.problems.append(f"{part.name} (bytes {part.offset} to {part.end}) is damaged: its SHA-256 is {digest.hexdigest()}")


def _check_head(verdict: Verdict, file: BinaryIO) -> None:
    manifest = verdict.manifest
    file.seek(0)
    head = file.read(manifest.part("head").size)
    architecture = heads.check(head)
    if architecture != manifest.architecture:
        verdict.problems.append(f"its head is made for {architecture}, the manifest says {manifest.architecture}")
    table = heads.read(head)
    agent = table.agent.payload if table.agent else payload_digest((), "file")
    payloads = [manifest.payload, table.payload, agent]
    if payloads != [payload_digest(manifest.parts), payload_digest(manifest.parts, "engine"), payload_digest(manifest.parts, "file")]:
        verdict.problems.append("the digest of its payload is not that of the files it holds")
    if table.length != verdict.size:
        verdict.problems.append(f"it has {verdict.size} bytes, its head says {table.length}")
    if table.files != tuple(heads.InPlace(part.offset, part.size, part.name) for part in manifest.models):
        verdict.problems.append("the models in its head's table are not those of its manifest")


def _check_squashfs(verdict: Verdict, file: BinaryIO, end: int) -> None:
    manifest = verdict.manifest
    start = manifest.part("head").end
    squashfs = Squashfs(file, start, end)
    for part in manifest.parts:
        if part.role in {"model", "file"}:
            _check_added(verdict, squashfs, start, part)
    if manifest.workflow is not None and squashfs.find(manifest.workflow) is None:
        verdict.problems.append(f"the workflow {manifest.workflow} is not inside")
    for name in STARTERS:
        inode = squashfs.find(name)
        if inode is None or not inode.executable:
            verdict.problems.append(f"there is no program {name} inside")
    for member in squashfs.members():
        with verdict.gathering(member.path):
            _check_member(verdict, squashfs, member.path, member.inode)
    _check_desktop(verdict, squashfs)


def _check_added(verdict: Verdict, squashfs: Squashfs, start: int, part: Part) -> None:
    """A model lies raw and in one piece where table and manifest say, at a page boundary, and is a whole GGUF."""
    inode = squashfs.find(part.name)
    if inode is None:
        verdict.problems.append(f"{part.name} is not inside")
        return
    if part.size and squashfs.span(inode) != (part.offset - start, part.size):
        verdict.problems.append(f"{part.name} does not lie in one piece where the manifest says")
    if part.role == "model":
        if part.offset % PAGE:
            verdict.problems.append(f"{part.name} does not begin at a page boundary")
        with verdict.gathering(part.name):
            header.read_region(Path(part.name), Region(verdict.path, part.offset, part.size))


def _check_member(verdict: Verdict, squashfs: Squashfs, path: str, inode: Inode) -> None:
    if inode.kind in {LINK, LONG_LINK}:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), inode.target.decode("utf-8", "surrogateescape")))
        if target.startswith(("/", "..")):
            verdict.problems.append(f"the link {path} leads out of the image")
    elif inode.kind in {FILE, LONG_FILE} and inode.size >= elf.HEADER:
        machine = elf.machine(squashfs.content(inode, elf.HEADER)[: elf.HEADER])
        if machine is not None:
            verdict.elves += 1
        if machine not in {None, verdict.manifest.architecture}:
            verdict.problems.append(f"{path} is made for another processor than {verdict.manifest.architecture}")
    # A metadata file anywhere else would be seen by nobody.
    if path.startswith(f"{METAINFO}/") and path.endswith(".xml"):
        _check_metainfo(verdict, path, squashfs.content(inode))


def _check_desktop(verdict: Verdict, squashfs: Squashfs) -> None:
    names = [entry.name.decode() for entry in squashfs.entries(squashfs.root) if entry.name.endswith(b".desktop")]
    if len(names) != 1:
        verdict.problems.append(f"there should be one desktop file inside, there are {len(names)}")
        return
    inode = squashfs.find(names[0])
    if inode is None:
        return
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    # Keys of desktop files know capitals.
    parser.optionxform = lambda optionstr: optionstr  # type: ignore[method-assign]
    try:
        parser.read_string(squashfs.content(inode).decode())
        entry = parser["Desktop Entry"]
    except (configparser.Error, UnicodeDecodeError, KeyError):
        verdict.problems.append(f"{names[0]} is no desktop file")
        return
    missing = [key for key in _DESKTOP_KEYS if not entry.get(key)]
    if missing:
        verdict.problems.append(f"{names[0]} lacks {', '.join(missing)}")
    icons = [f"{entry.get('Icon', '')}.{kind}" for kind in ("png", "svg")]
    if not any(squashfs.find(icon) for icon in icons):
        verdict.problems.append(f"{names[0]} names an icon that is not inside")


def _check_metainfo(verdict: Verdict, path: str, content: bytes) -> None:
    try:
        root = ET.fromstring(content)  # noqa: S314 - the system's expat bounds the expansion of entities
    except ET.ParseError as problem:
        verdict.problems.append(f"{path} is no XML: {problem}")
        return
    missing = [tag for tag in _METAINFO_TAGS if not (root.findtext(tag) or "").strip()]
    if root.tag != "component" or missing:
        verdict.problems.append(f"{path} is no AppStream metadata: it lacks {', '.join(missing) or 'a component'}")
