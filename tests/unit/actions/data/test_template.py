from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from pathlib import Path

Call = Callable[..., Any]


def test_notify_prints_on_standard_error_only(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("notify", channel="alert", message="done") == {"sent": True, "channel": "alert"}
    call("notify", message={"n": 1})
    assert capsys.readouterr() == ("", '[ALERT] done\n[INFO] {"n": 1}\n')


def test_notify_lets_no_text_steer_the_terminal(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    call("notify", message="a\x1b[2Jb\r\x07\nc")
    assert capsys.readouterr().err == "[INFO] a\ufffd[2Jb\ufffd\ufffd\nc\n"


def test_a_template_file_sees_state_and_data(call: Call, make_scope: Any, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear {{ data.name }},\n{% for i in state.items %}- {{ i }}\n{% endfor %}", encoding="utf-8")
    scope = make_scope(state={"items": ["a", "b"]})
    assert call("template", scope, path=str(path), data={"name": "Ann"}) == {"text": "Dear Ann,\n- a\n- b\n"}


def test_a_value_becomes_text(call: Call, make_scope: Any) -> None:
    assert call("template", make_scope(state={"n": [1, "é"]}), template="{{ state.n }}") == {"text": '[1, "é"]'}


def test_a_rendered_text_cannot_reach_secrets(call: Call, make_scope: Any) -> None:
    scope = make_scope(secrets={"key": "hunter2"})
    for expression in ("{{ secrets.key }}", "a {{ secrets.key }}", "{{ env.PATH }} b"):
        with pytest.raises(NodeFailed) as caught:
            call("template", scope, template=expression)
        assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("parameters", [{}, {"template": "a", "path": "b"}, {"path": "gone.txt"}, {"template": "{{ 1 +"}])
def test_what_cannot_be_rendered_fails(call: Call, parameters: dict[str, Any]) -> None:
    with pytest.raises(NodeFailed):
        call("template", **parameters)
