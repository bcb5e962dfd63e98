"""Where an image is started: on this machine as it is, or in a root file system that has nothing of it.

A clean room has no network and sees the image, a folder to work in, and nothing else of this machine. The empty one has not even a
shell. Images for another processor are run by qemu, registered in a user namespace of its own, so that the machine stays as it is.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.image import elf

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = "here"
SHIP, DESK, CACHE = "/ship", "/desk", "/cache"
_BINFMT = Path(__file__).parents[3] / "release/build/binfmt.sh"
_PLAIN = "1234"
_OWN = ("empty", "busybox")


@dataclass(frozen=True)
class Room:
    """A place to start images in. ``root`` is its root file system, ``None`` for this machine's."""

    name: str
    root: Path | None = None
    fuse: bool = True
    plain_user: bool = False

    @property
    def clean(self) -> bool:
        return self.root is not None

    @property
    def own(self) -> bool:
        """Whether :func:`furnish` made it, so that a test may put files into it."""
        return self.root is not None and self.root.name in _OWN


@dataclass
class Place:
    """An image in a room, with a folder to work in that both sides see and one to unpack into that all tests of the room share."""

    room: Room
    image: Path
    work: Path
    cache: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def inside(self) -> Path:
        """The folder to work in, as the image sees it."""
        return Path(DESK) if self.room.clean else self.work

    @property
    def seen(self) -> str:
        """The image's path, as the image sees it."""
        return f"{SHIP}/{self.image.name}" if self.room.clean else str(self.image)

    def command(self, *words: str, image: Path | None = None, home: bool = True) -> list[str]:
        image = image or self.image
        prefix = _emulated(image)
        if self.room.root is None:
            return [*prefix, str(image), *words]
        return [*prefix, *self._walls(image, home=home), f"{SHIP}/{image.name}", *words]

    def _walls(self, image: Path, *, home: bool) -> list[str]:
        words = ["bwrap", "--bind", str(self.room.root), "/", "--ro-bind", str(image.parent), SHIP, "--bind", str(self.work), DESK]
        words += ["--bind", str(self.cache), CACHE, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chdir", DESK]  # noqa: S108 - of the room
        words += ["--die-with-parent", "--clearenv"]
        words += ["--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--setenv", "PATH", "/usr/bin:/bin"]
        if self.room.fuse:
            words += ["--dev-bind", "/dev/fuse", "/dev/fuse", "--cap-add", "ALL"]
        if self.room.plain_user:
            words += ["--unshare-user", "--uid", _PLAIN, "--gid", _PLAIN]
        for name, value in {**({"HOME": DESK} if home else {}), **self.environment}.items():
            words += ["--setenv", name, value]
        return words

    def run(
        self,
        *words: str,
        image: Path | None = None,
        stdin: str | None = None,
        home: bool = True,
        timeout: float = 300,
        argv: Sequence[str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Start the image with ``words`` and wait for its end. Its environment is PATH, HOME (unless not ``home``) and what was set."""
        own = {"PATH": os.environ["PATH"], **({"HOME": str(self.work)} if home else {}), **self.environment}
        return subprocess.run(
            argv or self.command(*words, image=image, home=home),
            env=own,
            cwd=self.work,
            input=stdin if stdin is not None else "",
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    def write(self, name: str, text: str) -> str:
        """Put a file into the folder to work in; returns its name, as the image can be given it."""
        (self.work / name).write_text(text, encoding="utf-8")
        return name


def rooms(named: Sequence[str]) -> list[Room]:
    """The rooms of ``--rooms``: ``here``, ``empty``, ``busybox`` or a folder that holds a root file system."""
    found = []
    for name in named:
        if name == HERE:
            found.append(Room(HERE))
            continue
        root = Path(name).absolute() if "/" in name else Path(name)
        title = Path(name).name
        found.append(Room(f"{title}-no-fuse", root, fuse=False))
        found.append(Room(f"{title}-user", root, fuse=False, plain_user=True))
        if Path("/dev/fuse").exists() and os.geteuid() == 0:
            found.append(Room(f"{title}-fuse", root))
    return found


def furnish(room: Room, folder: Path) -> Room:
    """Make the root file system of an ``empty`` or ``busybox`` room in ``folder``; skips where what it takes is not installed."""
    if room.root is None:
        return room
    need("bwrap", "bubblewrap")
    if not room.root.is_absolute():
        room = replace(room, root=folder / room.root)
    assert room.root is not None
    for name in ("tmp", "proc", "dev", SHIP[1:], DESK[1:], CACHE[1:], "bin", "usr/bin"):
        (room.root / name).mkdir(parents=True, exist_ok=True)
    if room.root.name == "busybox":
        need("busybox", "busybox-static")
        shutil.copy(shutil.which("busybox") or "", room.root / "bin/busybox")
        for name in ("sh", "env", "cat"):
            link = room.root / "bin" / name
            if not link.is_symlink():
                link.symlink_to("busybox")
    return room


def need(command: str, package: str) -> None:
    if shutil.which(command) is None:
        pytest.skip(f"there is no {command}: apt-get install {package}")


def architecture(image: Path) -> str:
    with image.open("rb") as file:
        return elf.machine(file.read(elf.HEADER)) or "none"


def foreign(image: Path) -> bool:
    """Whether the image is made for another processor than this one's."""
    return architecture(image) != platform.machine()


def _emulated(image: Path) -> list[str]:
    if not foreign(image):
        return []
    need(f"qemu-{architecture(image)}-static", "qemu-user-static")
    return ["unshare", "-Urm", "sh", str(_BINFMT), shutil.which(f"qemu-{architecture(image)}-static") or ""]
