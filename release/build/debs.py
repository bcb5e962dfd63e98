"""Debian packages of one suite and any architecture, fetched through the machine's own apt configuration.

A private state folder keeps the machine's own lists and its installed packages out of it: nothing is installed, no root is
needed, and a machine of one architecture or release fetches packages of another. Which servers are asked is the
machine's affair: its own Debian sources are taken with the suite's name exchanged.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from release.build.machine import MACHINES
from the_edge_agent.errors import MachineUnable, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RENEW = "python -m release.build lock"
"""The command that pins other versions."""

_ARCHITECTURES = ",".join(machine.debian for machine in MACHINES.values())
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SUFFIXES = ("", "-updates", "-security")


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One version of a package for one architecture (in Debian's words), and the SHA-256 of its file."""

    name: str
    version: str
    architecture: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}:{self.architecture} {self.version}"


def read_lock(path: Path) -> tuple[Package, ...]:
    """The packages that ``path`` pins, one a line: name, version, architecture, SHA-256.

    Raises:
        UsageError: the file cannot be read, or a line of it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return tuple(Package(*line.split()) for line in lines if line and not line.startswith("#"))
    except (OSError, TypeError) as problem:
        raise UsageError(f"{path} is no list of pinned packages: {problem}", hint=f"make it anew: {RENEW}") from problem


def lock_text(packages: Iterable[Package]) -> str:
    """What :func:`read_lock` reads, in a fixed order."""
    head = f"# Debian packages: name, version, architecture, SHA-256. Made by `{RENEW}`.\n"
    return head + "".join(f"{one.name} {one.version} {one.architecture} {one.sha256}\n" for one in sorted(packages))


class Debian:
    """The packages of ``suite``; what was fetched is kept in ``folder``."""

    def __init__(self, suite: str, folder: Path) -> None:
        self._suite = suite
        self._folder = folder.absolute()
        self._ready = False

    def newest(self, names: Sequence[str], architecture: str) -> tuple[Package, ...]:
        """The version of each package that the suite offers now.

        Raises:
            UsageError: the suite has no package of one of these names.
            MachineUnable: apt is not installed, or cannot reach its sources.
        """
        self._refresh()
        wanted = [f"{name}:{architecture}" for name in names]
        shown = self._apt("apt-cache", "show", "--no-all-versions", *wanted)
        found = {}
        for paragraph in shown.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and not line.startswith(" "))
            if "Package" in fields:
                found[fields["Package"]] = Package(fields["Package"], fields["Version"], fields["Architecture"], fields["SHA256"])
        missing = [name for name in names if name not in found]
        if missing:
            raise UsageError(f"Debian {self._suite} has no package {', '.join(missing)} for {architecture}")
        return tuple(found[name] for name in names)

    def fetch(self, packages: Iterable[Package]) -> tuple[Path, ...]:
        """The files of ``packages``, downloaded unless they are there already; each has been checked against its digest.

        Raises:
            UsageError: a version is no longer offered, or a file is not the one that was pinned.
            MachineUnable: apt is not installed, or cannot reach its sources.
        """
        wanted = {package.sha256: package for package in packages}
        absent = [package for package in wanted.values() if not self._is_kept(package)]
        if absent:
            self._download(absent)
        return tuple(self._place(package) for package in wanted.values())

    def laid_out(self, lock: Path, architecture: str, folder: Path) -> Path:
        """``folder`` with the contents of the packages that ``lock`` pins for ``architecture``; nothing is done where these are there.

        Raises:
            UsageError: as :meth:`fetch`, or the lock cannot be read.
            MachineUnable: as :meth:`fetch`.
        """
        pinned = [one for one in read_lock(lock) if one.architecture in {architecture, "all"}]
        stamp, content = folder / "stamp", "".join(f"{one.sha256}\n" for one in pinned)
        if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == content):
            files = self.fetch(pinned)
            shutil.rmtree(folder, ignore_errors=True)
            for file in files:
                _unpack(file, folder)
            stamp.write_text(content, encoding="utf-8")
        return folder

    def _place(self, package: Package) -> Path:
        return self._folder / "debs" / f"{package.sha256}.deb"

    def _is_kept(self, package: Package) -> bool:
        place = self._place(package)
        return place.is_file() and _digest(place) == package.sha256

    def _download(self, wanted: Sequence[Package]) -> None:
        """Fetch the files of ``wanted`` at one go: apt reads its lists anew each time it is called."""
        self._refresh()
        incoming = self._folder / "incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir(parents=True)
        words = [f"{package.name}:{package.architecture}={package.version}" for package in wanted]
        what = f"fetch {wanted[0] if len(wanted) == 1 else f'{len(wanted)} packages'}"
        self._apt("apt-get", "-q", "download", *words, folder=incoming, what=what)
        came = {_digest(file): file for file in incoming.glob("*.deb")}
        for package in wanted:
            if package.sha256 not in came:
                raise UsageError(f"the package {package} is not the one that was pinned", hint=f"see what changed: {RENEW}")
            self._place(package).parent.mkdir(exist_ok=True)
            came[package.sha256].replace(self._place(package))

    def _refresh(self) -> None:
        """Fetch the lists of the suite once a process."""
        if self._ready:
            return
        for name in ("state/lists/partial", "cache/archives/partial"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "state/status").write_bytes(b"")
        (self._folder / "sources.list").write_text(self._sources(), encoding="utf-8")
        self._apt("apt-get", "-q", "update", what="fetch the lists of packages")
        self._ready = True

    def _sources(self) -> str:
        """The machine's Debian sources with the names of their suites exchanged."""
        listed = _run(
            ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(CODENAME)|$(REPO_URI)|$(COMPONENT)", "Created-By: Packages"],
            "list the machine's package sources",
        )
        signed = f" signed-by={_KEYRING}" if _KEYRING.is_file() else ""
        lines = set()
        for line in listed.splitlines():
            origin, codename, uri, component = line.split("|")
            suffix = next((suffix for suffix in _SUFFIXES[1:] if codename.endswith(suffix)), "")
            if origin == "Debian" and component == "main":
                lines.add(f"deb [arch={_ARCHITECTURES}{signed}] {uri} {self._suite}{suffix} main")
        if not lines:
            raise MachineUnable("apt on this machine knows no Debian source", hint="apt-get update, on Debian or in a container of it")
        return "\n".join(sorted(lines)) + "\n"

    def _apt(self, *words: str, folder: Path | None = None, what: str = "ask apt") -> str:
        settings = {
            "Dir::State": self._folder / "state",
            "Dir::State::status": self._folder / "state/status",
            "Dir::Cache": self._folder / "cache",
            "Dir::Etc::sourcelist": self._folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "APT::Architecture": "amd64",
            "APT::Architectures": _ARCHITECTURES,
            "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
            "Acquire::Languages": "none",
        }
        options = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
        return _run([words[0], *options, *words[1:]], what, folder, hint=f"if a pinned version is no longer offered: {RENEW}")


def _unpack(file: Path, folder: Path) -> None:
    """Put what the package ``file`` holds into ``folder``; no script of it is run."""
    folder.mkdir(parents=True, exist_ok=True)
    _run(["dpkg-deb", "--extract", str(file), str(folder)], f"unpack {file.name}")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run(words: list[str], what: str, folder: Path | None = None, hint: str | None = None) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - apt and dpkg, words of our own
            words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except FileNotFoundError as problem:
        raise MachineUnable(
            f"cannot {what}: this machine has no {words[0]}", hint="build engines on Debian, or in a container of it"
        ) from problem
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
        full = next((line for line in lines if os.strerror(errno.ENOSPC) in line), None)
        reason = full or next((line for line in lines if line.startswith("E:")), lines[0])
        raise UsageError(f"cannot {what}: {reason}", hint="free some of the disk" if full else hint)
    return done.stdout
