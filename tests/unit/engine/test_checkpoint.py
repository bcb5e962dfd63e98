"""A checkpoint is written and read in one form."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from the_edge_agent.engine.checkpoint import VERSION, Checkpoint, NoCheckpoint, OtherVersion

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
CHECKPOINTS = st.builds(
    Checkpoint,
    node=st.text(),
    when=st.sampled_from(["before", "inside", "after"]),
    state=st.dictionaries(st.text(max_size=3), JSON, max_size=3),
    result=JSON,
    jump=st.none() | st.text(),
)


@given(CHECKPOINTS)
def test_what_is_written_is_read(checkpoint: Checkpoint) -> None:
    document = checkpoint.document(config={"interrupt_before": ["a"]}, timestamp="2026-01-01T00:00:00+00:00")
    assert Checkpoint.of(json.loads(json.dumps(document))) == checkpoint


@pytest.mark.parametrize(
    ("when", "more", "keys"),
    [
        ("before", {}, ["state", "node", "when", "config", "timestamp", "version"]),
        ("inside", {}, ["state", "node", "config", "timestamp", "version"]),
        ("after", {"jump": "c", "result": (1, 2)}, ["state", "node", "when", "config", "timestamp", "version", "jump", "result"]),
        ("after", {"result": object()}, ["state", "node", "when", "config", "timestamp", "version"]),
        ("after", {"result": [float("nan")]}, ["state", "node", "when", "config", "timestamp", "version"]),
    ],
)
def test_the_form_has_what_is_needed_to_go_on(when: Literal["before", "inside", "after"], more: dict[str, Any], keys: list[str]) -> None:
    document = Checkpoint("b", when, {"n": 1}, **more).document(config={}, timestamp=1.5)
    assert list(document) == keys
    assert json.loads(json.dumps(document))["state"] == {"n": 1}


GOOD = {"state": {}, "node": "b", "when": "before", "version": VERSION}


@pytest.mark.parametrize("document", [None, [], "x", {}, {**GOOD, "state": 1}, {**GOOD, "node": None}, {**GOOD, "jump": 1}])
def test_something_else_is_no_checkpoint(document: object) -> None:
    with pytest.raises(NoCheckpoint):
        Checkpoint.of(document)


@pytest.mark.parametrize("version", [None, "9.0", 1.0, []])
def test_another_version_is_not_read(version: object) -> None:
    with pytest.raises(OtherVersion) as caught:
        Checkpoint.of({**GOOD, "version": version})
    assert caught.value.found == version


@pytest.mark.parametrize("when", [None, "later", [], {}])
def test_one_that_does_not_say_where_it_was_made_was_made_inside_a_node(when: object) -> None:
    assert Checkpoint.of({**GOOD, "when": when}).when == "inside"
