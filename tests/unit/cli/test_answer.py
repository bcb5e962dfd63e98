from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from the_edge_agent.cli.answer import encoded
from the_edge_agent.errors import NodeFailed


def circular() -> dict[str, Any]:
    state: dict[str, Any] = {}
    state["me"] = {"again": state}
    return state


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "where", "what"),
    [
        ({"x": {1, 2}}, "state.x", "type set"),
        ({"a": [0, {"b": date(2024, 1, 1)}]}, "state.a[1].b", "type date"),
        ({"a": {"n": float("nan")}}, "state.a.n", "number nan"),
        ({"a": {(1, 2): 3}}, "state.a, key (1, 2)", "type tuple"),
        ({"a": b"x"}, "state.a", "type bytes"),
        (circular(), "state.me.again", "itself"),
        ({"d": deep()}, "state.d[0][0]", "very deeply"),
    ],
)
def test_what_json_cannot_say_is_named_by_its_key(value: Any, where: str, what: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        encoded(value)
    assert where in caught.value.message
    assert what in caught.value.message


def test_text_stays_readable_and_half_a_character_stays_json() -> None:
    assert encoded({"é": "日本"}) == '{"é": "日本"}\n'.encode()
    assert json.loads(encoded({"x": "\ud83d"}).decode("ascii")) == {"x": "\ud83d"}


def test_the_same_value_in_two_places_is_no_circle() -> None:
    shared = [1]
    assert json.loads(encoded({"a": shared, "b": shared})) == {"a": [1], "b": [1]}
