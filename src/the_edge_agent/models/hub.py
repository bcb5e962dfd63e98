"""What a hub of models answers: files from any byte on, what they have to be, and what a repository consists of.

The hub is Hugging Face's or a mirror of it. A file's address redirects to a storage on another host; on the way the hub says the
file's size, SHA-256 and commit. The user's token goes to the hub and to nobody else, and stands in no message.

The standard library's client is used: it takes half the time of a processor that httpx takes for the same file, and it follows
redirects without a header that must not go along. Nothing here is imported unless the user asked for a download.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urljoin, urlsplit

from the_edge_agent import __version__
from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from the_edge_agent.models.reference import Reference

ENDPOINT = "https://huggingface.co"
VARIABLE = "HF_ENDPOINT"
TOKEN = "HF_TOKEN"  # noqa: S105 - the name of the variable
SILENCE = 30.0
"""Seconds without a byte after which a connection counts as lost."""
MOST_JSON = 64 * 1024 * 1024
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_ANNOUNCED = ("X-Linked-Size", "X-Linked-Etag", "X-Repo-Commit")
_LOOPBACK = ("127.", "localhost", "::1")

Reason = Literal["passing", "range", "refused", "absent", "other"]


class Trouble(Exception):
    """A request did not give what was asked for.

    Attributes:
        reason: ``passing``: it may work a little later; ``range``: the file ends before the byte asked for; ``refused``: not for this user; ``absent``: there is no such thing; ``other``.
        wait: seconds that the server asks to wait before the next try.
        hint: what the user can do about it.
    """

    def __init__(self, message: str, reason: Reason, *, wait: float | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.wait = wait
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the hub says of a file before it sends it; ``None`` where it says nothing."""

    size: int | None
    sha256: str | None
    commit: str | None


class Answer:
    """A file, or the rest of it, on its way.

    Attributes:
        start: which byte of the file the first one of the answer is.
        size: length of the whole file, ``None`` where nobody says it.
        etag: what a later answer can be compared with, ``None`` where there is nothing.
        announced: what the hub said before.
    """

    def __init__(self, response: http.client.HTTPResponse, announced: Announcement) -> None:
        self._response = response
        self.announced = announced
        self.page = response.headers.get_content_type() == "text/html"
        etag = response.headers.get("ETag")
        self.etag = etag if etag and not etag.startswith("W/") else None
        self.start, self.size = 0, _number(response.headers.get("Content-Length"))
        if response.status == http.HTTPStatus.PARTIAL_CONTENT:
            part = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
            self.start, self.size = (int(part[1]), _number(part[2])) if part else (-1, None)
        if self.size is None:
            self.size = announced.size

    def read(self, most: int) -> bytes:
        """Some bytes as soon as there are any, at most ``most``; ``b""`` at the end. Raises :class:`Trouble`."""
        with _troubles():
            return self._response.read1(most)


class Hub:
    """A client of one hub. Opens nothing before it is asked for something."""

    def __init__(self, endpoint: str = ENDPOINT, token: str | None = None, *, silence: float = SILENCE) -> None:
        """``endpoint`` is ``http`` or ``https``, host and path; raises :class:`UsageError` for anything else."""
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(f"{VARIABLE} is {endpoint!r}, which is no address of a hub", hint=f"write it as {VARIABLE}={ENDPOINT}")
        self.endpoint = endpoint.rstrip("/")
        self.host = parts.netloc.rpartition("@")[2]
        # In the clear a token goes nowhere but to this machine.
        self.token = token if parts.scheme == "https" or parts.hostname.startswith(_LOOPBACK) else None
        self._silence = silence
        self._opener = urllib.request.OpenerDirector()
        handlers = (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=ssl.create_default_context()),
            _Redirects(),
            urllib.request.HTTPErrorProcessor(),
            urllib.request.HTTPDefaultErrorHandler(),
        )
        for handler in handlers:
            self._opener.add_handler(handler)

    @contextmanager
    def file(self, reference: Reference, start: int = 0, etag: str | None = None) -> Iterator[Answer]:
        """The file from the byte ``start`` on, or from another one: the server decides, and :attr:`Answer.start` says it.

        With ``etag`` a server that has another file now sends all of it. Raises :class:`Trouble`.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        if start and etag:
            headers["If-Range"] = etag
        path = f"/{reference.repository}/resolve/{quote(reference.revision, safe='')}/{quote(reference.file)}"
        request = self._request(path, headers)
        with self._opened(request, reference.repository, reference.file) as response:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise Trouble("the server compresses the file, although it was asked not to", "other")
            yield Answer(response, _announcement(request.announced))

    def repository(self, name: str, revision: str | None = None) -> Mapping[str, Any]:
        """What the hub says of a repository: ``sha`` (the commit), ``siblings`` (its files with sizes and digests), ``cardData``, ``tags``.

        Raises:
            Trouble: it says nothing, or not to this user.
        """
        at = f"/revision/{quote(revision, safe='')}" if revision else ""
        with self._opened(self._request(f"/api/models/{name}{at}?blobs=true", {}), name) as response, _troubles():
            content = response.read(MOST_JSON)
        try:
            found = json.loads(content)
        except ValueError:
            raise Trouble(f"{self.host} answered with something that is no JSON", "other") from None
        if not isinstance(found, dict):
            raise Trouble(f"{self.host} answered with something that describes no repository", "other")
        return found

    def page(self, repository: str) -> str:
        """The address that a person opens to read about a repository and to accept its terms."""
        return f"{self.endpoint}/{repository}"

    def _request(self, path: str, headers: Mapping[str, str]) -> _Request:
        request = _Request(f"{self.endpoint}{path}", {"Accept-Encoding": "identity", "User-Agent": f"tea/{__version__}", **headers})
        if self.token:
            request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        return request

    @contextmanager
    def _opened(self, request: _Request, repository: str, file: str | None = None) -> Iterator[http.client.HTTPResponse]:
        with _troubles():
            try:
                response = self._opener.open(request, timeout=self._silence)
            except urllib.error.HTTPError as error:
                with error:
                    raise self._refusal(error, repository, file) from None
        with response:
            yield response

    def _refusal(self, error: urllib.error.HTTPError, repository: str, file: str | None) -> Trouble:
        unknown = error.headers.get("X-Error-Code") == "RepoNotFound"
        if error.code in _PASSING:
            return Trouble(f"{self.host} answers {error.code} {error.reason}", "passing", wait=_seconds(error.headers.get("Retry-After")))
        if error.code in {401, 403}:
            return self._closed(repository, known=bool(self.token) and not unknown)
        if error.code in {404, 410}:
            return Trouble(f"{repository} has no file {file}" if file and not unknown else f"there is no {repository}", "absent")
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return Trouble(f"{repository} has a shorter file", "range")
        circle = 300 <= error.code < 400  # noqa: PLR2004 - redirects
        return Trouble(f"{self.host} redirects in a circle" if circle else f"{self.host} answers {error.code} {error.reason}", "other")

    def _closed(self, repository: str, *, known: bool) -> Trouble:
        """``known``: the hub has seen a token."""
        page = self.page(repository)
        if known:
            hint = f"open {page}, accept the terms there, and use a token of the same account that may read gated repositories"
            return Trouble(f"{repository} is not open to the token in {TOKEN}", "refused", hint=hint)
        hint = (
            f"open {page}; where it exists, accept the terms there, make a token at {self.endpoint}/settings/tokens, and set {TOKEN} to it"
        )
        return Trouble(f"{repository} does not exist, or wants to know who asks", "refused", hint=hint)


def of(environ: Mapping[str, str]) -> Hub:
    """The hub that the environment names; raises :class:`UsageError` when ``HF_ENDPOINT`` is no address, or ``HF_HUB_OFFLINE`` is set."""
    if environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise UsageError("HF_HUB_OFFLINE forbids to ask a hub", hint="unset it, or add a file that you have: tea models add FILE")
    endpoint = environ.get(VARIABLE) or ENDPOINT
    token = environ.get(TOKEN)
    if not token and endpoint.rstrip("/") == ENDPOINT:
        # What `hf auth login` left; to another hub it goes only when the user names it.
        token = _logged_in(environ)
    return Hub(endpoint, token.strip() if token else None)


def _logged_in(environ: Mapping[str, str]) -> str | None:
    from the_edge_agent.models.elsewhere import hugging_face_home

    place = environ.get("HF_TOKEN_PATH")
    try:
        return (Path(place).expanduser() if place else hugging_face_home(environ) / "token").read_text(encoding="ascii").strip() or None
    except (OSError, ValueError, RuntimeError):
        return None


class _Request(urllib.request.Request):
    """A request that remembers what redirects on its way said about the file."""

    def __init__(self, url: str, headers: Mapping[str, str], announced: dict[str, str] | None = None) -> None:
        super().__init__(url, headers=dict(headers))
        self.announced: dict[str, str] = {} if announced is None else announced


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects: the token only to the same host, and from https only to https."""

    def redirect_request(self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> _Request | None:  # noqa: ARG002 - the signature is urllib's
        assert isinstance(req, _Request)  # noqa: S101 - all of them are
        target = urljoin(req.full_url, newurl)
        before, after = urlsplit(req.full_url), urlsplit(target)
        if after.scheme != "https" and (before.scheme == "https" or after.scheme != "http"):
            raise Trouble(f"{before.hostname} redirects to an address that is not encrypted", "other")
        same = (before.scheme, before.netloc) == (after.scheme, after.netloc)
        if not req.announced or same:
            req.announced.update({name: headers[name] for name in _ANNOUNCED if headers[name]})
        following = _Request(target, req.headers, req.announced)
        token = req.unredirected_hdrs.get("Authorization")
        if token and same:
            following.add_unredirected_header("Authorization", token)
        return following


@contextmanager
def _troubles() -> Iterator[None]:
    """What goes wrong on the network, as :class:`Trouble`."""
    try:
        yield
    except urllib.error.URLError as error:
        raise _trouble(error.reason if isinstance(error.reason, OSError) else error) from error
    except (OSError, http.client.HTTPException) as error:
        raise _trouble(error) from error


def _trouble(error: Exception) -> Trouble:
    if isinstance(error, TimeoutError):
        return Trouble("the server has been silent for too long", "passing")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble(
            f"the server's certificate is not trusted: {error.verify_message}",
            "other",
            hint="behind a proxy that opens connections, name its certificates: SSL_CERT_FILE=FILE",
        )
    if isinstance(error, socket.gaierror):
        passing = error.errno == socket.EAI_AGAIN and os.path.exists("/etc/resolv.conf")  # noqa: PTH110 - one call
        return Trouble(f"the hub's name has no address: {error.strerror}", "passing" if passing else "other", hint="is there a network?")
    if isinstance(error, http.client.IncompleteRead | http.client.RemoteDisconnected | OSError):
        return Trouble(f"the connection was lost ({_reason(error)})", "passing")
    return Trouble(f"the server speaks no proper HTTP ({_reason(error)})", "passing")


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")


def _announcement(headers: Mapping[str, str]) -> Announcement:
    etag = re.fullmatch(r'(?:W/)?"?([0-9a-fA-F]{64})"?', headers.get("X-Linked-Etag", ""))
    return Announcement(_number(headers.get("X-Linked-Size")), etag[1].lower() if etag else None, headers.get("X-Repo-Commit"))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _seconds(retry_after: str | None) -> float | None:
    """``Retry-After``: seconds, or a date."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
