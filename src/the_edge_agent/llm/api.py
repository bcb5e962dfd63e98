"""Chat completions and embeddings over HTTP, as OpenAI, Azure OpenAI, Ollama's ``/v1`` and many servers speak them.

Only ever used where the workflow or the user named an API. Keys are sent, never shown: an error carries the
status and the provider's own message, with the key blanked out should the provider repeat it.
"""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from the_edge_agent.cancellation import Cancelled
from the_edge_agent.errors import NodeFailed
from the_edge_agent.llm.protocol import Embeddings, Message, OnToken, Reply, Request, ToolCall, Usage, unit
from the_edge_agent.parameters import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import httpx2

    from the_edge_agent.cancellation import Cancellation

T = TypeVar("T")
RETRYABLE = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
LONGEST_MESSAGE = 500
TEXTS = 256
"""Texts in one request for vectors; providers take at least as many."""
_BAD_REQUEST = 400


@dataclass(frozen=True, slots=True)
class Retry:
    """``max_retries`` further tries for what may pass by itself, after ``base_delay · 2^n`` seconds, at most ``max_delay``.

    A ``Retry-After`` of the server counts instead of the computed delay, but never for longer than ``max_delay``.
    """

    max_retries: int = 0
    base_delay: float = 1.0
    max_delay: float = 60.0

    def delay(self, attempt: int, retry_after: float | None) -> float:
        """Seconds to wait after try number ``attempt`` (from 0) failed."""
        if retry_after is not None:
            return min(retry_after, self.max_delay)
        # A little spread, so that parallel branches do not come back all at once.
        return min(self.base_delay * 2.0**attempt, self.max_delay) * random.uniform(0.9, 1.0)  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an API is and how it wants to be asked.

    Attributes:
        provider: ``openai``, ``ollama`` or ``azure``, for messages.
        base_url: everything before ``/chat/completions`` and ``/embeddings``.
        model: the model or deployment asked for.
        key: sent as bearer token, to Azure as ``api-key``; ``""`` sends none.
        api_version: Azure's ``api-version``.
        timeout: seconds a try may be silent.
    """

    provider: str
    base_url: str
    model: str
    key: str = field(default="", repr=False)
    api_version: str = ""
    timeout: float = 300.0
    retry: Retry = field(default_factory=Retry)

    @property
    def url(self) -> str:
        """Where completions are asked for."""
        return f"{self.base_url.rstrip('/')}/chat/completions"

    @property
    def embeddings_url(self) -> str:
        """Where vectors are asked for."""
        return f"{self.base_url.rstrip('/')}/embeddings"

    @property
    def headers(self) -> dict[str, str]:
        """What says who asks; holds the key."""
        if not self.key:
            return {}
        return {"api-key": self.key} if self.provider == "azure" else {"Authorization": f"Bearer {self.key}"}


_KINDS = {
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    408: "TimeoutError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}
"""HTTP status → the name that OpenAI's own library has for it."""


class _Refusal(Exception):
    """One try failed. ``kind`` is the class name that ``on_error: {retryable_errors: […]}`` of a workflow can list."""

    def __init__(
        self, message: str, *, status: int | None = None, kind: str = "ApiError", retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after


class ApiBackend:
    """Answers over HTTP. Keeps connections open until :meth:`close`. Safe to use from several threads."""

    name = "api"

    def __init__(self, endpoint: Endpoint) -> None:
        """Opens nothing; the first :meth:`chat` connects."""
        self.endpoint = endpoint
        self._client: httpx2.Client | None = None
        self._lock = threading.Lock()

    def chat(self, request: Request, *, on_token: OnToken | None = None, cancellation: Cancellation | None = None) -> Reply:
        """Answer ``request``, streaming where ``on_token`` is given. Parameters in ``extra`` go into the body as they are.

        A try that failed after tokens were passed on is not repeated. Raises :class:`NodeFailed` with the status and the
        provider's message, :class:`Cancelled` between two pieces of a stream or while it waits to try again.
        """
        body = _body(self.endpoint, request, stream=on_token is not None)
        if on_token is not None:
            return self._tried(lambda: self._stream(body, on_token, cancellation), cancellation)
        return self._tried(lambda: _reply(self._posted(self.endpoint.url, body), self.endpoint.model), cancellation)

    def embed(
        self, texts: Sequence[str], *, extra: Mapping[str, Any] | None = None, cancellation: Cancellation | None = None
    ) -> Embeddings:
        """Embed ``texts``, :data:`TEXTS` in a request; parameters in ``extra`` go into the body as they are.

        Vectors are brought to length one. Raises what :meth:`chat` raises; whether a text that is too long is refused is up to the API.
        """
        vectors: list[tuple[float, ...]] = []
        tokens: int | None = 0
        model = self.endpoint.model
        for start in range(0, len(texts), TEXTS):
            some = list(texts[start : start + TEXTS])
            body = {"model": self.endpoint.model, "input": some, **(extra or {})}
            answer = self._tried(lambda body=body: self._posted(self.endpoint.embeddings_url, body), cancellation)  # type: ignore[misc]
            vectors += self._tried(lambda answer=answer, some=some: _vectors(answer, len(some)), cancellation)  # type: ignore[misc]
            usage = answer.get("usage")
            used = usage.get("prompt_tokens") if isinstance(usage, dict) else None
            tokens = tokens + used if isinstance(tokens, int) and isinstance(used, int) else None
            model = _text(answer.get("model")) or model
        return Embeddings(tuple(vectors), model, self.name, tokens)

    def _tried(self, work: Callable[[], T], cancellation: Cancellation | None) -> T:
        """What ``work`` gives, tried as often as the endpoint allows."""
        retry = self.endpoint.retry
        started = time.monotonic()
        for attempt in range(retry.max_retries + 1):
            if cancellation is not None and cancellation.requested:
                raise Cancelled
            try:
                return work()
            except _Refusal as refusal:
                if not refusal.retryable or attempt == retry.max_retries:
                    self._fail(refusal, attempt + 1, time.monotonic() - started)
                _pause(retry.delay(attempt, refusal.retry_after), cancellation)
        raise NodeFailed("max_retries must be 0 or more", error_type="ValueError", hint="correct max_retries:")

    def close(self) -> None:
        """Close the connections. Idempotent."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _http(self) -> httpx2.Client:
        import httpx2

        with self._lock:
            if self._client is None:
                self._client = httpx2.Client(timeout=self.endpoint.timeout, headers=self.endpoint.headers)
            return self._client

    def _query(self) -> dict[str, str]:
        return {"api-version": self.endpoint.api_version} if self.endpoint.api_version else {}

    def _posted(self, url: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The JSON object that ``url`` answers ``body`` with."""
        import httpx2

        try:
            response = self._http().post(url, json=body, params=self._query())
        except httpx2.HTTPError as problem:
            raise _transport(problem) from problem
        except (httpx2.InvalidURL, ValueError) as problem:
            raise _Refusal(f"its address or the request is not valid: {problem}") from problem
        if response.status_code >= _BAD_REQUEST:
            raise _refused(response)
        if not response.is_success:
            raise _Refusal(f"it answered with status {response.status_code} instead of a result", status=response.status_code)
        return _object(response.text)

    def _stream(self, body: Mapping[str, Any], on_token: OnToken, cancellation: Cancellation | None) -> Reply:
        import httpx2

        stream = _Stream(self.endpoint.model, on_token)
        try:
            with self._http().stream("POST", self.endpoint.url, json=body, params=self._query()) as response:
                if response.status_code >= _BAD_REQUEST:
                    response.read()
                    raise _refused(response)
                for data in _events(response.iter_lines()):
                    if cancellation is not None and cancellation.requested:
                        raise Cancelled
                    if data == "[DONE]":
                        break
                    stream.take(_object(data))
        except httpx2.HTTPError as problem:
            refusal = _transport(problem)
            # What was passed on cannot be taken back, so a second try would say it twice.
            refusal.retryable = refusal.retryable and not stream.chunks
            raise refusal from problem
        except httpx2.InvalidURL as problem:
            raise _Refusal(f"its address is not valid: {problem}") from problem
        return stream.reply()

    def _fail(self, refusal: _Refusal, attempts: int, seconds: float) -> NoReturn:
        tries = f" (after {attempts} tries in {seconds:.1f} s)" if attempts > 1 else ""
        text = str(refusal)
        if self.endpoint.key:
            text = text.replace(self.endpoint.key, "***")
        raise NodeFailed(
            f"the {self.endpoint.provider} API at {_shown(self.endpoint.base_url)} failed{tries}: {text}",
            error_type=refusal.kind,
            hint=_hint(refusal, self.endpoint),
        ) from refusal


def _body(endpoint: Endpoint, request: Request, *, stream: bool) -> dict[str, Any]:
    check(request.numbers, local=False)
    body = {"model": endpoint.model, "messages": [_turn(message) for message in request.messages], **request.numbers}
    if request.stop:
        body["stop"] = list(request.stop)
    body.update(request.extra)
    if stream:
        body.update(stream=True, stream_options={"include_usage": True})
    return body


def _turn(message: Message) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        turn["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        turn["tool_call_id"] = message.tool_call_id
    return turn


def _events(lines: Iterator[str]) -> Iterator[str]:
    """The data of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html); other fields are of no use here."""
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
    if data:
        yield "\n".join(data)


class _Stream:
    """Puts the pieces of a streamed completion together."""

    def __init__(self, model: str, on_token: OnToken) -> None:
        self.model = model
        self.on_token = on_token
        self.parts: list[str] = []
        self.chunks = 0
        self.calls: dict[int, dict[str, str]] = {}
        self.usage: Usage | None = None
        self.finish: str | None = None

    def take(self, event: Mapping[str, Any]) -> None:
        if isinstance(event.get("error"), dict | str):
            raise _Refusal(_message(event["error"]))
        self.model = _text(event.get("model")) or self.model
        self.usage = _usage(event.get("usage")) or self.usage
        for choice in event.get("choices") or ():
            delta = choice.get("delta") or {}
            self.finish = choice.get("finish_reason") or self.finish
            self.collect(delta.get("tool_calls") or ())
            text = _text(delta.get("content"))
            if text:
                self.chunks += 1
                self.parts.append(text)
                self.on_token(text)

    def collect(self, calls: Any) -> None:
        for call in calls:
            known = self.calls.setdefault(call.get("index", 0), {"id": "", "name": "", "arguments": ""})
            function = call.get("function") or {}
            known["id"] = _text(call.get("id")) or known["id"]
            known["name"] += _text(function.get("name"))
            known["arguments"] += _text(function.get("arguments"))

    def reply(self) -> Reply:
        if self.finish is None:
            raise _Refusal("the stream ended before the answer did", retryable=not self.chunks)
        calls = tuple(ToolCall(call["id"], call["name"], call["arguments"]) for _, call in sorted(self.calls.items()))
        return Reply("".join(self.parts), self.model, ApiBackend.name, self.finish, self.usage, self.chunks, calls)


def _reply(answer: Mapping[str, Any], model: str) -> Reply:
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        content = _text(message.get("content"))
        calls = tuple(
            ToolCall(_text(call.get("id")), call["function"]["name"], _text(call["function"].get("arguments")))
            for call in message.get("tool_calls") or ()
        )
    except (KeyError, IndexError, TypeError, AttributeError) as problem:
        raise _Refusal("its answer is no chat completion (no choices[0].message)") from problem
    finish = choice.get("finish_reason") or "stop"
    return Reply(
        content, _text(answer.get("model")) or model, ApiBackend.name, finish, _usage(answer.get("usage")), int(bool(content)), calls
    )


def _vectors(answer: Mapping[str, Any], count: int) -> list[tuple[float, ...]]:
    """The ``count`` vectors of an answer in the order of the texts, each of length one."""
    try:
        found = {entry["index"]: unit(entry["embedding"]) for entry in answer["data"]}
        vectors = [found[number] for number in range(count)]
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as problem:
        raise _Refusal("its answer holds no vector for every text (data[n].index, data[n].embedding)") from problem
    if len({len(vector) for vector in vectors}) != 1:
        raise _Refusal("its vectors are not of one length")
    return vectors


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Usage(prompt, completion) if isinstance(prompt, int) and isinstance(completion, int) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as problem:
        raise _Refusal(f"its answer is not JSON: {text[:80]!r}") from problem
    if not isinstance(found, dict):
        raise _Refusal(f"its answer is not a JSON object: {text[:80]!r}")
    return found


def _refused(response: httpx2.Response) -> _Refusal:
    try:
        reason = _message(json.loads(response.text).get("error"))
    except (ValueError, AttributeError):
        reason = " ".join(response.text.split())[:LONGEST_MESSAGE]
    status = response.status_code
    return _Refusal(
        f"status {status}: {reason or response.reason_phrase}",
        status=status,
        kind=_KINDS.get(status, "ServiceUnavailableError" if status >= 500 else "BadRequestError"),  # noqa: PLR2004 - HTTP's number
        retryable=status in RETRYABLE,
        retry_after=_seconds(response.headers.get("Retry-After")),
    )


def _message(error: Any) -> str:
    text = error.get("message") if isinstance(error, dict) else error
    return str(text or "")[:LONGEST_MESSAGE]


def _seconds(retry_after: str | None) -> float | None:
    """``Retry-After`` in seconds; its other form, a date, is left to the computed delay."""
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None


def _transport(problem: httpx2.HTTPError) -> _Refusal:
    import httpx2

    if isinstance(problem, httpx2.TimeoutException):
        return _Refusal(f"no answer in time ({type(problem).__name__})", kind="TimeoutError", retryable=True)
    connection = isinstance(problem, httpx2.NetworkError | httpx2.RemoteProtocolError)
    return _Refusal(f"{type(problem).__name__}: {problem}", kind="ConnectionError" if connection else "ApiError", retryable=connection)


def _pause(seconds: float, cancellation: Cancellation | None) -> None:
    if cancellation is None:
        time.sleep(seconds)
    elif cancellation.wait(seconds):
        raise Cancelled


def _shown(url: str) -> str:
    """``url`` without user, password, query and fragment, where people put secrets."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _hint(refusal: _Refusal, endpoint: Endpoint) -> str:
    status = refusal.status
    if status in {401, 403}:
        return {
            "azure": "set AZURE_OPENAI_API_KEY to a valid key",
            "ollama": "this server wants a key; name it as a provider: openai with api_base:",
        }.get(endpoint.provider, "set OPENAI_API_KEY to a valid key")
    if status == 404:  # noqa: PLR2004 - HTTP's number
        return f"check model: {endpoint.model} and the address; api_base: usually ends in /v1"
    if refusal.retryable:
        return "try again later, or set max_retries: and base_delay: on the node"
    return "check the parameters of the node against the provider's documentation"
