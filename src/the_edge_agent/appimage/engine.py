"""A folder of files → the squashfs of an engine.

Inodes, directories and ids stay uncompressed, so that files can be added later without any tool (see :mod:`.growth`). Owner, times and
order come from here, not from the machine.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from the_edge_agent.errors import MachineUnable, UsageError

if TYPE_CHECKING:
    from pathlib import Path

MADE = 315532800
"""The time of every file inside: 1980-01-01, the earliest that zip archives know too."""
LEVEL = 15
"""Of zstd. 19 takes twice as long for a third of a percent."""
_MEMORY = "512M"


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
