"""Debian's packages of an engine: a lock that is read as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from release.build import debs
from release.build.debs import Package
from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    some = (Package("b", "1:2.0-1", "arm64", "1" * 64), Package("a", "3", "amd64", "2" * 64))
    (tmp_path / "lock").write_text(debs.lock_text(some), encoding="utf-8")
    assert debs.read_lock(tmp_path / "lock") == tuple(sorted(some))
    (tmp_path / "lock").write_text("a b\n", encoding="utf-8")
    with pytest.raises(UsageError, match="pinned packages"):
        debs.read_lock(tmp_path / "lock")
