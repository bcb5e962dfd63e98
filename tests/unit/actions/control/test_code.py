from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def test_code_from_data_is_never_run(call: Callable[..., Any], tmp_path: Any) -> None:
    trace = tmp_path / "trace"
    result = call("code.execute", code=f"open({str(trace)!r}, 'w')", timeout=5)
    assert {**result, "error": ""} == {
        "success": False,
        "stdout": "",
        "stderr": "",
        "return_value": None,
        "error": "",
        "execution_time_ms": 0.0,
    }
    assert "disabled" in result["error"]
    assert not trace.exists()
