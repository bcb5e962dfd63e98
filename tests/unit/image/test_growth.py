"""Files added to a squashfs: what was there stays, what is new is where it should be, and other readers agree."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from release.build.engine import pack
from the_edge_agent.image.damage import ImageDamaged
from the_edge_agent.image.growth import NewFile, grown
from the_edge_agent.image.squashfs import FILE, LINK, LONG_FILE, SUPERBLOCK, Squashfs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("mksquashfs") is None, reason="mksquashfs is not installed: apt-get install squashfs-tools")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of every kind: none, small, a block, many blocks, zeros, hundreds in one folder, links."""
    root = tmp_path_factory.mktemp("tree")
    (root / "usr/share/models").mkdir(parents=True)
    (root / "usr/many").mkdir()
    for number in range(700):
        (root / f"usr/many/file-{number:04}").write_text(f"{number}\n" * (number % 50), encoding="utf-8")
    (root / "empty").touch()
    (root / "block").write_bytes(os.urandom(131072))
    (root / "large").write_bytes(os.urandom(300_000) + bytes(500_000) + b"x" * 200_001)
    (root / "usr/run").write_text("#!/bin/sh\n", encoding="utf-8")
    (root / "usr/run").chmod(0o755)
    (root / "link").symlink_to("usr/run")
    return root


@pytest.fixture(scope="module")
def base(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("squashfs") / "base.squashfs"
    pack(folder, target, level=1)
    return target


NEW = {
    "usr/share/models/a model.gguf": os.urandom(400_000),
    "usr/share/workflow/sub/ä.yaml": b"name: x\n",
    "usr/many/file-0003": b"replaced",
    "zero": b"",
}


@pytest.fixture(scope="module")
def larger(base: Path) -> Path:
    target = base.with_name("larger.squashfs")
    data = bytearray(base.read_bytes())
    data += bytes(-len(data) % 4096)
    files = {}
    for name, content in NEW.items():
        files[name] = NewFile(len(data), len(content))
        data += content
    with base.open("rb") as file:
        superblock, tables = grown(Squashfs(file, 0, base.stat().st_size), files, len(data))
    data += tables
    data[: SUPERBLOCK.size] = superblock.pack()
    target.write_bytes(data + bytes(-len(data) % 4096))
    return target


def contents(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        squashfs = Squashfs(file, 0, path.stat().st_size)
        return {
            member.path: squashfs.content(member.inode) if member.inode.kind in {FILE, LONG_FILE} else member.inode.target
            for member in squashfs.members()
            if member.inode.kind in {FILE, LONG_FILE, LINK}
        }


def on_disk(folder: Path) -> dict[str, object]:
    return {
        path.relative_to(folder).as_posix(): os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_the_reader_sees_what_mksquashfs_wrote(folder: Path, base: Path) -> None:
    assert contents(base) == on_disk(folder)


def test_old_files_stay_and_new_ones_are_there(folder: Path, larger: Path) -> None:
    assert contents(larger) == {**on_disk(folder), **NEW}


def test_unsquashfs_agrees(folder: Path, larger: Path, tmp_path: Path) -> None:
    subprocess.run(["unsquashfs", "-q", "-n", "-d", str(tmp_path / "out"), str(larger)], check=True, capture_output=True)  # noqa: S607 - the tool of the system
    assert on_disk(tmp_path / "out") == {**on_disk(folder), **NEW}
    assert (tmp_path / "out/usr/run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out/usr/share/workflow").stat().st_mode & 0o777 == 0o755


def test_a_new_file_lies_in_one_piece(base: Path, larger: Path) -> None:
    with larger.open("rb") as file:
        squashfs = Squashfs(file, 0, larger.stat().st_size)
        inode = squashfs.find("usr/share/models/a model.gguf")
        assert inode is not None
        span = squashfs.span(inode)
        assert span is not None
        start, length = span
        assert start % 4096 == 0
        assert start >= base.stat().st_size
        assert larger.read_bytes()[start : start + length] == NEW["usr/share/models/a model.gguf"]
        compressed = squashfs.find("large")
        assert compressed is not None
        assert squashfs.span(compressed) is None


def test_the_old_bytes_are_untouched_behind_the_superblock(base: Path, larger: Path) -> None:
    size = base.stat().st_size
    assert larger.read_bytes()[SUPERBLOCK.size : size] == base.read_bytes()[SUPERBLOCK.size :]


def test_the_order_of_files_makes_no_difference(base: Path) -> None:
    files = {name: NewFile(1 << 20, 5) for name in ("b/x", "a", "usr/share/z")}
    with base.open("rb") as file:
        squashfs = Squashfs(file, 0, base.stat().st_size)
        assert grown(squashfs, files, 2 << 20) == grown(squashfs, dict(reversed(files.items())), 2 << 20)


def test_a_file_cannot_be_put_below_a_file(base: Path) -> None:
    with base.open("rb") as file, pytest.raises(ImageDamaged, match="no folder"):
        grown(Squashfs(file, 0, base.stat().st_size), {"empty/x": NewFile(0, 0)}, 1 << 20)


def test_a_path_is_found_or_not(base: Path) -> None:
    with base.open("rb") as file:
        squashfs = Squashfs(file, 0, base.stat().st_size)
        assert squashfs.find("usr/run") is not None
        assert squashfs.find("usr/nothing") is None
        assert squashfs.find("empty/below") is None


@pytest.mark.parametrize("at", [0, 12, 20, 22, 40, 64, 72, 80, 88])
def test_a_broken_superblock_is_an_error_and_not_a_crash(base: Path, at: int, tmp_path: Path) -> None:
    data = bytearray(base.read_bytes())
    data[at : at + 2] = b"\xff\xfe"
    broken = tmp_path / "broken"
    broken.write_bytes(data)
    # Some fields are not needed for reading; none may end in anything but a clear error or the right contents.
    try:
        assert contents(broken).keys() == contents(base).keys()
    except ImageDamaged as problem:
        assert str(broken) in problem.message  # noqa: PT017 - either outcome is right


def test_random_damage_of_the_tables_is_an_error_and_not_a_crash(base: Path, tmp_path: Path) -> None:
    import random

    whole = base.read_bytes()
    with base.open("rb") as file:
        tables = Squashfs(file, 0, len(whole)).superblock.inode_table
    dice = random.Random(7)  # noqa: S311 - reproducible damage
    broken = tmp_path / "broken"
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(4):
            data[dice.randrange(tables, len(data))] = dice.randrange(256)
        broken.write_bytes(data)
        try:
            contents(broken)
        except (ImageDamaged, MemoryError):
            continue


def test_a_squashfs_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/file").write_bytes(b"x" * 10_000)
    for name, options in {"gzip": ["-comp", "gzip"], "packed": ["-comp", "zstd"]}.items():
        target = tmp_path / name
        words = ["mksquashfs", str(tmp_path / "in"), str(target), *options, "-quiet", "-no-progress"]
        subprocess.run(words, check=True, capture_output=True)
        with pytest.raises(ImageDamaged, match="compressed"):
            contents(target)
