"""What is recorded of a model that came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.models import installed
from the_edge_agent.models.installed import Record

if TYPE_CHECKING:
    from pathlib import Path

ONE = Record("a" * 64, 5, "a/b@0123/x.gguf", "first use")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "the-edge-agent"


def test_a_record_is_kept_replaced_and_forgotten(home: Path) -> None:
    assert installed.record("x.gguf") is None
    installed.keep("x.gguf", ONE)
    assert installed.record("x.gguf") == ONE
    other = Record("b" * 64, 6, "/x.gguf", "added")
    installed.keep("x.gguf", other)
    assert installed.record("x.gguf") == other
    assert [path.name for path in (home / "records").iterdir()] == ["x.gguf.json"]
    assert installed.forget("x.gguf")
    assert not installed.forget("x.gguf")
    assert installed.record("x.gguf") is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"sha256": 1}', b"\xff"])
def test_a_damaged_record_is_no_record_but_an_error(home: Path, content: bytes) -> None:
    (home / "records").mkdir(parents=True)
    (home / "records" / "x.gguf.json").write_bytes(content)
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        installed.record("x.gguf")


def test_the_catalogue_knows_better_than_a_record() -> None:
    assert installed.expected("x.gguf") == (None, None)
    installed.keep("x.gguf", ONE)
    assert installed.expected("x.gguf") == (ONE.sha256, 5)
    for name, digest, size in (
        ("Qwen3.5-4B-Q4_K_M.gguf", "00fe7986ff5f6b463e62455821146049db6f9313603938a70800d1fb69ef11a4", None),
        ("gemma-4-E2B-it-Q4_K_M.gguf", ONE.sha256, 3_106_736_256),
        ("gemma-3n-E4B-it-Q4_K_M.gguf", ONE.sha256, 5),
    ):
        installed.keep(name, ONE)
        assert installed.expected(name) == (digest, size)
