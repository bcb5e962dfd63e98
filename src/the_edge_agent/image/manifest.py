"""The last part of an image: what it is, and every other part with its place, size and digest.

The file ends with the manifest, JSON, and a footer of 64 bytes: :data:`MAGIC`, the manifest's length, and the SHA-256 of both, so that
a flipped byte of it is found too. Parts follow each other; between them are zeros only.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, get_args

from the_edge_agent.image.damage import ImageDamaged
from the_edge_agent.image.squashfs import SUPERBLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAGIC = b"tea-manifest-1\n\0"
FORMAT = 1
_FOOTER = struct.Struct("<16sQ8x32s")
_MOST = 16 * 1024 * 1024

Role = Literal["head", "superblock", "engine", "model", "file", "tables"]


@dataclass(frozen=True, slots=True)
class Part:
    """A run of bytes of the image. ``name`` is a file's path inside for models and files, else what the part is."""

    role: Role
    name: str
    offset: int
    size: int
    sha256: str

    @property
    def end(self) -> int:
        """The byte behind it."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an image says about itself.

    Attributes:
        name: the artifact's name without version and architecture, such as ``tea-python-llm`` or ``my-agent``.
        version: of the engine.
        architecture: ``x86_64`` or ``aarch64``.
        features: what the engine can do, as ``tea --impl --features`` says it.
        payload: digest of everything but models.
        superblock: the first bytes of the engine's squashfs as it was built, hexadecimal.
        workflow: path of the bundled workflow inside, ``None`` for an engine.
        parts: in file order.
    """

    name: str
    version: str
    architecture: str
    features: tuple[str, ...]
    payload: str
    superblock: str
    workflow: str | None
    parts: tuple[Part, ...]

    def part(self, role: Role) -> Part:
        """The one part of that role; raises :class:`ImageDamaged` when there is none."""
        for part in self.parts:
            if part.role == role:
                return part
        raise ImageDamaged(f"the image's manifest names no {role}")

    @property
    def models(self) -> tuple[Part, ...]:
        """The models inside."""
        return tuple(part for part in self.parts if part.role == "model")

    def summary(self, path: Path) -> list[str]:
        """What the image at ``path`` is, in lines for people."""
        kind = f"{self.architecture}, tea {self.version} ({', '.join(self.features)})"
        models = [f"  {part.name}: {part.size:,} bytes at {part.offset:,}" for part in self.models]
        return [f"{path}: {path.stat().st_size:,} bytes, {kind}", *models, *([f"  starts {self.workflow}"] if self.workflow else [])]

    def encoded(self) -> bytes:
        """Manifest and footer, the end of an image."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"
        start = MAGIC + struct.pack("<Q8x", len(text))
        return text + start + hashlib.sha256(text + start).digest()


def payload_digest(parts: Sequence[Part], *roles: Role) -> str:
    """A digest of what is extracted where nothing can be mounted, engine and files or only what plays one of ``roles``; models are not."""
    extracted = [f"{part.name} {part.size} {part.sha256}" for part in parts if part.role in (roles or ("engine", "file"))]
    return hashlib.sha256("\n".join(extracted).encode()).hexdigest()


def read(path: Path, file: BinaryIO) -> tuple[Manifest, int]:
    """The manifest at the end of the open file ``path``, and where it begins.

    Raises:
        ImageDamaged: there is none, or it is not intact.
    """
    size = os.fstat(file.fileno()).st_size
    if size < _FOOTER.size:
        raise _no_image(path)
    file.seek(size - _FOOTER.size)
    footer = file.read(_FOOTER.size)
    magic, length, digest = _FOOTER.unpack(footer)
    if magic != MAGIC:
        raise _no_image(path)
    start = size - _FOOTER.size - length
    if length > _MOST or start < 0:
        raise ImageDamaged(f"{path} is not intact: the length of its manifest is damaged")
    file.seek(start)
    text = file.read(length)
    if hashlib.sha256(text + footer[:-32]).digest() != digest:
        raise ImageDamaged(f"{path} is not intact: its manifest is damaged")
    return _decoded(path, text), start


def _decoded(path: Path, text: bytes) -> Manifest:
    try:
        values: dict[str, Any] = json.loads(text)
        known = values.pop("format") == FORMAT
        parts = tuple(_checked(Part(**part)) for part in values.pop("parts"))
        found = _sound(Manifest(**{**values, "features": tuple(map(_text, values["features"])), "parts": parts}))
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise ImageDamaged(f"{path} is not intact: its manifest cannot be read") from problem
    if not known:
        raise ImageDamaged(f"{path} was built by a version of tea that this one does not know", hint="use the newer tea to look at it")
    return found


def _sound(manifest: Manifest) -> Manifest:
    """``manifest``, if it can be meant; it may come from anybody. Raises :class:`ValueError` or :class:`TypeError`."""
    for value in (manifest.name, manifest.version, manifest.architecture, manifest.payload, manifest.workflow or ""):
        _text(value)
    if len(bytes.fromhex(manifest.superblock)) != SUPERBLOCK.size:
        raise ValueError(manifest.superblock)
    return manifest


def _checked(part: Part) -> Part:
    """``part``, if it can be meant, as :func:`_sound`."""
    steps = _text(part.name).split("/")
    if part.role not in get_args(Role) or {"", ".", ".."} & set(steps) or "\n" in part.name:
        raise ValueError(part.name)
    if not (isinstance(part.offset, int) and isinstance(part.size, int) and part.offset >= 0 and part.size >= 0):
        raise TypeError(part.name)
    _text(part.sha256)
    return part


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _no_image(path: Path) -> ImageDamaged:
    return ImageDamaged(f"{path} is no image built by tea, or its end is missing: it does not end with a manifest")
