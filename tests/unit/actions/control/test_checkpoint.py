from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.errors import NodeFailed, Refused
from the_edge_agent.workflow.model import Workflow

if TYPE_CHECKING:
    from pathlib import Path

Call = Callable[..., Any]


def test_what_is_saved_is_loaded(call: Call, make_scope: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "deep" / "cp.json")
    scope = make_scope(state={"x": [1, "é"]}, node="s", workflow=Workflow("w", {}, {}, config={"raise_exceptions": True}))
    before = time.time()
    assert call("checkpoint.save", scope, path=path) == {"checkpoint_path": path, "saved": True}
    loaded = call("checkpoint.load", make_scope(), path=path)
    assert before <= loaded.pop("checkpoint_timestamp") <= time.time()
    assert loaded == {
        "checkpoint_state": {"x": [1, "é"]},
        "checkpoint_node": "s",
        "checkpoint_config": {"raise_exceptions": True},
        "checkpoint_version": "1.0",
    }


def test_a_state_that_is_not_json_fails_and_keeps_the_old_file(call: Call, make_scope: Any, tmp_path: Path) -> None:
    path = tmp_path / "cp"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(NodeFailed, match="not JSON"):
        call("checkpoint.save", make_scope(state={"x": object()}), path=str(path))
    assert path.read_text(encoding="utf-8") == "old"


def test_a_pickle_is_refused_and_never_loaded(call: Call, tmp_path: Path) -> None:
    path, trace = tmp_path / "cp.pkl", tmp_path / "trace"
    # The bytes of an object whose loading would make a directory.
    path.write_bytes(b"\x80\x04cos\nmkdir\n(V" + str(trace).encode() + b"\ntR.")
    with pytest.raises(Refused, match="pickle"):
        call("checkpoint.load", path=str(path))
    assert not trace.exists()


@pytest.mark.parametrize("content", ["", "[1]", '{"state": 1}', json.dumps({"state": {}, "version": "9"}), "{"])
def test_what_is_no_checkpoint_is_reported(call: Call, tmp_path: Path, content: str) -> None:
    path = tmp_path / "cp"
    path.write_text(content, encoding="utf-8")
    assert list(call("checkpoint.load", path=str(path))) == ["error"]


def test_a_missing_checkpoint_is_reported(call: Call) -> None:
    assert call("checkpoint.load", path="gone") == {"error": "Checkpoint not found: gone"}
    assert "Not a local path" in call("checkpoint.load", path="s3://b/k")["error"]
