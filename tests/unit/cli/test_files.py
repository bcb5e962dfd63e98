from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from the_edge_agent.cli import files
from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_replaced_whole_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"old")
    path.chmod(0o640)
    files.write("--output", path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


def test_a_link_keeps_pointing_where_it_points(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "state.json"
    link.symlink_to(tmp_path / "real" / "state.json")
    files.write("--output", link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "real" / "state.json").read_bytes() == b"new"


def test_what_cannot_be_written_names_option_and_path(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--output: cannot write .*no/state.json"):
        files.write("--output", tmp_path / "no" / "state.json", b"x")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="--debug-state: cannot make the folder"):
        files.folder("--debug-state", tmp_path / "file" / "folder")
