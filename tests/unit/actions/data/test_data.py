from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Call = Callable[..., Any]
ROWS = [
    {"n": 1, "name": "Ann", "tags": ["x"], "deep": {"k": "a"}},
    {"n": 2, "name": "Bob", "tags": ["x", "y"], "deep": {"k": "b"}},
    {"n": 3, "name": "Cid", "tags": [], "old": None},
]


@pytest.mark.parametrize(
    ("predicate", "kept"),
    [
        ({"field": "n", "op": "gt", "value": 1}, [2, 3]),
        ({"field": "n", "op": "gte", "value": 2}, [2, 3]),
        ({"field": "n", "op": "lt", "value": 2}, [1]),
        ({"field": "n", "op": "lte", "value": 2.0}, [1, 2]),
        ({"field": "n", "value": 2}, [2]),
        ({"field": "n", "op": "ne", "value": 2}, [1, 3]),
        ({"field": "n", "op": "in", "value": [1, 3]}, [1, 3]),
        ({"field": "n", "op": "not_in", "value": [1, 3]}, [2]),
        ({"field": "deep.k", "op": "eq", "value": "b"}, [2]),
        ({"field": "tags.0", "value": "x"}, [1, 2]),
        ({"field": "tags", "op": "contains", "value": "y"}, [2]),
        ({"field": "tags", "op": "not_contains", "value": "x"}, [3]),
        ({"field": "name", "op": "starts_with", "value": "B"}, [2]),
        ({"field": "name", "op": "ends_with", "value": "d"}, [3]),
        ({"field": "name", "op": "regex", "value": "^[AB]"}, [1, 2]),
        ({"field": "old", "op": "exists"}, [3]),
        ({"field": "old", "op": "exists", "value": False}, [1, 2]),
        ({"field": "old", "op": "eq", "value": None}, [1, 2, 3]),
        ([{"field": "n", "op": "gt", "value": 1}, {"field": "name", "value": "Bob"}], [2]),
        ([], [1, 2, 3]),
    ],
)
def test_filter_keeps(call: Call, predicate: Any, kept: list[int]) -> None:
    result = call("data.filter", data=ROWS, predicate=predicate)
    assert [row["n"] for row in result["result"]] == kept
    assert (result["original_count"], result["filtered_count"], result["success"]) == (3, len(kept), True)


def test_filter_without_field_compares_the_items_and_true_is_not_one(call: Call) -> None:
    assert call("data.filter", data=[1, True, "1"], predicate={"value": 1})["result"] == [1]


@pytest.mark.parametrize(
    ("predicate", "word"),
    [
        ({"field": "name", "op": "gt", "value": 5}, "compare"),
        ({"field": "n", "op": "greater", "value": 5}, "unknown op 'greater'"),
        ({"field": "n", "op": "gt"}, "needs a value"),
        ({"field": "n", "ops": "gt", "value": 1}, "'ops'"),
        ({"field": "name", "op": "regex", "value": "("}, "regex"),
        ({"field": "name", "op": "regex", "value": "a" * 2000}, "up to 1000"),
        (["n > 1"], "must be a mapping"),
    ],
)
def test_a_predicate_that_cannot_be_meant_is_reported_and_filters_nothing(call: Call, predicate: Any, word: str) -> None:
    result = call("data.filter", data=ROWS, predicate=predicate)
    assert (result["success"], "result" in result) == (False, False)
    assert word in result["error"]


def test_merge_strategies(call: Call) -> None:
    sources = [{"a": 1, "d": {"x": 1}}, {"b": 2, "d": {"y": [2]}}]
    assert call("data.merge", sources=sources, strategy="deep") == {
        "result": {"a": 1, "d": {"x": 1, "y": [2]}, "b": 2},
        "source_count": 2,
        "success": True,
    }
    assert call("data.merge", sources=sources, strategy="shallow")["result"] == {"a": 1, "b": 2, "d": {"y": [2]}}
    assert call("data.merge", sources=sources, strategy="replace")["result"] == sources[1]
    assert sources == [{"a": 1, "d": {"x": 1}}, {"b": 2, "d": {"y": [2]}}]
    assert call("data.merge", sources=[{}, [1]])["error"] == "source 2 must be a mapping, not list"


def test_validate_reports_every_error(call: Call) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, "l": {"items": {"type": "string"}}}, "required": ["n", "k"]}
    result = call("data.validate", data={"n": "x", "l": ["a", 1]}, schema=schema)
    assert (result["valid"], result["success"]) == (False, True)
    assert {"path": "n", "message": "'x' is not of type 'integer'"} in result["errors"]
    assert {"path": "", "message": "'k' is a required property"} in result["errors"]
    assert {"path": "l.1", "message": "1 is not of type 'string'"} in result["errors"]
    assert call("data.validate", data={"n": 1, "k": 2}, schema=schema) == {"valid": True, "errors": [], "success": True}


def test_validate_follows_references_inside_the_schema_and_to_metaschemas(call: Call) -> None:
    schema = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}
    assert call("data.validate", data="x", schema=schema)["valid"] is False
    meta = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
    assert call("data.validate", data={"type": 5}, schema=meta)["valid"] is False


def test_validate_fetches_nothing(call: Call, serve: Any) -> None:
    with serve() as server:
        result = call("data.validate", data=1, schema={"$ref": f"{server.url}/schema.json"})
    assert (result["success"], result["valid"], result["error_type"]) == (False, False, "schema")
    assert server.requests == []


def test_a_schema_that_is_none_is_reported(call: Call) -> None:
    result = call("data.validate", data=1, schema={"type": "integr"})
    assert (result["success"], result["error_type"]) == (False, "schema")
