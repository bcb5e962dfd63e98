"""A folder of files → the squashfs of an engine → an engine image.

Inodes, directories and ids stay uncompressed, so that files can be added later without any tool (see :mod:`the_edge_agent.image.growth`).
Owner, times and order come from here, not from the machine.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from release.build import payload
from the_edge_agent import __version__
from the_edge_agent.errors import MachineUnable, UsageError
from the_edge_agent.image.engine import Engine, open_engine
from the_edge_agent.image.writer import write_engine

if TYPE_CHECKING:
    from pathlib import Path

    from release.build.machine import Machine

MADE = 315532800
"""The time of every file inside: 1980-01-01, the earliest that zip archives know too."""
LEVEL = 15
"""Of zstd. 19 takes twice as long for a third of a percent."""
_MEMORY = "512M"


def build(machine: Machine, *, name: str, llm: bool, runtime: Path, work: Path, level: int = LEVEL) -> Engine:
    """Build the engine ``name``, with llama.cpp if ``llm``, from pinned packages and the runtime, into ``work``.

    Raises:
        UsageError: something pinned cannot be had, or ``work`` cannot be written.
        MachineUnable: a tool is missing.
    """
    folder = payload.assemble(machine, llm=llm, runtime=runtime, work=work)
    head = runtime / machine.name / "head"
    try:
        start = head.read_bytes()
    except OSError as problem:
        raise UsageError(f"there is no {head}", hint="build the runtime first: python -m release.build runtime") from problem
    squashfs = work / f"{name}-{machine.name}.squashfs"
    pack(folder, squashfs, level=level)
    target = work / "engines" / f"{name}-{machine.name}.AppImage"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_engine(target, head=start, squashfs=squashfs, name=name, version=__version__, features=payload.features(folder))
    squashfs.unlink()
    return open_engine(target)


def pack(folder: Path, target: Path, *, level: int = LEVEL) -> None:
    """Write the squashfs of ``folder`` to ``target``.

    Raises:
        MachineUnable: ``mksquashfs`` is not installed.
        UsageError: it failed.
    """
    target.unlink(missing_ok=True)
    words = ["mksquashfs", str(folder), str(target), "-comp", "zstd", "-Xcompression-level", str(level), "-mem", _MEMORY]
    words += ["-noI", "-noId", "-no-exports", "-no-xattrs", "-all-root", "-mkfs-time", str(MADE), "-all-time", str(MADE)]
    words += ["-noappend", "-no-progress", "-quiet"]
    try:
        done = subprocess.run(  # noqa: S603 - words of our own
            words,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError as problem:
        raise MachineUnable(
            "building an engine needs mksquashfs, which is not installed", hint="apt-get install squashfs-tools"
        ) from problem
    if done.returncode:
        target.unlink(missing_ok=True)
        raise UsageError(f"mksquashfs failed: {done.stderr.strip()[-300:]}")
