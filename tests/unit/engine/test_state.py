"""State is JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from the_edge_agent.engine.state import BranchResult, as_json, copy
from the_edge_agent.errors import NodeFailed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_json_is_left_as_it_is(value: Any) -> None:
    assert as_json(value, "x") is value


@given(JSON)
def test_a_copy_is_equal_and_shares_no_container(value: Any) -> None:
    twin = copy(value)
    assert twin == value
    assert containers(twin).isdisjoint(containers(value))


def containers(value: Any) -> set[int]:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    own = {id(value)} if isinstance(value, dict | list) else set()
    return own.union(*(containers(item) for item in inner))


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, {"b": {1}}]}, "a[1].b"),
        ({"a": object()}, "a"),
        ({"a": {"b": float("inf")}}, "a.b"),
        ({"a": {(1, 2): 1}}, "a.(1, 2)"),
        ({"f": print}, "f"),
    ],
)
def test_what_is_no_json_is_named_by_its_path(value: Any, path: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        as_json(value, "")
    assert f"'{path}'" in caught.value.message


def test_tuples_and_text_subclasses_become_plain() -> None:
    class Word(str):
        __slots__ = ()

    found = as_json({"pair": (Word("a"), [Word("b")])}, "")
    assert found == {"pair": ["a", ["b"]]}
    assert type(found["pair"][0]) is str
    assert type(found["pair"][1][0]) is str


def test_copy_takes_other_things_along() -> None:
    tags = {1, 2}
    twin = copy({"tags": tags})
    assert twin == {"tags": tags}
    assert twin["tags"] is not tags


def result(**state: Any) -> BranchResult:
    return BranchResult.of("a", state, 0.25)


def test_a_branch_result_reads_through_to_its_state() -> None:
    found = result(total=3, success="hidden")
    assert found["total"] == found.total == found.get("total") == 3
    assert found["success"] is True, "its own fields come first"
    assert "total" in found
    assert "absent" not in found
    assert found.get("absent", 5) == 5


def test_a_missing_key_of_a_branch_result_is_missing() -> None:
    with pytest.raises(KeyError, match="absent"):
        result()["absent"]
    with pytest.raises(AttributeError, match="absent"):
        _ = result().absent


def test_a_branch_result_is_json_with_its_own_fields_only() -> None:
    found = json.loads(json.dumps(result(total=3)))
    assert found["state"] == {"total": 3}
    assert "total" not in found
    assert found["timing_ms"] == 250


def test_a_copied_branch_result_still_reads_through() -> None:
    twin = copy(result(list=[1]))
    assert isinstance(twin, BranchResult)
    assert twin["list"] == [1]


@pytest.mark.parametrize(("kind", "timeout"), [("LimitReached", True), ("TimeoutError", True), ("ValueError", False)])
def test_a_failed_branch_says_whether_it_timed_out(kind: str, timeout: bool) -> None:  # noqa: FBT001 - a parameter of a test
    found = BranchResult.of("a", {}, 0, ("text", kind))
    assert (found["success"], found["error"], found["error_type"], found["timeout"]) == (False, "text", kind, timeout)
