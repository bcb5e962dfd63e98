"""An engine image small enough for every test: a head that is only ELF enough to be filled, and a squashfs of a few files."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from release.build import RECIPE, ROOT
from release.build.engine import pack
from the_edge_agent.image.elf import MACHINES
from the_edge_agent.image.engine import open_engine
from the_edge_agent.image.layout import METAINFO, MODULES, STARTERS
from the_edge_agent.image.writer import write_engine

if TYPE_CHECKING:
    from the_edge_agent.image.engine import Engine

TABLE = 8192

needs_mksquashfs = pytest.mark.skipif(
    shutil.which("mksquashfs") is None, reason="mksquashfs is not installed: apt-get install squashfs-tools"
)


def elf_file(machine: str, sections: dict[str, bytes], *, mark: bytes = b"AI\x02", length: int = 16384) -> bytes:
    """A file in the form of an ELF program with these sections, its section headers at the very end."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in (*sections, ".shstrtab"))
    body = bytearray(64)
    rows = [bytes(64)]
    for name, content in (*sections.items(), (".shstrtab", names)):
        row = struct.pack("<IIQQQQIIQQ", names.index(name.encode() + b"\0"), 1, 0, 0, len(body), len(content), 0, 0, 1, 0)
        rows.append(row)
        body += content
    body += bytes(length - 64 * len(rows) - len(body))
    identity = b"\x7fELF\x02\x01\x01\x00" + mark + bytes(5)
    body[:64] = struct.pack(
        "<16sHHIQQQIHHHHHH", identity, 2, MACHINES[machine], 1, 0, 0, len(body), 0, 64, 0, 0, 64, len(rows), len(rows) - 1
    )
    return bytes(body) + b"".join(rows)


def head(machine: str = "x86_64") -> bytes:
    return elf_file(machine, {".tea_table": bytes(TABLE)})


def payload(folder: Path, machine: str = "x86_64") -> Path:
    """The least that counts as an engine's files."""
    program = elf_file(machine, {}, mark=bytes(3), length=1024)
    for name in STARTERS:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(program)
        place.chmod(0o755)
    shutil.copy(RECIPE / "tea.desktop", folder / "tea.desktop")
    shutil.copy(RECIPE / "tea.png", folder / "tea.png")
    (folder / METAINFO).mkdir(parents=True)
    shutil.copy(RECIPE / "tea.metainfo.xml", folder / METAINFO / "tea.appdata.xml")
    modules = folder / MODULES
    for name in ("click/__init__.py", "yaml/__init__.py", "single.py"):
        (modules / name).parent.mkdir(parents=True, exist_ok=True)
        (modules / name).write_text("# a module\n" * 100, encoding="utf-8")
    library = folder / "usr/lib/python3.11"
    library.mkdir()
    for number in range(300):
        (library / f"m{number:03}.py").write_text(f"NUMBER = {number}\n" * number, encoding="utf-8")
    (library / "random.bin").write_bytes(bytes(range(256)) * 2000 + bytes(400_000) + os.urandom(10))
    (folder / ".DirIcon").symlink_to("tea.png")
    return folder


def build_engine(folder: Path, machine: str = "x86_64", features: tuple[str, ...] = ("python", "llm-local")) -> Engine:
    pack(payload(folder / "files", machine), folder / "engine.squashfs", level=1)
    target = folder / "engine.AppImage"
    write_engine(target, head=head(machine), squashfs=folder / "engine.squashfs", name="tea-test", version="1.2.3", features=features)
    return open_engine(target)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """An engine image of this machine's kind. Tests only read it."""
    if shutil.which("mksquashfs") is None:
        pytest.skip("mksquashfs is not installed: apt-get install squashfs-tools")
    return build_engine(tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="session")
def tiny() -> Path:
    """The built-in model."""
    return ROOT / "src/the_edge_agent/models/builtin/tiny-chat-Q8_0.gguf"


Flip = Callable[[Path, int], Path]


@pytest.fixture
def flip(tmp_path: Path) -> Flip:
    """A copy of an image with one bit of one byte changed."""

    def changed(path: Path, at: int) -> Path:
        copy = tmp_path / f"flipped-{at}.AppImage"
        data = bytearray(path.read_bytes())
        data[at] ^= 0x10
        copy.write_bytes(data)
        return copy

    return changed
