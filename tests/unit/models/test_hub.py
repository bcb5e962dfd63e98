"""The client of a hub: which hub, whose token, and what its answers mean."""

from __future__ import annotations

import urllib.request
from http.client import HTTPMessage
from typing import TYPE_CHECKING, Any

import pytest
from tests.hub import COMMIT, Fault, Hub

from the_edge_agent.errors import UsageError
from the_edge_agent.models import hub
from the_edge_agent.models.reference import Reference

if TYPE_CHECKING:
    from pathlib import Path


LOGIN, NAMED = "hf_login", "hf_named"


def test_the_environment_names_the_hub(tmp_path: Path) -> None:
    assert hub.of({}).endpoint == "https://huggingface.co"
    mirror = hub.of({"HF_ENDPOINT": "https://mirror.example/hf/", "HOME": str(tmp_path)})
    assert (mirror.endpoint, mirror.host) == ("https://mirror.example/hf", "mirror.example")
    assert mirror.page("a/b") == "https://mirror.example/hf/a/b"


@pytest.mark.parametrize("endpoint", ["ftp://x", "huggingface.co", "https://", "file:///etc"])
def test_what_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(UsageError, match="no address of a hub"):
        hub.of({"HF_ENDPOINT": endpoint})


def test_a_login_counts_for_the_real_hub_and_a_variable_for_the_one_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{LOGIN}\n", encoding="ascii")
    login = {"HF_HOME": str(tmp_path)}
    assert hub.of(login).token == LOGIN
    assert hub.of({"HF_TOKEN_PATH": str(tmp_path / "token")}).token == LOGIN
    assert hub.of({**login, "HF_TOKEN": f" {NAMED} "}).token == NAMED
    assert hub.of({**login, "HF_ENDPOINT": "https://mirror.example"}).token is None
    assert hub.of({**login, "HF_ENDPOINT": "https://mirror.example", "HF_TOKEN": NAMED}).token == NAMED
    assert hub.of({"HF_HOME": str(tmp_path / "none")}).token is None


def test_in_the_clear_a_token_stays_on_this_machine() -> None:
    named = {"HF_TOKEN": NAMED}
    assert hub.of({**named, "HF_ENDPOINT": "http://mirror.example"}).token is None
    assert hub.of({**named, "HF_ENDPOINT": "http://127.0.0.1:8080"}).token == NAMED


@pytest.mark.parametrize(
    ("before", "after"),
    [("https://a/x", "http://a/x"), ("https://a/x", "ftp://a/x"), ("http://a/x", "file:///etc/passwd"), ("https://a/x", "//b:80")],
)
def test_a_redirect_leads_nowhere_that_is_less_safe(before: str, after: str) -> None:
    request = hub._Request(before, {})
    arguments: tuple[Any, ...] = (request, None, 302, "Found", HTTPMessage(), after)
    if after.startswith("//"):
        assert hub._Redirects().redirect_request(*arguments) is not None
        return
    with pytest.raises(hub.Trouble, match="not encrypted"):
        hub._Redirects().redirect_request(*arguments)


def test_a_redirect_takes_the_range_along_and_the_token_only_to_the_same_host() -> None:
    request = hub._Request("https://a/x", {"Range": "bytes=5-"})
    request.add_unredirected_header("Authorization", "Bearer t")
    for target, token in (
        ("/y", "Bearer t"),
        ("https://a/y", "Bearer t"),
        ("https://b/y", None),
        ("https://a:444/y", None),
        ("https://a.b/y", None),
    ):
        following = hub._Redirects().redirect_request(request, None, 307, "", HTTPMessage(), target)
        assert isinstance(following, urllib.request.Request)
        assert (following.get_header("Range"), following.get_header("Authorization")) == ("bytes=5-", token)


def test_only_the_hub_announces_what_a_file_is() -> None:
    request = hub._Request("https://hub/x", {})
    said, lied = HTTPMessage(), HTTPMessage()
    said["X-Linked-Size"], lied["X-Linked-Size"] = "5", "6"
    first = hub._Redirects().redirect_request(request, None, 302, "", said, "https://cdn/x")
    assert isinstance(first, hub._Request)
    hub._Redirects().redirect_request(first, None, 302, "", lied, "https://other/x")
    assert request.announced == {"X-Linked-Size": "5"}


def test_a_repository_is_described(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x.gguf").write_bytes(b"GGUF")
    with Hub(tmp_path) as started:
        client = hub.Hub(started.endpoint)
        said = client.repository("a/b")
        assert said["sha"] == COMMIT
        (file,) = said["siblings"]
        assert (file["rfilename"], file["lfs"]["size"]) == ("x.gguf", 4)
        assert client.repository("a/b", COMMIT) == said
        with pytest.raises(hub.Trouble, match="does not exist") as raised:
            client.repository("a/none")
        assert raised.value.reason == "refused"
        started.faults = [Fault("page", where="hub")]
        with pytest.raises(hub.Trouble, match="no JSON"):
            client.repository("a/b")


def test_a_hub_that_is_not_there_may_come_back() -> None:
    with pytest.raises(hub.Trouble, match="refused") as raised, hub.Hub("http://127.0.0.1:9").file(Reference("a/b", "c")):
        pass
    assert raised.value.reason == "passing"


@pytest.mark.parametrize(("text", "seconds"), [("7", 7), ("Fri, 01 Jan 2021 00:00:00 GMT", 0), ("soon", None), ("", None), (None, None)])
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert hub._seconds(text) == seconds
