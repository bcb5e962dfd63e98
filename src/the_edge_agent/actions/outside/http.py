"""``http.*``: JSON over HTTP. The only actions here that open a socket, and only to the address they are given."""

from __future__ import annotations

import json as jsonlib
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from the_edge_agent.actions.needs import Needs
from the_edge_agent.actions.registry import MISSING, Json, action
from the_edge_agent.cancellation import Cancelled
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    import httpx2

    from the_edge_agent.engine.scope import Scope

_NETWORK = Needs(network=True)
_TIMEOUT = 30.0
_MOST_BYTES = 16 * 1024 * 1024

_BAD_RANGE = 400
_TOO_MANY = 429
_BUSY = (502, 503, 504)
_EMPTY = (204, 205)


@action("http.get", returns="the JSON body", needs=_NETWORK)
def get(
    scope: Scope,
    /,
    *,
    url: str,
    headers: dict[str, Json] | None = None,
    params: dict[str, Json] | None = None,
    timeout: float = _TIMEOUT,
    max_bytes: int = _MOST_BYTES,
) -> Json:
    """Get a JSON document.

    ``timeout`` is in seconds, for the whole exchange. An HTTP error status, a body that is not JSON or larger
    than ``max_bytes`` fails the node; status 204 gives null. Redirects are followed.
    """
    return _exchange(scope, "GET", url, _Limits(timeout, max_bytes), headers=headers, params=params)


@action("http.post", returns="the JSON body", needs=_NETWORK)
def post(
    scope: Scope,
    /,
    *,
    url: str,
    json: Json = MISSING,
    data: dict[str, Json] | str | None = None,
    body: Json = MISSING,
    headers: dict[str, Json] | None = None,
    params: dict[str, Json] | None = None,
    timeout: float = _TIMEOUT,
    max_bytes: int = _MOST_BYTES,
) -> Json:
    """Post ``json`` (as JSON), ``data`` (a mapping as a form, text as it is) or ``body`` (text as it is, else JSON)."""
    content = _content(json, data, body)
    return _exchange(scope, "POST", url, _Limits(timeout, max_bytes), headers=headers, params=params, **content)


@action("http.put", returns="the JSON body", needs=_NETWORK)
def put(
    scope: Scope,
    /,
    *,
    url: str,
    json: Json = MISSING,
    data: dict[str, Json] | str | None = None,
    body: Json = MISSING,
    headers: dict[str, Json] | None = None,
    params: dict[str, Json] | None = None,
    timeout: float = _TIMEOUT,
    max_bytes: int = _MOST_BYTES,
) -> Json:
    """Put ``json``, ``data`` or ``body``, read as http.post reads them."""
    content = _content(json, data, body)
    return _exchange(scope, "PUT", url, _Limits(timeout, max_bytes), headers=headers, params=params, **content)


@action("http.delete", returns="the JSON body", needs=_NETWORK)
def delete(
    scope: Scope,
    /,
    *,
    url: str,
    headers: dict[str, Json] | None = None,
    params: dict[str, Json] | None = None,
    timeout: float = _TIMEOUT,
    max_bytes: int = _MOST_BYTES,
) -> Json:
    """Delete what is at an address."""
    return _exchange(scope, "DELETE", url, _Limits(timeout, max_bytes), headers=headers, params=params)


class _Limits:
    """When to give up: seconds for the exchange, bytes of the body."""

    __slots__ = ("bytes", "deadline", "seconds")

    def __init__(self, seconds: float, most_bytes: int) -> None:
        if seconds <= 0 or most_bytes <= 0:
            raise NodeFailed("timeout and max_bytes must be greater than 0", error_type="WrongParameter")
        self.seconds = seconds
        self.bytes = most_bytes
        self.deadline = time.monotonic() + seconds

    def check(self, request: httpx2.Request) -> None:
        """Stop when the time is over: before each redirect, between pieces of the answer."""
        if time.monotonic() > self.deadline:
            raise self.late(str(request.url))

    def late(self, url: str) -> NodeFailed:
        message = f"{_shown(url)} did not answer within {self.seconds:g} s"
        return NodeFailed(message, error_type="TimeoutError", hint="raise `timeout` (seconds)")


def _content(json: Json, data: Json, body: Json) -> dict[str, Any]:
    """The keyword arguments of httpx2 for the one body that is given."""
    given = [name for name, value in (("json", json), ("data", data), ("body", body)) if value is not MISSING and value is not None]
    if len(given) > 1:
        raise NodeFailed(f"only one of json, data and body can be sent, not {' and '.join(given)}", error_type="WrongParameter")
    if json is not MISSING:
        return {"content": _encoded(json)}
    if isinstance(data, str):
        return {"content": data}
    if data is not None:
        return {"data": data}
    if body is MISSING or body is None:
        return {}
    return {"content": body if isinstance(body, str) else _encoded(body)}


def _encoded(value: Json) -> bytes:
    try:
        return jsonlib.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NodeFailed(f"the body is not JSON: {error}", error_type="WrongParameter") from None


def _exchange(scope: Scope, method: str, url: str, limits: _Limits, **request: Any) -> Json:
    """Send one request and give its JSON body; every failure is a :class:`NodeFailed` whose message shows no query and no password."""
    shown = _shown(url)
    import httpx2

    headers = httpx2.Headers({"Accept": "application/json"})
    if isinstance(request.get("content"), bytes):
        headers["Content-Type"] = "application/json"
    headers.update({name: str(value) for name, value in (request.pop("headers") or {}).items()})
    try:
        with (
            httpx2.Client(follow_redirects=True, timeout=limits.seconds, event_hooks={"request": [limits.check]}) as client,
            client.stream(method, url, headers=headers, **request) as response,
        ):
            _accept(response, f"{method} {shown}")
            if response.status_code in _EMPTY:
                return None
            return _parsed(_read(scope, response, limits, shown), shown)
    except httpx2.TimeoutException:
        raise limits.late(url) from None
    except httpx2.TooManyRedirects:
        raise NodeFailed(f"{method} {shown} redirects in circles", error_type="HTTPError") from None
    except httpx2.InvalidURL:
        raise NodeFailed(f"not a web address: {shown}", error_type="InvalidURL") from None
    except httpx2.RequestError as error:
        reason = str(error) or type(error).__name__
        there, asked = error.request.url, httpx2.URL(url)
        moved = "" if (there.host, there.port) == (asked.host, asked.port) else f", redirected to {_shown(str(there))}"
        raise NodeFailed(
            f"{method} {shown}{moved}: {reason}", error_type="ConnectionError", hint="check the address and that the server runs"
        ) from None


def _shown(url: str) -> str:
    """``url`` without user, password, query and fragment, which may hold secrets."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise NodeFailed("the url is malformed", error_type="InvalidURL") from None
    if parts.scheme not in ("http", "https") or not host:
        kind = f"'{parts.scheme}'" if parts.scheme else "none"
        raise NodeFailed(f"the url must start with http:// or https://, its scheme is {kind}", error_type="InvalidURL")
    where = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{where}{f':{port}' if port else ''}{parts.path}"


def _accept(response: httpx2.Response, what: str) -> None:
    status = response.status_code
    if status < _BAD_RANGE:
        return
    if status == _TOO_MANY:
        error_type = "RateLimitError"
    elif status in _BUSY:
        error_type = "ServiceUnavailableError"
    else:
        error_type = "HTTPError"
    raise NodeFailed(f"{what} answered {status} {response.reason_phrase}".rstrip(), error_type=error_type)


def _read(scope: Scope, response: httpx2.Response, limits: _Limits, shown: str) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > limits.bytes:
            raise NodeFailed(
                f"the answer of {shown} is larger than {limits.bytes} bytes", error_type="ResponseTooLarge", hint="raise `max_bytes`"
            )
        if scope.cancellation.requested:
            raise Cancelled
        limits.check(response.request)
    return bytes(body)


def _parsed(body: bytes, shown: str) -> Json:
    try:
        return jsonlib.loads(body)
    except (ValueError, RecursionError):
        raise NodeFailed(
            f"the answer of {shown} is not JSON", error_type="JSONDecodeError", hint="http.* gives parsed JSON; is this the right address?"
        ) from None
