"""Images as they are written: complete or not there, the same bytes for the same parts, models where they can be mapped."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.errors import UsageError
from the_edge_agent.image.damage import ImageDamaged
from the_edge_agent.image.engine import open_engine
from the_edge_agent.image.verify import verify
from the_edge_agent.image.writer import Model, SmallFile, write_bundle
from the_edge_agent.models.embedded import Region, whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from the_edge_agent.image.engine import Engine
    from the_edge_agent.image.manifest import Manifest

WORKFLOW = SmallFile("usr/share/workflow/a.yaml", b"name: a\n")


def bundle(engine: Engine, target: Path, tiny: Path, *names: str) -> Manifest:
    models = [Model(name, whole(tiny)) for name in names]
    return write_bundle(target, engine, name="agent", models=models, files=[WORKFLOW], workflow=WORKFLOW.path)


def test_models_are_page_aligned_and_equal_to_their_files(engine: Engine, tiny: Path, tmp_path: Path) -> None:
    manifest = bundle(engine, tmp_path / "x", tiny, "one.gguf", "two words.gguf")
    data = (tmp_path / "x").read_bytes()
    assert [part.name for part in manifest.models] == ["usr/share/models/one.gguf", "usr/share/models/two words.gguf"]
    for part in manifest.models:
        assert part.offset % 65536 == 0
        assert data[part.offset : part.end] == tiny.read_bytes()
        assert part.sha256 == hashlib.sha256(tiny.read_bytes()).hexdigest()
    assert verify(tmp_path / "x").problems == []


def test_an_image_can_be_executed_by_everybody(engine: Engine, tiny: Path, tmp_path: Path) -> None:
    bundle(engine, tmp_path / "x", tiny)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o755


def test_the_same_parts_give_the_same_bytes_whichever_image_the_engine_comes_from(engine: Engine, tiny: Path, tmp_path: Path) -> None:
    bundle(engine, tmp_path / "first", tiny, "one.gguf")
    bundle(engine, tmp_path / "other", tiny, "two.gguf", "three.gguf")
    bundle(open_engine(tmp_path / "other"), tmp_path / "second", tiny, "one.gguf")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_model_can_come_from_the_middle_of_another_image(engine: Engine, tiny: Path, tmp_path: Path) -> None:
    part = bundle(engine, tmp_path / "first", tiny, "one.gguf").models[0]
    model = Model("one.gguf", Region(tmp_path / "first", part.offset, part.size))
    write_bundle(tmp_path / "second", engine, name="agent", models=[model], files=[WORKFLOW], workflow=WORKFLOW.path)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.fixture
def sharing(tmp_path: Path) -> Iterator[Path]:
    """A folder on XFS, whose files can share blocks."""
    maker, disk, folder = shutil.which("mkfs.xfs"), tmp_path / "disk", tmp_path / "xfs"
    if not maker or os.getuid():
        pytest.skip("takes root and xfsprogs")
    folder.mkdir()
    with disk.open("wb") as file:
        file.truncate(400 * 2**20)
    subprocess.run([maker, "-q", str(disk)], check=True)
    if subprocess.run(["/bin/mount", "-o", "loop", str(disk), str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["/bin/umount", str(folder)], check=True)


def test_where_files_share_blocks_a_model_takes_no_room(engine: Engine, sharing: Path) -> None:
    model = sharing / "model.gguf"
    content = os.urandom(2**20) * 40 + b"and a rest"
    model.write_bytes(content)
    os.sync()
    before = os.statvfs(sharing).f_bfree * os.statvfs(sharing).f_frsize
    manifest = write_bundle(sharing / "x", engine, name="agent", models=[Model("one.gguf", whole(model))])
    os.sync()
    taken = before - os.statvfs(sharing).f_bfree * os.statvfs(sharing).f_frsize
    part = manifest.models[0]
    assert (sharing / "x").read_bytes()[part.offset : part.end] == content
    assert part.sha256 == hashlib.sha256(content).hexdigest()
    assert taken < (sharing / "x").stat().st_size - 39 * 2**20


def test_the_payload_changes_with_the_workflow_and_not_with_the_model(engine: Engine, tiny: Path, tmp_path: Path) -> None:
    without = bundle(engine, tmp_path / "a", tiny)
    with_model = bundle(engine, tmp_path / "b", tiny, "one.gguf")
    other = write_bundle(tmp_path / "c", engine, name="agent", files=[SmallFile(WORKFLOW.path, b"name: b\n")])
    assert without.payload == with_model.payload != other.payload


def test_building_over_a_file_replaces_it_at_once(engine: Engine, tiny: Path, tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_text("before", encoding="utf-8")
    bundle(engine, target, tiny)
    assert verify(target).problems == []
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def fails(engine: Engine, target: Path, tiny: Path, match: str) -> None:
    with pytest.raises((UsageError, ImageDamaged), match=match):
        bundle(engine, target, tiny, "one.gguf")
    assert not target.exists()
    assert not list(target.parent.glob(".*")) if target.parent.is_dir() else True


def test_a_full_disk_leaves_nothing(engine: Engine, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    fails(engine, tmp_path / "x", tiny, "the disk is full")


def test_a_disk_that_is_too_small_is_told_before_anything_is_copied(
    engine: Engine, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = os.statvfs(tmp_path)
    small = os.statvfs_result((*status[:3], 1, 1, *status[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _path: small)
    fails(engine, tmp_path / "x", tiny, r"needs [\d,]+ bytes")


def test_a_folder_that_does_not_exist_is_a_clear_error(engine: Engine, tiny: Path, tmp_path: Path) -> None:
    fails(engine, tmp_path / "no" / "x", tiny, "no such file or directory")


def test_a_model_that_shrinks_meanwhile_leaves_nothing(engine: Engine, tiny: Path, tmp_path: Path) -> None:
    size = tiny.stat().st_size
    with pytest.raises(UsageError, match="shorter"):
        write_bundle(tmp_path / "x", engine, name="a", models=[Model("m.gguf", Region(tiny, 0, size + 1))])
    assert not list(tmp_path.iterdir())


def test_a_damaged_engine_is_not_built_on(engine: Engine, tiny: Path, tmp_path: Path) -> None:
    part = engine.manifest.part("engine")
    data = bytearray(engine.path.read_bytes())
    data[part.offset + 1000] ^= 1
    broken = tmp_path / "broken"
    broken.write_bytes(data)
    with pytest.raises(ImageDamaged, match="its engine is damaged"):
        bundle(open_engine(broken), tmp_path / "x", tiny)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\nexit 0\n", b"\x7fELF" + bytes(5000)])
def test_what_is_no_image_is_no_engine(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ImageDamaged, match="no image built by tea"):
        open_engine(tmp_path / "x")


def test_an_engine_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        open_engine(tmp_path / "x")
