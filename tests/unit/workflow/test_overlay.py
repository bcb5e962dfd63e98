"""Overlays: the merge, and that every value keeps the place it came from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from the_edge_agent.errors import Source
from the_edge_agent.workflow.overlay import overlay
from the_edge_agent.workflow.source import Map, Tree, compose, plain


def tree(text: str, name: str = "base") -> Tree:
    found = compose(Source(name, text), lambda problem: pytest.fail(str(problem)))
    assert found is not None
    return found


def merged(base: str, *tops: str) -> Any:
    found = tree(base)
    for top in tops:
        found = overlay(found, tree(top, "top"))
    return plain(found)


@pytest.mark.parametrize(
    ("base", "top", "expected"),
    [
        ("{a: 1}", "{b: 2}", {"a": 1, "b": 2}),
        ("{a: {x: 1, y: 1}}", "{a: {y: 2, z: 2}}", {"a": {"x": 1, "y": 2, "z": 2}}),
        ("{a: {x: 1}}", "{a: null}", {"a": None}),
        ("{a: {x: 1}}", "{a: 5}", {"a": 5}),
        ("{a: [1, 2]}", "{a: [3]}", {"a": [3]}),
        ("{nodes: [{name: a, x: 1}, {name: b}]}", "{nodes: [{name: a, y: 2}]}", {"nodes": [{"name": "a", "x": 1, "y": 2}, {"name": "b"}]}),
        ("{nodes: [{name: a}]}", "{nodes: [{name: c}, {name: a, x: 1}]}", {"nodes": [{"name": "a", "x": 1}, {"name": "c"}]}),
        ("{nodes: [{name: a}]}", "{nodes: [{name: a, __delete__: true}]}", {"nodes": []}),
        ("{nodes: [{name: a}]}", "{nodes: [{name: a, __delete__: false}]}", {"nodes": [{"name": "a", "__delete__": False}]}),
        ("{nodes: [{name: a}]}", "{nodes: [{name: b, __delete__: true}]}", {"nodes": [{"name": "a"}]}),
        ("{nodes: [1]}", "{nodes: [1, {}]}", {"nodes": [1, 1, {}]}),
        (
            "{edges: [{from: a, to: b, when: x}, {from: a, to: c}]}",
            "{edges: [{from: a, to: c, when: y}, {from: a, to: d}]}",
            {"edges": [{"from": "a", "to": "b", "when": "x"}, {"from": "a", "to": "c", "when": "y"}, {"from": "a", "to": "d"}]},
        ),
        ("{edges: [{from: a, parallel: [b]}]}", "{edges: [{from: a, parallel: [c]}]}", {"edges": [{"from": "a", "parallel": ["c"]}]}),
        (
            "{nodes: [{name: a, goto: [{if: x, to: b}, {to: c}]}]}",
            "{nodes: [{name: a, goto: [{if: y, to: b}]}]}",
            {"nodes": [{"name": "a", "goto": [{"if": "y", "to": "b"}, {"to": "c"}]}]},
        ),
        ("{nodes: [{name: a, goto: b}]}", "{nodes: [{name: a, goto: [{to: c}]}]}", {"nodes": [{"name": "a", "goto": [{"to": "c"}]}]}),
        ("{deep: {nodes: [{name: a, x: 1}]}}", "{deep: {nodes: [{name: a, y: 1}]}}", {"deep": {"nodes": [{"name": "a", "x": 1, "y": 1}]}}),
        ("[1]", "{a: 1}", {"a": 1}),
    ],
)
def test_merge(base: str, top: str, expected: Any) -> None:
    assert merged(base, top) == expected


def test_the_last_overlay_wins() -> None:
    assert merged("{a: 1, b: 1, c: 1}", "{b: 2, c: 2}", "{c: 3}") == {"a": 1, "b": 2, "c": 3}


def test_every_value_keeps_its_place() -> None:
    found = overlay(tree("a: 1\nb: 1\n"), tree("# top\n# top\nb: 2\n", "top"))
    assert isinstance(found, Map)
    assert str(found.keys["a"]) == "base:1:1"
    assert str(found.keys["b"]) == "top:3:1"
    assert str(found.items["b"].spot) == "top:3:4"


NAMED = st.fixed_dictionaries({"name": st.sampled_from("abc")}, optional={"x": st.integers(0, 2), "y": st.integers(0, 2)})
DOCUMENT = st.fixed_dictionaries(
    {}, optional={"nodes": st.lists(NAMED, max_size=3, unique_by=lambda item: item["name"]), "v": st.integers(0, 3)}
)


@given(DOCUMENT, DOCUMENT)
def test_an_overlay_changes_neither_of_the_two_and_is_idempotent(base: Any, top: Any) -> None:
    left, right = tree(repr(base)), tree(repr(top))
    once = plain(overlay(left, right))
    assert (plain(left), plain(right)) == (base, top)
    assert plain(overlay(overlay(left, right), right)) == once
    assert plain(overlay(left, left)) == base
