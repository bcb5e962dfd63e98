from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.errors import NodeFailed

Call = Callable[..., Any]


def test_get_gives_the_parsed_body(call: Call, serve: Any) -> None:
    with serve() as server:
        server.answers["/a"] = (200, {}, b'{"n": [1, 2]}')
        assert call("http.get", url=f"{server.url}/a", params={"q": "x y"}, headers={"X-Key": "k"}) == {"n": [1, 2]}
        asked = server.requests[0]
    assert (asked["method"], asked["query"], asked["headers"]["X-Key"]) == ("GET", "q=x+y", "k")


@pytest.mark.parametrize(
    ("given", "kind", "sent"),
    [
        ({"json": {"a": 1}}, "application/json", b'{"a": 1}'),
        ({"json": None}, "application/json", b"null"),
        ({"data": {"a": "1 2"}}, "application/x-www-form-urlencoded", b"a=1+2"),
        ({"data": "raw"}, None, b"raw"),
        ({"body": "raw"}, None, b"raw"),
        ({"body": {"a": 1}}, "application/json", b'{"a": 1}'),
    ],
)
@pytest.mark.parametrize("method", ["post", "put"])
def test_bodies(call: Call, serve: Any, method: str, given: dict[str, Any], kind: str | None, sent: bytes) -> None:
    with serve() as server:
        assert call(f"http.{method}", url=server.url, **given) == {"ok": True}
        asked = server.requests[0]
    assert (asked["method"], asked["headers"]["Content-Type"], asked["body"]) == (method.upper(), kind, sent)


def test_two_bodies_are_refused_before_anything_is_sent(call: Call, serve: Any) -> None:
    with serve() as server, pytest.raises(NodeFailed, match="only one of json, data and body"):
        call("http.post", url=server.url, json={"a": 1}, data={"b": 2})
    assert server.requests == []


def test_an_address_that_cannot_be_reached_after_a_redirect_is_named_without_its_query(call: Call, serve: Any) -> None:
    with serve() as gone:
        dead = gone.url
    with serve() as server:
        server.answers["/a"] = (302, {"Location": f"{dead}/b?token=hush"}, b"")
        with pytest.raises(NodeFailed) as caught:
            call("http.get", url=f"{server.url}/a")
    assert f"GET {server.url}/a, redirected to {dead}/b: " in caught.value.message
    assert "hush" not in caught.value.message


def test_delete_without_an_answer_gives_null(call: Call, serve: Any) -> None:
    with serve() as server:
        server.answers["/x"] = (204, {}, b"")
        assert call("http.delete", url=f"{server.url}/x") is None
        assert server.requests[0]["method"] == "DELETE"


def test_redirects_are_followed(call: Call, serve: Any) -> None:
    with serve() as server:
        server.answers["/old"] = (302, {"Location": "/new"}, b"")
        server.answers["/round"] = (302, {"Location": "/round"}, b"")
        assert call("http.get", url=f"{server.url}/old") == {"ok": True}
        with pytest.raises(NodeFailed, match="circles"):
            call("http.get", url=f"{server.url}/round")


@pytest.mark.parametrize(
    ("status", "error_type"), [(404, "HTTPError"), (500, "HTTPError"), (429, "RateLimitError"), (503, "ServiceUnavailableError")]
)
def test_an_error_status_fails_with_a_class_to_retry_by(call: Call, serve: Any, status: int, error_type: str) -> None:
    with serve() as server:
        server.answers["/e"] = (status, {}, b"{}")
        with pytest.raises(NodeFailed, match=str(status)) as caught:
            call("http.get", url=f"{server.url}/e")
    assert caught.value.error_type == error_type


def test_no_secret_of_the_address_is_in_an_error(call: Call, serve: Any) -> None:
    with serve() as server:
        server.answers["/e"] = (404, {}, b"{}")
        url = f"{server.url}/e?token=hunter2".replace("http://", "http://ann:hunter2@")
        with pytest.raises(NodeFailed) as caught:
            call("http.get", url=url, params={"key": "hunter2"}, headers={"Authorization": "Bearer hunter2"})
    assert "/e answered 404" in caught.value.message
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff\xfe"])
def test_a_body_that_is_not_json_fails(call: Call, serve: Any, body: bytes) -> None:
    with serve() as server:
        server.answers["/h"] = (200, {}, body)
        with pytest.raises(NodeFailed, match="not JSON"):
            call("http.get", url=f"{server.url}/h")


def test_a_body_that_is_too_large_fails(call: Call, serve: Any) -> None:
    with serve() as server:
        server.answers["/big"] = (200, {}, json.dumps("x" * 1000).encode())
        assert call("http.get", url=f"{server.url}/big", max_bytes=1002) == "x" * 1000
        with pytest.raises(NodeFailed, match="larger than 1001 bytes"):
            call("http.get", url=f"{server.url}/big", max_bytes=1001)


def test_a_slow_server_ends_in_a_timeout(call: Call, serve: Any) -> None:
    with serve() as server, pytest.raises(NodeFailed, match=r"did not answer within 0\.2 s") as caught:
        call("http.get", url=f"{server.url}/slow", timeout=0.2)
    assert caught.value.error_type == "TimeoutError"


def test_nobody_there(call: Call, serve: Any) -> None:
    with serve() as server:
        url = server.url
    with pytest.raises(NodeFailed) as caught:
        call("http.get", url=url, timeout=5)
    assert caught.value.error_type == "ConnectionError"


@pytest.mark.parametrize(
    "url", ["ftp://localhost/x", "file:///etc/hostname", "/etc/hostname", "http://", "localhost:80/x", "http://[::1/x"]
)
def test_only_web_addresses(call: Call, url: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        call("http.get", url=url)
    assert caught.value.error_type == "InvalidURL"


def test_a_run_that_was_stopped_does_not_wait_for_the_rest(call: Call, make_scope: Any, serve: Any) -> None:
    stop = Cancellation()
    stop.request()
    with serve() as server, pytest.raises(Cancelled):
        call("http.get", make_scope(cancellation=stop), url=server.url)


def test_branches_ask_at_the_same_time(call: Call, serve: Any) -> None:
    with serve() as server:
        threads = [threading.Thread(target=call, args=("http.get",), kwargs={"url": f"{server.url}/slow"}) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert server.slow.acquire(timeout=60)
        server.release.set()
        for thread in threads:
            thread.join()
