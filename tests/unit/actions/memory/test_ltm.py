from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from pathlib import Path

Call = Callable[..., Any]


def _found(result: dict[str, Any]) -> list[str]:
    return [one["key"] for one in result["results"]]


def test_store_retrieve_delete(call: Call) -> None:
    assert call("ltm.store", key="k", value={"a": [1, None]}, metadata={"by": "ann"}) == {"stored": True, "key": "k", "success": True}
    assert call("ltm.retrieve", key="k") == {
        "value": {"a": [1, None]},
        "found": True,
        "key": "k",
        "metadata": {"by": "ann"},
        "success": True,
    }
    assert call("ltm.delete", key="k")["deleted"] is True
    assert call("ltm.delete", key="k")["deleted"] is False
    assert call("ltm.retrieve", key="k", default=0) == {"value": 0, "found": False, "key": "k", "metadata": {}, "success": True}


def test_search_finds_words_in_values_and_keys_and_nothing_that_was_replaced(call: Call) -> None:
    call("ltm.store", key="drink", value="The user prefers green tea")
    call("ltm.store", key="food", value={"likes": ["Käse", "bread"], "count": 3})
    assert _found(call("ltm.search", query="tea")) == ["drink"]
    assert _found(call("ltm.search", query="käse")) == ["food"]
    assert _found(call("ltm.search", query="food 3")) == ["food"]
    call("ltm.store", key="drink", value="coffee now")
    assert _found(call("ltm.search", query="tea")) == []
    assert call("ltm.search", query="coffee")["results"][0]["value"] == "coffee now"
    call("ltm.delete", key="drink")
    assert _found(call("ltm.search", query="coffee")) == []


def test_all_words_or_any(call: Call) -> None:
    call("ltm.store", key="a", value="green tea")
    call("ltm.store", key="b", value="black tea")
    assert _found(call("ltm.search", query="green tea")) == ["a"]
    assert _found(call("ltm.search", query="green tea", match="any")) == ["a", "b"]


@pytest.mark.parametrize(
    "query", ['"', "tea AND", "NEAR(", "words:tea", "te*", "a OR b", "-tea", "tea'); DROP TABLE entry; --", "^tea", "?!"]
)
def test_nothing_in_a_query_is_an_operator(call: Call, query: str) -> None:
    call("ltm.store", key="k", value="some other thing")
    assert call("ltm.search", query=query) == {"results": [], "count": 0, "query": query, "success": True}
    assert call("ltm.list")["keys"] == ["k"]


def test_limit_filter_and_newest_first(call: Call) -> None:
    for number in range(4):
        call("ltm.store", key=f"n{number}", value="word", metadata={"even": number % 2 == 0})
    assert _found(call("ltm.search", limit=2)) == ["n3", "n2"]
    assert _found(call("ltm.search", query="word", limit=1, metadata_filter={"even": False})) == ["n1"]
    assert call("ltm.list", prefix="n")["keys"] == ["n0", "n1", "n2", "n3"]


def test_a_file_outlives_the_process_that_wrote_it(
    call: Call, make_scope: Any, host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", str(tmp_path))
    scope = make_scope(settings={"ltm": {"backend": "sqlite", "path": "${PLACE}/deep/${NAME:-memory}.db"}})
    call("ltm.store", scope, key="k", value=1)
    host.resources.close()
    assert (tmp_path / "deep" / "memory.db").is_file()
    assert call("ltm.retrieve", scope, key="k")["value"] == 1
    assert call("ltm.retrieve", make_scope(), key="k")["found"] is False


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"backend": "duckdb"}, "'duckdb' is not supported"),
        ({"paht": "x"}, "'paht'"),
        ({"path": 5}, "must be a path"),
        ({"path": "/dev/null/x.db"}, "cannot open"),
        ({"path": "${NO_SUCH_VARIABLE}/x.db"}, "the environment variable NO_SUCH_VARIABLE is not set"),
        ({"path": "~no-such-user/x.db"}, "no such home"),
        ("sqlite", "must be a mapping"),
    ],
)
def test_settings_that_cannot_be_meant(call: Call, make_scope: Any, settings: Any, word: str) -> None:
    with pytest.raises(NodeFailed, match=word):
        call("ltm.list", make_scope(settings={"ltm": settings}))


def test_branches_may_store_at_the_same_time(call: Call) -> None:
    def work(number: int) -> None:
        for turn in range(10):
            call("ltm.store", key=f"{number}-{turn}", value="same word")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert call("ltm.search", query="same", limit=100)["count"] == 40
