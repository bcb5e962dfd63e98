"""``install.sh`` of one release: the script of the source tree, knowing which one it is, where releases are and which key signs them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from release.publish import ROOT
from release.publish.artifact import check_url, check_version, write
from release.publish.signature import check_key
from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "install.sh"
SCRIPT = ROOT / "release" / NAME


def text(releases: str, version: str, public_key: str | None) -> str:
    """The script of ``version``, for releases below ``releases`` (``https://HOST/OWNER/NAME/releases``); without a key it checks no signature.

    Raises:
        UsageError: the address, the version or the key is none.
    """
    try:
        values = {
            "releases": check_url(releases),
            "released": check_version(version),
            "public_key": check_key(public_key) if public_key else "",
        }
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    script = SCRIPT.read_text(encoding="utf-8")
    for name, value in values.items():
        script, count = re.subn(rf"^{name}=''$", f"{name}='{value}'", script, flags=re.MULTILINE)
        if count != 1:
            raise UsageError(f"{SCRIPT} has no line {name}=''")
    return script


def write_installer(folder: Path, releases: str, version: str, public_key: str | None) -> Path:
    """Write the script into ``folder``; returns it."""
    path = folder / NAME
    write(path, text(releases, version, public_key))
    path.chmod(0o755)
    return path
