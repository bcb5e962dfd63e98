"""What an image says about its start, and the command that comes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.bundle.start import Start, words_for
from the_edge_agent.image.damage import ImageDamaged

if TYPE_CHECKING:
    from pathlib import Path

START = Start(name="a", description="", workflow="app/a.yaml", overlays=("b.yaml",), actions_files=("c.py",), gguf="m.gguf")


def image(root: Path, content: bytes) -> str:
    folder = root / "usr/share/workflow"
    folder.mkdir(parents=True)
    (folder / "bundle.json").write_bytes(content)
    return str(root)


def test_an_image_turns_its_words_into_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "usr/share/workflow"
    assert words_for(image(tmp_path, START.encoded()), ["--input", "{}"]) == [
        *("run", f"{folder}/app/a.yaml", "--overlay", f"{folder}/b.yaml", "--actions-file", f"{folder}/c.py"),
        *("--gguf", f"{tmp_path}/usr/share/models/m.gguf", "--input", "{}"),
    ]


@pytest.mark.parametrize("change", [{"workflow": None}, {"workflow": 1}, {"overlays": 1}, {"gguf": 1}, {"more": 1}])
def test_what_cannot_be_meant_is_damage(change: dict[str, Any], tmp_path: Path) -> None:
    content = json.dumps({**json.loads(START.encoded()), **change}).encode()
    with pytest.raises(ImageDamaged, match="does not say which workflow"):
        words_for(image(tmp_path, content), [])


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": 1}', b"\xff"])
def test_what_is_no_start_is_damage(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ImageDamaged, match="does not say which workflow"):
        words_for(image(tmp_path, content), [])


def test_another_format_is_refused(tmp_path: Path) -> None:
    content = json.dumps({**json.loads(START.encoded()), "format": 2}).encode()
    with pytest.raises(ImageDamaged, match="in the format 2, and the tea in it reads the format 1"):
        words_for(image(tmp_path, content), [])
