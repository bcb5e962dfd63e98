from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from the_edge_agent.errors import NodeFailed

Call = Callable[..., Any]


def test_store_and_retrieve(call: Call) -> None:
    assert call("memory.store", key="k", value={"a": [1]}) == {"stored": True, "key": "k", "namespace": "default"}
    assert call("memory.retrieve", key="k") == {"value": {"a": [1]}, "found": True, "key": "k"}
    assert call("memory.retrieve", key="x", default=5) == {"value": 5, "found": False, "key": "x"}


def test_null_is_a_value(call: Call) -> None:
    call("memory.store", key="k", value=None)
    assert call("memory.retrieve", key="k", default=5) == {"value": None, "found": True, "key": "k"}


def test_what_is_kept_is_a_copy(call: Call) -> None:
    value = {"a": [1]}
    call("memory.store", key="k", value=value)
    value["a"].append(2)
    call("memory.retrieve", key="k")["value"]["a"].append(3)
    assert call("memory.retrieve", key="k")["value"] == {"a": [1]}


def test_namespaces_do_not_meet(call: Call) -> None:
    call("memory.store", key="k", value=1, namespace="a")
    call("memory.store", key="k", value=2, namespace="b")
    assert call("memory.retrieve", key="k", namespace="a")["value"] == 1
    assert call("memory.retrieve", key="k")["found"] is False
    assert call("memory.clear", namespace="a") == {"cleared": 1, "namespace": "a"}
    assert call("memory.retrieve", key="k", namespace="b")["found"] is True
    assert call("memory.clear") == {"cleared": 1, "namespace": None}
    assert call("memory.list", namespace="b")["keys"] == []


def test_a_value_ends_with_its_time(call: Call, clock: Any) -> None:
    call("memory.store", key="k", value=1, ttl=5)
    call("memory.store", key="long", value=1, ttl=600)
    clock.forward(4.9)
    assert call("memory.retrieve", key="k")["found"] is True
    clock.forward(0.2)
    assert call("memory.retrieve", key="k")["found"] is False
    assert call("memory.list") == {"keys": ["long"], "count": 1, "namespace": "default"}
    assert call("memory.delete", key="k")["deleted"] is False


def test_delete_and_list(call: Call) -> None:
    for key in ("user:1", "user:2", "other"):
        call("memory.store", key=key, value=1)
    assert call("memory.list", prefix="user:")["keys"] == ["user:1", "user:2"]
    assert call("memory.delete", key="user:1") == {"deleted": True, "key": "user:1", "namespace": "default"}
    assert call("memory.list")["keys"] == ["user:2", "other"]


def test_a_number_is_a_key(call: Call) -> None:
    call("memory.store", key=7, value="x")
    assert call("memory.retrieve", key="7")["value"] == "x"


@pytest.mark.parametrize("parameters", [{"value": object()}, {"value": 1, "ttl": 0}, {"value": 1, "ttl": -1}, {"value": float("inf")}])
def test_what_cannot_be_kept_fails(call: Call, parameters: dict[str, Any]) -> None:
    with pytest.raises(NodeFailed):
        call("memory.store", key="k", **parameters)
    assert call("memory.retrieve", key="k")["found"] is False


def test_branches_may_store_at_the_same_time(call: Call) -> None:
    def work(number: int) -> None:
        for turn in range(50):
            call("memory.store", key=f"{number}-{turn}", value=turn)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert call("memory.list")["count"] == 200


def test_storing_again_replaces_the_time_too(call: Call, clock: Any) -> None:
    call("memory.store", key="k", value=1, ttl=5)
    call("memory.store", key="k", value=2)
    call("memory.store", key="gone", value=1, ttl=5)
    clock.forward(6)
    assert call("memory.retrieve", key="gone")["found"] is False
    assert call("memory.retrieve", key="k")["value"] == 2
