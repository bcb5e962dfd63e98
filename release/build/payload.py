"""The folder of files an engine consists of: Debian's CPython and SWI-Prolog, the wheels, this project, and their own C library.

Nothing of the machine that assembles it goes in: files come from pinned packages, modes and times are fixed, byte code is compiled by
the payload's own interpreter. A library that something inside needs and that is not inside fails the build.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.build import RECIPE, ROOT, debs, wheels
from release.build.machine import machine_here
from the_edge_agent.errors import MachineUnable, UsageError
from the_edge_agent.image import elf
from the_edge_agent.image.layout import DESKTOP, METAINFO, MODULES, PROLOG, STARTERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from release.build.machine import Machine

DEBS_LOCK, WHEELS_LOCK = RECIPE / "debs.lock", RECIPE / "wheels.lock"
"""Which version of each Debian package, and of each Python package."""
_EXECUTABLE, _PLAIN = 0o755, 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What ``payload.toml`` says; see there."""

    suite: str
    python: str
    packages: list[str]
    opened: list[str]
    folders: list[str]
    without: list[str]
    llm_wheels: list[str]


def read_recipe() -> Recipe:
    """What an engine consists of."""
    return Recipe(**tomllib.loads((RECIPE / "payload.toml").read_text(encoding="utf-8")))


def assemble(machine: Machine, *, llm: bool, runtime: Path, work: Path) -> Path:
    """Make the folder of an engine for ``machine``, with llama.cpp if ``llm``; returns it.

    ``runtime`` holds the starter. Everything is kept below ``work``, packages for the next time.

    Raises:
        UsageError: something pinned cannot be had, or does not fit together, or ``work`` cannot be written.
        MachineUnable: a tool is missing.
    """
    try:
        return _Assembly(machine, llm, work).make(runtime)
    except OSError as problem:
        raise UsageError(
            f"cannot write the engine's files below {work}: {_reason(problem)}", hint="name another folder: --work"
        ) from problem


class _Assembly:
    def __init__(self, machine: Machine, llm: bool, work: Path) -> None:  # noqa: FBT001 - private, called once
        self._recipe = read_recipe()
        self._machine = machine
        self._llm = llm
        self._work = work.absolute()
        self._root = self._work / f"{machine.name}-{'llm' if llm else 'plain'}"
        self._libraries = self._root / "usr/lib" / machine.triplet

    def make(self, runtime: Path) -> Path:
        shutil.rmtree(self._root, ignore_errors=True)
        parts = self._unpacked(self._machine)
        self._take_debian(parts)
        self._take_wheels()
        self._take_own(runtime)
        self._leave_out()
        self._strip()
        self._take_libraries(parts)
        self._index_prolog()
        self._compile()
        self._settle()
        return self._root

    def _unpacked(self, machine: Machine) -> Path:
        """Every pinned package for ``machine``, unpacked into one folder."""
        debian = debs.Debian(self._recipe.suite, self._work / "apt")
        return debian.laid_out(DEBS_LOCK, machine.debian, self._work / f"debian-{machine.name}")

    def _take_debian(self, parts: Path) -> None:
        python = f"python{self._recipe.python}"
        _copy(parts / "usr/bin" / python, self._root / "usr/bin" / python)
        own = [folder.format(triplet=self._machine.triplet) for folder in self._recipe.folders]
        for folder in (f"usr/lib/{python}", PROLOG, *own):
            shutil.copytree(parts / folder, self._root / folder, symlinks=True, ignore=shutil.ignore_patterns("*.a", "man"))
        (program,) = (self._root / PROLOG / "bin").glob("*/swipl")
        program.rename(self._root / PROLOG / "bin/swipl")
        program.parent.joinpath("swipl-ld").unlink(missing_ok=True)
        program.parent.rmdir()
        for texts in sorted((parts / "usr/share/doc").glob("*/copyright")):
            _copy(texts, self._root / "usr/share/doc" / texts.parent.name / "copyright")
        shutil.copytree(parts / "usr/share/common-licenses", self._root / "usr/share/common-licenses", symlinks=True)

    def _take_wheels(self) -> None:
        pinned = wheels.read_lock(WHEELS_LOCK)
        names = [name for name in pinned if self._llm or name not in self._recipe.llm_wheels]
        folder = self._work / "wheels"
        files = wheels.fetch(WHEELS_LOCK, names, self._machine.name, self._recipe.python, folder)
        for file in (*files, wheels.own(ROOT, folder)):
            wheels.unpack(file, self._root / MODULES)

    def _take_own(self, runtime: Path) -> None:
        built = runtime / self._machine.name
        for name in STARTERS:
            _copy(built / "starter", self._root / name)
        _copy(built / "libtea-inside.so", self._libraries / "libtea-inside.so")
        # In the place of Debian's, which reports crashes of other programs.
        (self._root / f"usr/lib/python{self._recipe.python}/sitecustomize.py").unlink(missing_ok=True)
        _copy(RECIPE / "sitecustomize.py", self._root / f"usr/lib/python{self._recipe.python}/sitecustomize.py")
        _copy(RECIPE / "certificates.py", self._root / MODULES / "certifi/core.py")
        _copy(RECIPE / "trust.py", self._root / MODULES / "httpcore2/_ssl.py")
        for name in (DESKTOP, f"usr/share/applications/{DESKTOP}"):
            _copy(RECIPE / DESKTOP, self._root / name)
        _copy(RECIPE / "tea.metainfo.xml", self._root / METAINFO / "io.github.the_edge_agent.tea.appdata.xml")
        _copy(RECIPE / "tea.svg", self._root / "usr/share/icons/hicolor/scalable/apps/tea.svg")
        for name in ("tea.png", "usr/share/icons/hicolor/256x256/apps/tea.png"):
            _copy(RECIPE / "tea.png", self._root / name)
        (self._root / ".DirIcon").symlink_to("tea.png")
        _copy(ROOT / "LICENSE", self._root / "usr/share/doc/the-edge-agent/copyright")
        if self._llm:
            # The wheel has only its own.
            _copy(RECIPE / "llama.cpp.copyright", self._root / "usr/share/doc/llama.cpp/copyright")
        for texts in sorted((built / "licenses").iterdir()):
            _copy(texts, self._root / "usr/share/doc/runtime" / texts.name)
        certificates = self._root / MODULES / "certifi/cacert.pem"
        (self._root / "usr/lib/ssl").mkdir(parents=True)
        (self._root / "usr/lib/ssl/certs.pem").symlink_to(os.path.relpath(certificates, self._root / "usr/lib/ssl"))
        (self._root / "usr/lib/ssl/openssl.cnf").write_text("# OpenSSL's own defaults.\n", encoding="ascii")

    def _leave_out(self) -> None:
        everything = [path for path in self._root.rglob("*") if not path.is_dir() or path.is_symlink()]
        for path in everything:
            inside = path.relative_to(self._root).as_posix()
            if any(fnmatch.fnmatchcase(inside, pattern) for pattern in self._recipe.without):
                path.unlink()
        for folder in sorted((path for path in self._root.rglob("*") if path.is_dir()), reverse=True):
            if not any(folder.iterdir()):
                folder.rmdir()

    def _strip(self) -> None:
        """Wheels come with symbols for debuggers, Debian's files without."""
        shared = [path for path in (self._root / MODULES).rglob("*.so*") if elf.machine(_start(path))]
        for path in sorted(shared):
            _run([f"{self._machine.triplet}-strip", "--strip-unneeded", str(path)], f"strip {path.name}")

    def _take_libraries(self, parts: Path) -> None:
        """The libraries that anything inside needs, and what those need."""
        pool = {
            path.name: path
            for folder in (parts / "lib" / self._machine.triplet, parts / "usr/lib" / self._machine.triplet)
            for path in folder.glob("*.so*")
        }
        missing: dict[str, str] = {}
        wanted = [(self._machine.loader, "the starter"), *((name, "payload.toml") for name in self._recipe.opened)]
        wanted += [(name, inside) for inside, path in self._elves() for name in elf.needed(path.read_bytes())]
        while wanted:
            name, by = wanted.pop()
            target = self._libraries / name
            if target.exists() or (self._root / by).parent.joinpath(name).exists():
                continue
            if name not in pool:
                missing.setdefault(name, by)
                continue
            _copy(pool[name].resolve(), target)
            wanted += [(inner, name) for inner in elf.needed(target.read_bytes())]
        if missing:
            named = ", ".join(f"{name} (for {by})" for name, by in sorted(missing.items()))
            raise UsageError(f"the payload lacks libraries: {named}", hint=f"add the package to payload.toml, then {debs.RENEW}")

    def _elves(self) -> Iterator[tuple[str, Path]]:
        """Every ELF file, with its path inside; raises :class:`UsageError` for one of another architecture."""
        for path in sorted(self._root.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            machine = elf.machine(_start(path))
            if machine not in {None, self._machine.name}:
                raise UsageError(f"{path.relative_to(self._root)} is made for another architecture than {self._machine.name}")
            if machine:
                yield path.relative_to(self._root).as_posix(), path

    def _tool(self, program: str, *words: str, what: str, environment: dict[str, str]) -> None:
        """Run a program of the payload, in the build of this machine's architecture."""
        here = machine_here()
        parts = self._unpacked(here)
        loader = parts / "lib" / here.triplet / here.loader
        folders = f"{parts / 'lib' / here.triplet}:{parts / 'usr/lib' / here.triplet}"
        _run(
            [str(loader), "--inhibit-cache", "--library-path", folders, "--argv0", program, str(parts / program), *words],
            what,
            environment={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
        )

    def _index_prolog(self) -> None:
        """Write the index that autoloading needs; Debian makes it when the package is installed."""
        parts = self._unpacked(machine_here())
        (program,) = (path.relative_to(parts) for path in (parts / PROLOG / "bin").glob("*/swipl"))
        home = self._root / PROLOG
        goal = "make_library_index(swi(library)),halt"
        self._tool(str(program), "-f", "none", "-q", "-g", goal, what="index the Prolog library", environment={"SWI_HOME_DIR": str(home)})
        if not (home / "library/INDEX.pl").is_file():
            raise UsageError("SWI-Prolog did not write the index of its library")

    def _compile(self) -> None:
        """Byte code that is never checked against its source, because nothing inside an image can change."""
        python = self._recipe.python
        for folder in (f"usr/lib/python{python}", MODULES):
            for old in sorted((self._root / folder).rglob("__pycache__")):
                shutil.rmtree(old)
            self._tool(
                f"usr/bin/python{python}",
                *("-I", "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"),
                *("-s", str(self._root), "-p", "/", str(self._root / folder)),
                what="compile Python's modules",
                environment={"PYTHONHASHSEED": "0"},
            )

    def _settle(self) -> None:
        """Modes that do not depend on anybody's umask. Times and owners are set where the folder becomes a squashfs."""
        for path in self._root.rglob("*"):
            if not path.is_symlink():
                path.chmod(_EXECUTABLE if path.is_dir() or path.stat().st_mode & 0o100 else _PLAIN)
        self._root.chmod(_EXECUTABLE)


def features(folder: Path) -> tuple[str, ...]:
    """What the engine in ``folder`` can do, in the words of ``tea --impl --features``."""
    modules = folder / MODULES
    found = {"lua": modules / "lupa", "prolog": folder / PROLOG, "llm-local": modules / "xllamacpp"}
    return ("python", "llm-api", *(name for name, place in found.items() if place.exists()))


def _reason(problem: OSError) -> str:
    # Copying a folder ends with all that went wrong in it: source, target and reason of each file.
    text = problem.args[0][0][2] if isinstance(problem, shutil.Error) else problem.strerror
    return str(text or problem).lower()


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(elf.HEADER)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copy(source, target)
    except FileNotFoundError as problem:
        raise UsageError(
            f"the payload lacks {source.name}: {problem}", hint="build the runtime first: python -m release.build runtime"
        ) from problem


def _run(words: list[str], what: str, environment: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - words of our own
            words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except FileNotFoundError as problem:
        raise MachineUnable(
            f"cannot {what}: there is no {words[0]}", hint="apt-get install binutils-x86-64-linux-gnu binutils-aarch64-linux-gnu"
        ) from problem
    if done.returncode:
        raise UsageError(f"cannot {what}: {(done.stderr.strip() or done.stdout.strip())[-500:]}")
