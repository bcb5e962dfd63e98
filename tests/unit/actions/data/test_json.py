from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from the_edge_agent.engine import events

Call = Callable[..., Any]


def test_parse_gives_the_data(call: Call) -> None:
    assert call("json.parse", text='{"a": [1, null, "é"]}') == {"data": {"a": [1, None, "é"]}, "success": True}


def test_text_that_is_not_json_is_reported_with_its_place(call: Call) -> None:
    assert call("json.parse", text="{bad") == {
        "success": False,
        "error": "JSON parse error: Expecting property name enclosed in double quotes",
        "error_type": "parse",
        "position": {"line": 1, "column": 2},
    }


def test_default_stands_in_only_when_not_strict_and_says_so_otherwise(call: Call, make_scope: Any) -> None:
    assert call("json.parse", text="{bad", default={"x": 1}, strict=False) == {"data": {"x": 1}, "success": True}
    told: list[events.Event] = []
    assert call("json.parse", make_scope(told=told), text="{bad", default={"x": 1})["success"] is False
    assert [event.code for event in told if isinstance(event, events.Warned)] == ["DEFAULT_UNUSED"]


def test_null_is_a_default(call: Call) -> None:
    assert call("json.parse", text="", default=None, strict=False) == {"data": None, "success": True}


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "[" * 100_000])
def test_what_could_not_be_written_out_again_is_refused(call: Call, text: str) -> None:
    assert call("json.parse", text=text)["error_type"] == "parse"


def test_stringify_keeps_letters_and_indents(call: Call) -> None:
    assert call("json.stringify", data={"a": "é"}) == {"text": '{"a": "é"}', "success": True}
    assert call("json.stringify", data=[1], indent=2)["text"] == "[\n  1\n]"
    assert call("json.stringify", data="é", ensure_ascii=True)["text"] == '"\\u00e9"'


@pytest.mark.parametrize("data", [{1, 2}, float("nan"), object()])
def test_what_is_not_json_is_reported(call: Call, data: object) -> None:
    result = call("json.stringify", data=data)
    assert (result["success"], result["error_type"]) == (False, "serialize")


def test_transform_queries_with_jmespath(call: Call) -> None:
    data = {"items": [{"k": "a", "v": 1}, {"k": "b", "v": 2}]}
    expression = "items[?v > `1`].k"
    assert call("json.transform", data=data, expression=expression) == {"result": ["b"], "expression": expression, "success": True}
    assert call("json.transform", data=data, expression="items[")["error_type"] == "transform"
