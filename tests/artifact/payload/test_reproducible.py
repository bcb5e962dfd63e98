"""Engines built from pinned packages: the same bytes whoever builds them where, and whatever else is built beside them.

Set ``TEA_ACCEPT_BUILD=1``: it fetches packages and takes minutes. ``TEA_ACCEPT_WORK`` names a folder to keep packages in.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TEA_ACCEPT_BUILD"), reason="builds engines from packages: set TEA_ACCEPT_BUILD=1"),
    pytest.mark.timeout(3600),
]


def build(variant: str, work: Path, *, umask: int, **environment: str) -> str:
    """The SHA-256 of ``variant`` built in ``work`` under that umask and environment."""
    kept = os.environ.get("TEA_ACCEPT_WORK")
    if kept and not (work / "apt").exists():
        shutil.copytree(Path(kept) / "apt" / "debs", work / "apt" / "debs")
    target = work / f"{variant}.AppImage"
    words = [sys.executable, "-m", "the_edge_agent", "bundle", "--variant", variant, "--level", "3", "--work", str(work), "-o", str(target)]
    done = subprocess.run(words, env={**os.environ, **environment}, umask=umask, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    one = build("tea-python", tmp_path / "a", umask=0o022)
    build("tea-python-llm", tmp_path / "a", umask=0o022)
    again = build("tea-python", tmp_path / "a", umask=0o022)
    other = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "HOME": str(tmp_path / "home"), "PYTHONHASHSEED": "77", "LOGNAME": "somebody"}
    elsewhere = build("tea-python", tmp_path / "a much longer name with spaces", umask=0o077, **other)
    assert one == again == elsewhere
