"""What an image says about its start: written, read again, and refused when it cannot be meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.actions.interface import StateKey
from the_edge_agent.bundle.start import Start, read
from the_edge_agent.image.damage import ImageDamaged

if TYPE_CHECKING:
    from pathlib import Path

START = Start(
    name="a",
    description="",
    version="1.2",
    workflow="app/a.yaml",
    overlays=("b.yaml",),
    actions_files=("c.py",),
    gguf="m.gguf",
    inputs=(StateKey("question", "text", "what to ask", "Why?"),),
    outputs=(StateKey("answer"),),
)


def image(root: Path, content: bytes) -> Path:
    folder = root / "usr/share/workflow"
    folder.mkdir(parents=True)
    (folder / "bundle.json").write_bytes(content)
    return root


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read(image(tmp_path, START.encoded())) == START


def test_an_image_without_a_workflow_starts_none(tmp_path: Path) -> None:
    assert read(tmp_path) is None


def test_the_files_are_where_the_image_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "usr/share/workflow"
    assert START.sources(tmp_path, tmp_path / "engine") == {
        "file": folder / "app/a.yaml",
        "overlays": (folder / "b.yaml",),
        "actions_files": (folder / "c.py",),
        "gguf": tmp_path / "engine/usr/share/models/m.gguf",
    }


@pytest.mark.parametrize(
    "change", [{"workflow": None}, {"workflow": 1}, {"overlays": 1}, {"overlays": [1]}, {"gguf": 1}, {"more": 1}, {"inputs": [{"no": 1}]}]
)
def test_what_cannot_be_meant_is_damage(change: dict[str, Any], tmp_path: Path) -> None:
    content = json.dumps({**json.loads(START.encoded()), **change}).encode()
    with pytest.raises(ImageDamaged, match="does not say which workflow"):
        read(image(tmp_path, content))


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": 2}', b"\xff"])
def test_what_is_no_start_is_damage(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ImageDamaged, match="does not say which workflow"):
        read(image(tmp_path, content))


def test_another_format_is_refused(tmp_path: Path) -> None:
    content = json.dumps({**json.loads(START.encoded()), "format": 1}).encode()
    with pytest.raises(ImageDamaged, match="in the format 1, and the tea in it reads the format 2"):
        read(image(tmp_path, content))
