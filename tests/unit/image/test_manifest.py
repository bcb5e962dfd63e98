"""The end of an image: read as it was written, and nothing that anybody may have put there is believed blindly."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.image import manifest as manifests
from the_edge_agent.image.damage import ImageDamaged
from the_edge_agent.image.manifest import Manifest, Part

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = Manifest(
    name="agent",
    version="1.0",
    architecture="x86_64",
    features=("python",),
    payload="0" * 64,
    superblock="00" * 96,
    workflow=None,
    parts=(Part("head", "head", 0, 10, "1" * 64), Part("model", "usr/share/models/ä b.gguf", 4096, 5, "2" * 64)),
)


def read(path: Path, content: bytes) -> tuple[Manifest, int]:
    path.write_bytes(content)
    with path.open("rb") as file:
        return manifests.read(path, file)


def signed(values: dict[str, Any]) -> bytes:
    """A manifest of any contents with a right footer."""
    text = json.dumps(values).encode()
    start = manifests.MAGIC + struct.pack("<Q8x", len(text))
    return text + start + hashlib.sha256(text + start).digest()


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read(tmp_path / "x", b"x" * 100 + EXAMPLE.encoded()) == (EXAMPLE, 100)
    assert EXAMPLE.models == EXAMPLE.parts[1:]
    assert EXAMPLE.part("head").end == 10


def test_it_is_the_same_text_every_time() -> None:
    assert EXAMPLE.encoded() == replace(EXAMPLE).encoded()


def test_every_flipped_bit_of_it_is_found(tmp_path: Path) -> None:
    whole = EXAMPLE.encoded()
    for at in range(len(whole)):
        data = bytearray(whole)
        data[at] ^= 1
        with pytest.raises(ImageDamaged):
            read(tmp_path / "x", bytes(data))


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"features": [1]},
        {"superblock": "00"},
        {"superblock": "zz" * 96},
        {"name": None},
        {"more": 1},
        {"parts": [{}]},
        {"parts": 5},
        *(
            {"parts": [{**asdict(EXAMPLE.parts[1]), **part}]}
            for part in ({"offset": -1}, {"size": "5"}, {"name": "a/../b"}, {"name": "/a"}, {"role": "x"}, {"name": "a\nb"})
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ImageDamaged):
        read(tmp_path / "x", signed({"format": 1, **asdict(EXAMPLE), **change}))


def test_a_length_that_cannot_be_is_refused(tmp_path: Path) -> None:
    for length in (10**6, 2**63):
        start = manifests.MAGIC + struct.pack("<Q8x", length)
        with pytest.raises(ImageDamaged, match="length"):
            read(tmp_path / "x", b"{}" + start + bytes(32))
