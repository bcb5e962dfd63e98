"""Where install.sh is tried: a release of small files, a machine with only some tools, and what is left afterwards."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from release.build import variants
from release.publish import listing, sums
from release.publish.artifact import Artifact, digest
from release.publish.installer import SCRIPT
from release.publish.parts import split
from the_edge_agent.image.elf import MACHINES

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "1.2.3"
SMALL, LARGE = "tea-python-llm", "tea-python-llm-gemma"
SIZE = 200_000
COMMANDS = [
    *(
        "uname",
        "ls",
        "df",
        "tail",
        "tr",
        "sha256sum",
        "mktemp",
        "dd",
        "cat",
        "rm",
        "mv",
        "mkdir",
        "rmdir",
        "chmod",
        "ln",
        "sleep",
        "grep",
        "id",
        "cp",
    )
]
"""All that the script needs besides a shell and something that downloads."""
SHELLS = {"dash": ["dash"], "bash": ["bash"], "busybox": ["busybox", "sh"]}
ARCH = os.uname().machine


def stand_in(path: Path, seed: int) -> None:
    """Something that starts, answers ``--version``, and has bytes of any kind."""
    start = f"#!/bin/sh\necho 'tea {VERSION}'\nexit 0\n".encode()
    path.write_bytes(start + random.Random(seed).randbytes(SIZE - len(start)))  # noqa: S311 - just bytes


def make_release(folder: Path) -> Path:
    """``SMALL`` in one piece, ``LARGE`` in three parts, for every architecture."""
    made = []
    for seed, (name, machine) in enumerate((name, machine) for name in (SMALL, LARGE) for machine in MACHINES):
        path = folder / f"{name}-{VERSION}-{machine}.AppImage"
        stand_in(path, seed)
        one = Artifact(name=path.name, size=SIZE, sha256=digest(path), variant=name, architecture=machine)
        made.append(split(one, folder, limit=SIZE, largest=SIZE // 3 + 1, consume=True) if name == LARGE else one)
    listing.write_list(folder, VERSION, variants.table(), made)
    sums.write_sums(folder, sums.collect(made, [folder / listing.NAME]))
    return folder


def republish(folder: Path, text: str) -> None:
    """Put another list into the release, which its sums know."""
    (folder / listing.NAME).write_text(text, encoding="utf-8")
    known = sums.read(folder / sums.NAME)
    sums.write_sums(folder, {**known, listing.NAME: digest(folder / listing.NAME)})


@dataclass
class Desk:
    """A machine with one shell and one downloader, and a user's home."""

    folder: Path
    shell: str
    downloader: str
    settings: dict[str, str] = field(default_factory=dict)
    script: Path = SCRIPT

    def __post_init__(self) -> None:
        self.tools = self.folder / "tools"
        self.home = self.folder / "home"
        self.target = self.home / ".local/bin"
        self.temporary = self.folder / "tmp"
        for path in (self.tools, self.home, self.temporary):
            path.mkdir(parents=True)
        busybox = shutil.which("busybox")
        inside_busybox = self.shell == "busybox"
        for name in COMMANDS:
            self._offer(name, busybox if inside_busybox else shutil.which(name))
        if self.downloader == "busybox-wget":
            self._offer("wget", busybox)
        elif self.downloader:
            self.offer(self.downloader)

    def _offer(self, name: str, program: str | None) -> None:
        if program is None:
            pytest.skip(f"{name} is not installed: apt-get install curl wget busybox-static")
        (self.tools / name).symlink_to(program)

    def offer(self, name: str) -> None:
        self._offer(name, shutil.which(name))

    def command(self, *words: str) -> list[str]:
        program, *rest = SHELLS[self.shell]
        place = shutil.which(program)
        if place is None:
            pytest.skip(f"{program} is not installed: apt-get install dash bash busybox-static")
        return [place, *rest, str(self.script), *words]

    def start(self, *words: str, base: str | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*(["--base-url", base] if base else []), *words),
            cwd=self.folder,
            env={"PATH": str(self.tools), "HOME": str(self.home), "TMPDIR": str(self.temporary), "TEA_INSTALL_PAUSE": "0", **self.settings},
            stdin=subprocess.DEVNULL,
            process_group=0,  # as a terminal has it, which interrupts all of it at once
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, *words: str, base: str | None = None) -> subprocess.CompletedProcess[str]:
        process = self.start("--dir", str(self.target), *words, base=base)
        out, err = process.communicate(timeout=60)
        assert not list(self.temporary.iterdir()), "something is left in the folder for temporary files"
        assert not (self.folder / "pwned").exists()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    @property
    def installed(self) -> list[str]:
        """What is in the folder under a final name."""
        return sorted(path.name for path in self.target.glob("[!.]*"))


def file_name(variant: str, machine: str = ARCH) -> str:
    return f"{variant}-{VERSION}-{machine}.AppImage"


def part_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob(f"{file_name(LARGE)}.part-*"))


def whole_digest(folder: Path, variant: str) -> str:
    return sums.read(folder / sums.NAME)[file_name(variant)]


def is_published(path: Path, folder: Path, variant: str) -> bool:
    return hashlib.sha256(path.read_bytes()).hexdigest() == whole_digest(folder, variant)
