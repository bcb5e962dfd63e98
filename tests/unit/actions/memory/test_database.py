from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from the_edge_agent.actions.memory.database import connected


def open_files() -> set[Path]:
    return {link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}


def test_a_file_that_is_no_database_is_not_kept_open(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada, this is no database at all." * 50, encoding="utf-8")
    with pytest.raises(sqlite3.DatabaseError) as caught:
        connected(str(path), "CREATE TABLE t (x);")
    assert path not in open_files()
    assert caught.tb
