"""Builds the C side of an image: the head, the starter, the library inside.

Libraries and C headers come from Debian's packages, by the machine's own apt configuration and without installing anything; their versions and
sha256 stand in packages.lock. Only the compiler is the machine's. docs/appimage-runtime.md says what comes out. All of this takes the standard
library only: no environment has to be set up for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from release.build import RECIPE, ROOT, RUNTIME, debs, payload
from the_edge_agent.errors import MachineUnable, UsageError
from the_edge_agent.image import elf
from the_edge_agent.image.head import MARK, PAGE

if TYPE_CHECKING:
    from release.build.machine import Machine

SOURCES = ROOT / "runtime"
LOCK = SOURCES / "packages.lock"
VERSION = "1"
# The packages whose code is inside what is built, and one that gives declarations only.
LICENSED = ["libc6-dev", "liblz4-dev", "liblzma-dev", "libfuse3-dev", "libsquashfuse-dev", "libzstd-dev", "musl-dev", "zlib1g-dev"]
PACKAGES = [*LICENSED, "linux-libc-dev"]

WARNINGS = (
    "-Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wno-format-nonliteral -Wvla -Wundef"
)
HARDENING = "-O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fno-strict-aliasing -ftrivial-auto-var-init=zero"
LINKING = "-Wl,-z,relro,-z,now,-z,noexecstack,--build-id=none,--fatal-warnings -s"

HEAD = ["cache", "census", "environment", "head", "image", "lzo", "mount", "report", "sections", "squash", "table", "ways"]
STARTER = ["environment", "report", "starter"]
INSIDE = ["inplace", "private"]


def run(*words: str, cwd: Path | None = None) -> str:
    """What the command prints; its messages are shown when it fails."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - words of this script
    except FileNotFoundError:
        raise MachineUnable(f"there is no {words[0]}", hint=f"apt-get install {package_of(words[0])}") from None
    if done.returncode:
        raise UsageError(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def package_of(command: str) -> str:
    """The Debian package that brings the command."""
    return f"gcc-{command.removesuffix('-gcc').replace('_', '-')}" if command.endswith("-gcc") else command


def digest(path: Path) -> str:
    """The sha256 of the file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compile_files(machine: Machine, names: list[str], flags: list[str], folder: Path) -> list[str]:
    """The object files of the sources; no path of this machine gets into them."""
    common = [*WARNINGS.split(), *HARDENING.split(), machine.hardening, "-std=gnu17", "-D_GNU_SOURCE", f"-ffile-prefix-map={SOURCES}=."]
    defines = {"VERSION": VERSION, "TRIPLET": machine.triplet, "LOADER": machine.loader, "PYTHON": f"python{payload.read_recipe().python}"}
    common += [f'-D{name}="{value}"' for name, value in defines.items()]
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name in names:
        target = str(folder / f"{name}.o")
        run(machine.compiler, *common, *flags, "-c", "-o", target, f"{name}.c", cwd=SOURCES)
        made.append(target)
    return made


def c_library(machine: Machine, sysroot: Path) -> list[str]:
    """The flags for the headers of the sysroot. They come first: a cross compiler has its own C library's before those, maybe of another version."""
    include = sysroot / "usr/include"
    return [f"--sysroot={sysroot}", f"-isystem{include / machine.triplet}", f"-isystem{include}"]


def link_head(machine: Machine, sysroot: Path, work: Path, target: Path) -> None:
    """The head, static, with the C library of the sysroot."""
    flags = [*c_library(machine, sysroot), "-fPIE"]
    libraries = ["-lsquashfuse_ll", "-lfuse3", "-lzstd", "-lz", "-llzma", "-llz4", "-lpthread"]
    objects = compile_files(machine, HEAD, flags, work / "head")
    # libfuse can load modules by dlopen, which a static program warns about and which nothing here asks for.
    linking = [word.replace(",--fatal-warnings", "") for word in LINKING.split()]
    linking.append("-Wl,--wrap=fuse_reply_err")
    run(machine.compiler, f"--sysroot={sysroot}", "-static-pie", *linking, "-o", str(target), *objects, *libraries)
    finish_head(target, machine)


def finish_head(path: Path, machine: Machine) -> None:
    """Give the ELF file the AppImage's magic number and a section header table that ends at a page's end: the payload starts there."""
    content = bytearray(path.read_bytes())
    (table,) = struct.unpack_from("<Q", content, 40)
    size, count = struct.unpack_from("<HH", content, 58)
    headers = bytes(content[table : table + size * count])
    if elf.machine(bytes(content)) != machine.name or table + len(headers) != len(content):
        raise UsageError(f"{path} is not laid out as expected: the section header table has to be last")
    del content[table:]
    end = -(-(len(content) + len(headers)) // PAGE) * PAGE
    content += bytes(end - len(headers) - len(content))
    struct.pack_into("<Q", content, 40, len(content))
    content[8:11] = MARK
    path.write_bytes(content + headers)


def link_starter(machine: Machine, sysroot: Path, work: Path, target: Path) -> None:
    """The starter, static, with musl: four copies of it are in a payload, so it is small."""
    musl = f"{machine.name}-linux-musl"
    include, lib = sysroot / "usr/include" / musl, sysroot / "usr/lib" / musl
    objects = compile_files(machine, STARTER, ["-nostdinc", f"-isystem{include}", "-fno-pie", "-U_FORTIFY_SOURCE"], work / "starter")
    libgcc = run(machine.compiler, "-print-libgcc-file-name").strip()
    start, end = [str(lib / "crt1.o"), str(lib / "crti.o")], [str(lib / "libc.a"), libgcc, str(lib / "libc.a"), str(lib / "crtn.o")]
    run(machine.compiler, "-nostdlib", "-static", "-no-pie", *LINKING.split(), "-o", str(target), *start, *objects, *end)


def link_inside(machine: Machine, sysroot: Path, work: Path, target: Path) -> None:
    """The library that the bundled loader loads first."""
    objects = compile_files(machine, INSIDE, [*c_library(machine, sysroot), "-fPIC", "-fvisibility=hidden"], work / "inside")
    name = f"-Wl,-soname,{target.name}"
    run(machine.compiler, f"--sysroot={sysroot}", "-shared", name, *LINKING.split(), "-o", str(target), *objects)


def inputs(machine: Machine) -> str:
    """What the outputs depend on, in one digest: sources, how they are built, the pinned packages, the compiler."""
    files = sorted([*SOURCES.glob("*.[ch]"), LOCK, RECIPE / "payload.toml", *Path(__file__).parent.glob("*.py")])
    content = "".join(f"{path.name} {digest(path)}\n" for path in files) + run(machine.compiler, "--version")
    return hashlib.sha256(content.encode()).hexdigest()


def is_built(folder: Path, stamp: Path, wanted: str) -> bool:
    """Whether folder holds the outputs of these very inputs, unchanged."""
    sums = folder / "SHA256SUMS"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted or not sums.exists():
        return False
    lines = [line.split("  ", 1) for line in sums.read_text(encoding="utf-8").splitlines()]
    return all((folder / name).exists() and digest(folder / name) == value for value, name in lines)


def build(machine: Machine, out: Path = RUNTIME) -> Path:
    """Everything for ``machine`` into ``out / ARCH``, which is replaced at the end; nothing where it is all there. Returns that folder.

    Raises:
        UsageError: something pinned cannot be had, or a source does not compile.
        MachineUnable: a tool is missing.
    """
    folder, work = out.resolve() / machine.name, RUNTIME / "work" / machine.name
    work.mkdir(parents=True, exist_ok=True)
    with (RUNTIME / "lock").open("w") as lock:
        # One at a time: the folders of the work are the same.
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = f"{inputs(machine)} {folder}\n"
        if not is_built(folder, work / "inputs", wanted):
            _build(machine, folder, work)
            (work / "inputs").write_text(wanted, encoding="utf-8")
    return folder


def _build(machine: Machine, folder: Path, work: Path) -> None:
    made = work / "made"
    debian = debs.Debian(payload.read_recipe().suite, RUNTIME / "packages")
    sysroot = debian.laid_out(LOCK, machine.debian, work / "sysroot")
    (work / "inputs").unlink(missing_ok=True)
    shutil.rmtree(made, ignore_errors=True)
    (made / "licenses").mkdir(parents=True)
    link_head(machine, sysroot, work, made / "head")
    link_starter(machine, sysroot, work, made / "starter")
    link_inside(machine, sysroot, work, made / "libtea-inside.so")
    for package in LICENSED:
        shutil.copyfile(sysroot / "usr/share/doc" / package / "copyright", made / "licenses" / package)
    files = sorted(path for path in made.rglob("*") if path.is_file())
    for path in files:
        path.chmod(stat.S_IFREG | (0o755 if path.parent == made and path.suffix == "" else 0o644))
    sums = "".join(f"{digest(path)}  {path.relative_to(made)}\n" for path in files)
    (made / "SHA256SUMS").write_text(sums, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made.rename(folder)
