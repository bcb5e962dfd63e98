from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from the_edge_agent.writing import write

Call = Callable[..., Any]


@pytest.fixture(autouse=True)
def _in_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_write_makes_directories_and_read_gives_it_back(call: Call) -> None:
    assert call("file.write", path="sub/dir/out.txt", content="hé\r\n") == {"path": "sub/dir/out.txt", "success": True}
    assert call("file.read", path="sub/dir/out.txt") == {"content": "hé\r\n", "success": True}
    assert [entry.name for entry in Path("sub/dir").iterdir()] == ["out.txt"]


def test_encodings(call: Call) -> None:
    call("file.write", path="l", content="é", encoding="latin-1")
    assert Path("l").read_bytes() == b"\xe9"
    assert call("file.read", path="l", encoding="latin-1")["content"] == "é"
    assert call("file.read", path="l")["error_type"] == "encoding"
    assert call("file.read", path="l", encoding="utf-99")["error_type"] == "encoding"


def test_failures_are_results(call: Call) -> None:
    assert call("file.read", path="nope.txt") == {"success": False, "error": "File not found: nope.txt", "error_type": "not_found"}
    Path("d").mkdir()
    assert call("file.read", path="d")["error_type"] == "is_directory"
    assert call("file.write", path="d", content="")["error_type"] == "is_directory"
    Path("f").write_text("x", encoding="utf-8")
    assert call("file.read", path="f/g")["error_type"] == "not_directory"
    assert call("file.write", path="f/g", content="")["success"] is False


@pytest.mark.parametrize("path", ["s3://bucket/key", "file:///etc/hostname", "https://example.org/x", "", "a\0b"])
def test_only_local_paths(call: Call, path: str) -> None:
    for name, more in (
        ("read", {}),
        ("write", {"content": "x"}),
        ("delete", {}),
        ("list", {}),
        ("exists", {}),
        ("append", {"content": "x"}),
    ):
        assert call(f"file.{name}", path=path, **more)["error_type"] == "bad_path"
    assert list(Path().iterdir()) == []


def test_a_file_that_is_too_large_is_reported_not_cut(call: Call) -> None:
    Path("f").write_text("12345", encoding="utf-8")
    assert call("file.read", path="f", max_bytes=5)["content"] == "12345"
    assert call("file.read", path="f", max_bytes=4)["error_type"] == "too_large"


def test_overwriting_keeps_permissions_and_follows_a_link(call: Call) -> None:
    Path("real").write_text("old", encoding="utf-8")
    Path("real").chmod(0o600)
    Path("link").symlink_to("real")
    call("file.write", path="link", content="new")
    assert Path("link").is_symlink()
    assert Path("real").read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(Path("real").stat().st_mode) == 0o600


def test_a_home_nobody_has_is_reported(call: Call) -> None:
    failed = call("file.write", path="~no-such-user/x.txt", content="x")
    assert (failed["success"], failed["error_type"]) == (False, "bad_path")
    assert "~no-such-user/x.txt" in failed["error"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "f"
    target.write_bytes(b"old")
    with pytest.raises(TypeError):
        write(target, "not bytes")  # type: ignore[arg-type]
    assert target.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


def test_append_exists_delete(call: Call) -> None:
    call("file.append", path="log/l", content="a")
    call("file.append", path="log/l", content="b")
    assert call("file.read", path="log/l")["content"] == "ab"
    assert call("file.exists", path="log/l") == {"exists": True, "is_directory": False, "path": "log/l", "success": True}
    assert call("file.delete", path="log/l") == {"deleted": True, "path": "log/l", "success": True}
    assert call("file.exists", path="log/l")["exists"] is False
    assert call("file.delete", path="log/l")["error_type"] == "not_found"
    assert call("file.delete", path="log/l", missing_ok=True)["deleted"] is False
    assert call("file.delete", path="log")["error_type"] == "is_directory"
    assert Path("log").is_dir()


def test_list(call: Call) -> None:
    for name in ("b.txt", "a.txt", "c.md", "sub/d.txt"):
        call("file.write", path=name, content="")
    assert call("file.list", path=".", pattern="*.txt")["files"] == ["a.txt", "b.txt"]
    whole = call("file.list", path=".", recursive=True)
    assert whole["files"] == ["a.txt", "b.txt", "c.md", "sub/d.txt"]
    assert (whole["directories"], whole["count"]) == (["sub"], 4)
    assert call("file.list", path="gone")["error_type"] == "not_found"
    assert call("file.list", path="a.txt")["error_type"] == "not_directory"
    assert call("file.list", pattern="../*")["error_type"] == "bad_pattern"
