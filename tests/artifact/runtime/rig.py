"""Test images: the head that `release.build runtime` builds, around a small static program that tells what it was given."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[3]
PAGE = 4096
PLAIN_USER = 65534
MODEL = "usr/share/models/m\N{LATIN SMALL LETTER U WITH DIAERESIS} 1.gguf"
IS_ROOT = os.geteuid() == 0

needs_root = pytest.mark.skipif(not IS_ROOT, reason="mounts test file systems, which takes root")


def need(*commands: str) -> None:
    """Skip the test when one of the commands is not installed."""
    package = {
        "mksquashfs": "squashfs-tools",
        "fusermount3": "fuse3",
        "bwrap": "bubblewrap",
        "qemu-aarch64-static": "qemu-user-static",
        "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    }
    for command in commands:
        if shutil.which(command) is None:
            pytest.skip(f"there is no {command}: apt-get install {package.get(command, command)}")


@dataclass(frozen=True)
class Section:
    """A section of an ELF file: where it is, and how long, in bytes."""

    offset: int
    size: int


def sections(content: bytes) -> dict[str, Section]:
    """The sections of a 64-bit ELF file by name."""
    (table,) = struct.unpack_from("<Q", content, 40)
    size, count, names = struct.unpack_from("<HHH", content, 58)
    headers = [struct.unpack_from("<IIQQQQ", content, table + size * i) for i in range(count)]
    start = headers[names][4]

    def name(header: tuple[int, ...]) -> str:
        at = start + header[0]
        return content[at : content.index(b"\0", at)].decode()

    return {name(header): Section(header[4], header[5]) for header in headers}


@dataclass(frozen=True)
class Told:
    """What the program inside was given."""

    pid: int
    words: list[str]
    environment: dict[str, str]

    @classmethod
    def read(cls, output: str) -> Told:
        pid, count, *rest = output.split("\0")
        words, variables = rest[: int(count)], rest[int(count) : -1]
        return cls(int(pid), words, dict(line.split("=", 1) for line in variables))


@dataclass(frozen=True)
class Image:
    """A test AppImage, and what is in it."""

    path: Path
    model: bytes
    offset: int  # of the model
    payload: int  # of the squashfs
    digest: str

    def command(self, *words: str) -> list[str]:
        return [str(self.path), *words]

    def run(self, *words: str, **kinds: Any) -> subprocess.CompletedProcess[str]:
        return run(self.command(*words), **kinds)

    def ask(self, *words: str, **kinds: Any) -> Told:
        done = self.run(*words, **kinds)
        assert (done.stderr, done.returncode) == ("", 0)
        return Told.read(done.stdout)


def run(words: Sequence[str], *, timeout: Any = 60, cwd: Any = None, **environment: object) -> subprocess.CompletedProcess[str]:
    """Run a command with nothing in its environment but PATH and what is given."""
    own = {"PATH": os.environ["PATH"], **{name: str(value) for name, value in environment.items()}}
    return subprocess.run(
        words, env=own, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=timeout, check=False
    )


def as_plain_user(words: Sequence[str]) -> list[str]:
    """The command as a user without rights; as root only, others are one."""
    return ["setpriv", f"--reuid={PLAIN_USER}", f"--regid={PLAIN_USER}", "--clear-groups", *words] if IS_ROOT else list(words)


def compile_probe(compiler: str, target: Path) -> Path:
    """The static program inside the test images."""
    subprocess.run([compiler, "-static", "-O1", "-s", "-o", str(target), str(Path(__file__).with_name("probe.c"))], check=True, timeout=120)
    return target


@dataclass(frozen=True)
class Rig:
    """Makes test images for one architecture; `built` is the folder that `release.build runtime` wrote."""

    built: Path
    probe: Path
    folder: Path
    compression: Sequence[str] = ("-comp", "zstd", "-Xcompression-level", "1")

    def image(
        self,
        name: str = "te\N{LATIN SMALL LETTER E WITH ACUTE} st.AppImage",
        *,
        salt: str = "",
        application: str = "tea.test",
        table: str | None = None,
        extra: Mapping[str, bytes] | None = None,
    ) -> Image:
        """An image called name; `salt` makes another payload of the same application, `table` replaces the table's text, `extra` are more files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        model = b"GGUF" + hashlib.shake_256(b"model").digest(300_000) + bytes(200_000)
        self._fill(self.folder / "AppDir", model, {"salt.txt": salt.encode(), **(extra or {})})
        head = (self.built / "head").read_bytes()
        path = self.folder / name
        self._squash(path, len(head))
        content = path.read_bytes()
        offset = content.index(model)
        digest = hashlib.sha256(salt.encode() + self.probe.read_bytes()).hexdigest()
        lines = (
            table
            if table is not None
            else f"tea-table 1\npayload {digest}\napplication {application}\nfile {offset} {len(model)} {MODEL}\n"
        )
        path.write_bytes(with_section(head, ".tea_table", lines.encode()) + content[len(head) :])
        path.chmod(0o755)
        return Image(path, model, offset, len(head), digest)

    def _fill(self, appdir: Path, model: bytes, files: Mapping[str, bytes]) -> None:
        shutil.rmtree(appdir, ignore_errors=True)
        for folder in ("usr/bin", "usr/share/models"):
            (appdir / folder).mkdir(parents=True)
        shutil.copy2(self.probe, appdir / "AppRun")
        (appdir / "usr/bin/link").symlink_to("../../AppRun")
        (appdir / MODEL).write_bytes(model)
        for name, content in {"text.txt": b"some text\n" * 100_000, **files}.items():
            (appdir / name).write_bytes(content)

    def _squash(self, path: Path, offset: int) -> None:
        options = [
            "-offset",
            str(offset),
            *self.compression,
            "-no-sparse",
            "-no-duplicates",
            "-root-owned",
            "-noappend",
            "-no-progress",
            "-quiet",
        ]
        raw = [word for action in ("uncompressed", "no-fragments") for word in ("-action", f"{action}@name(*.gguf)")]
        words = ["mksquashfs", str(self.folder / "AppDir"), str(path), *options, *raw]
        subprocess.run(words, check=True, timeout=120, stdout=subprocess.DEVNULL)


def with_section(head: bytes, name: str, text: bytes) -> bytes:
    """The head with text at the start of a section, which is zeros after a build."""
    section = sections(head)[name]
    assert len(text) < section.size
    return head[: section.offset] + text + head[section.offset + len(text) :]


def mounts() -> list[str]:
    """The mount points of test images on this machine."""
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return [line.split()[1] for line in lines if line.split()[2].startswith("fuse.AppImage")]


def servers(image: Path) -> Iterator[int]:
    """The processes that have the image open and call themselves as the head's server does."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text() == "tea-mount\n" and any(link.readlink() == image for link in (process / "fd").iterdir()):
                yield int(process.name)
        except OSError:
            continue
