"""The API backend against a real HTTP server on the loopback interface."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine.failure import passes_by_itself
from the_edge_agent.errors import NodeFailed
from the_edge_agent.llm.api import ApiBackend, Endpoint, Retry
from the_edge_agent.llm.protocol import Message, Request, Sampling, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "sk-very-secret"
QUESTION = Request((Message("user", "Hi"),))


class Server(ThreadingHTTPServer):
    """Answers request number n with ``answers[n]`` (the last one from then on) and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number = len(self.server.asked)
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        status, headers, data = self.server.answers[min(number, len(self.server.answers) - 1)]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        if int(headers.get("Content-Length", "0")) > len(data):
            # More was promised: stay silent instead of closing.
            self.server.over.wait(30)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.over.set()
        made.shutdown()
        thread.join()


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[..., ApiBackend]]:
    made: list[ApiBackend] = []

    def make(**more: Any) -> ApiBackend:
        backend = ApiBackend(Endpoint(**{"provider": "openai", "base_url": server.url, "model": "m", "key": KEY, **more}))
        made.append(backend)
        return backend

    yield make
    for backend in made:
        backend.close()


def completion(content: str | None = "Hello", **more: Any) -> tuple[int, dict[str, str], bytes]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **more.pop("message", {})}, "finish_reason": "stop"}
    answer = {"model": "m-2", "choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}, **more}
    return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()


def failure(status: int, message: str = "no", **headers: str) -> tuple[int, dict[str, str], bytes]:
    return status, headers, json.dumps({"error": {"message": message}}).encode()


def events(*data: Any, done: bool = True) -> tuple[int, dict[str, str], bytes]:
    lines = [f"data: {one if isinstance(one, str) else json.dumps(one)}\n\n" for one in data]
    return 200, {"Content-Type": "text/event-stream"}, "".join([": comment\n\n", *lines, "data: [DONE]\n\n" if done else ""]).encode()


def delta(finish: str | None = None, **content: Any) -> dict[str, Any]:
    return {"model": "m-2", "choices": [{"index": 0, "delta": content, "finish_reason": finish}]}


def test_a_completion(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [completion()]
    reply = connect().chat(QUESTION)
    assert (reply.content, reply.model, reply.backend, reply.finish_reason) == ("Hello", "m-2", "api", "stop")
    assert reply.usage == Usage(3, 2)
    path, headers, body = server.asked[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def test_parameters_are_sent_as_they_are(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [completion()]
    request = Request(QUESTION.messages, 9, ("END",), Sampling(temperature=0, seed=4), {"logit_bias": {"5": -100}})
    connect().chat(request)
    body = server.asked[0][2]
    assert {key: body[key] for key in body if key not in {"model", "messages"}} == {
        "max_tokens": 9,
        "stop": ["END"],
        "temperature": 0,
        "seed": 4,
        "logit_bias": {"5": -100},
    }


def test_a_stream_arrives_in_pieces(server: Server, connect: Callable[..., ApiBackend]) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    server.answers = [events(delta(role="assistant"), delta(content="Hé"), delta(content="llo"), delta("length"), usage)]
    pieces: list[str] = []
    reply = connect().chat(QUESTION, on_token=pieces.append)
    assert pieces == ["Hé", "llo"]
    assert (reply.content, reply.chunks, reply.finish_reason, reply.usage) == ("Héllo", 2, "length", Usage(1, 2))
    assert server.asked[0][2]["stream"] is True


def test_no_counting_provider_gives_no_usage(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [completion(usage=None), events(delta("stop", content="x"))]
    assert connect().chat(QUESTION).usage is None
    assert connect().chat(QUESTION, on_token=lambda _: None).usage is None


def test_tool_calls_go_both_ways(server: Server, connect: Callable[..., ApiBackend]) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    parts = [delta(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "add", "arguments": '{"a"'}}])]
    parts += [delta("tool_calls", tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}])]
    server.answers = [completion(None, message={"tool_calls": [call]}), events(*parts), completion()]
    wanted = (ToolCall("c1", "add", '{"a": 1}'),)
    assert connect().chat(QUESTION).tool_calls == wanted
    assert connect().chat(QUESTION, on_token=lambda _: None).tool_calls == wanted
    connect().chat(Request((Message("assistant", "", wanted), Message("tool", "1", tool_call_id="c1"))))
    assert server.asked[2][2]["messages"] == [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "1", "tool_call_id": "c1"},
    ]


def test_an_error_tells_status_and_message_but_never_the_key(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [failure(401, f"Incorrect key {KEY} provided")]
    with pytest.raises(NodeFailed, match=r"status 401: Incorrect key \*\*\* provided") as caught:
        connect().chat(QUESTION)
    assert KEY not in repr(caught.value)
    assert "OPENAI_API_KEY" in (caught.value.hint or "")
    assert caught.value.error_type == "AuthenticationError"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "name", "passes"),
    [(400, "BadRequestError", False), (404, "NotFoundError", False), (429, "RateLimitError", True), (502, "ServiceUnavailableError", True)],
)
def test_on_error_of_a_node_knows_what_may_pass(
    server: Server, connect: Callable[..., ApiBackend], *, status: int, name: str, passes: bool
) -> None:
    server.answers = [failure(status)]
    with pytest.raises(NodeFailed) as caught:
        connect().chat(QUESTION)
    assert caught.value.error_type == name
    assert passes_by_itself(caught.value) is passes


def test_the_key_is_not_in_the_repr_of_an_endpoint() -> None:
    assert KEY not in repr(Endpoint("openai", "http://x/v1", "m", key=KEY))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(server: Server, connect: Callable[..., ApiBackend], status: int) -> None:
    server.answers = [failure(status), failure(status), completion()]
    assert connect(retry=Retry(2, 0.01)).chat(QUESTION).content == "Hello"
    assert len(server.asked) == 3


def test_when_no_try_is_left_the_number_of_tries_is_told(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [failure(503, "overloaded")]
    with pytest.raises(NodeFailed, match=r"after 3 tries in .* status 503: overloaded"):
        connect(retry=Retry(2, 0.01)).chat(QUESTION)
    assert len(server.asked) == 3


def test_what_cannot_pass_is_not_tried_again(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [failure(400, "stub error 400")]
    with pytest.raises(NodeFailed, match="status 400: stub error 400"):
        connect(retry=Retry(3, 0.01)).chat(QUESTION)
    assert len(server.asked) == 1


def test_the_delay_grows_up_to_its_limit_and_the_server_may_set_it() -> None:
    retry = Retry(9, base_delay=1, max_delay=5)
    assert [round(retry.delay(attempt, None) + 0.4) for attempt in range(4)] == [1, 2, 4, 5]
    assert retry.delay(0, 3.0) == 3.0
    assert retry.delay(0, 3600.0) == 5


def test_a_retry_after_is_heeded(server: Server, connect: Callable[..., ApiBackend]) -> None:
    # With the computed delay of an hour the test would time out.
    server.answers = [failure(429, **{"Retry-After": "0.01"}), completion()]
    assert connect(retry=Retry(1, base_delay=3600, max_delay=3600)).chat(QUESTION).content == "Hello"


def test_waiting_for_a_retry_can_be_cancelled(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [failure(503)]
    cancellation = Cancellation()
    threading.Timer(0.1, cancellation.request).start()
    with pytest.raises(Cancelled):
        connect(retry=Retry(1, base_delay=3600, max_delay=3600)).chat(QUESTION, cancellation=cancellation)


def test_a_stream_can_be_cancelled(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [events(*[delta(content="x")] * 5)]
    cancellation = Cancellation()
    pieces: list[str] = []

    def on_token(text: str) -> None:
        pieces.append(text)
        cancellation.request()

    with pytest.raises(Cancelled):
        connect().chat(QUESTION, on_token=on_token, cancellation=cancellation)
    assert pieces == ["x"]


def test_half_a_stream_is_an_error_and_is_not_said_twice(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [events(delta(content="half"), done=False)]
    pieces: list[str] = []
    with pytest.raises(NodeFailed, match="the stream ended before the answer did"):
        connect(retry=Retry(3, 0.01)).chat(QUESTION, on_token=pieces.append)
    assert pieces == ["half"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((200, {}, b"<html>"), "is not JSON"),
        ((200, {}, b"[]"), "not a JSON object"),
        ((200, {}, b"{}"), "no chat completion"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "status 302"),
        ((502, {}, b"Bad gateway"), "status 502: Bad gateway"),
    ],
)
def test_an_answer_that_is_none(
    server: Server, connect: Callable[..., ApiBackend], answer: tuple[int, dict[str, str], bytes], message: str
) -> None:
    server.answers = [answer]
    with pytest.raises(NodeFailed, match=message):
        connect().chat(QUESTION)


def test_nobody_listens(connect: Callable[..., ApiBackend], server: Server) -> None:
    with pytest.raises(NodeFailed, match=r"openai API at http://127\.0\.0\.1:1/v1 failed: ConnectError"):
        connect(base_url="http://user:pw@127.0.0.1:1/v1").chat(QUESTION)
    assert not server.asked


def test_a_silent_server_runs_into_the_time_out(connect: Callable[..., ApiBackend], server: Server) -> None:
    server.answers = [(200, {"Content-Length": "100"}, b"{")]
    with pytest.raises(NodeFailed, match="no answer in time"):
        connect(timeout=0.2).chat(QUESTION)


def test_azure_has_its_own_way(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [completion()]
    connect(provider="azure", api_version="2024-02-15-preview").chat(QUESTION)
    path, headers, _ = server.asked[0]
    assert path.endswith("/chat/completions?api-version=2024-02-15-preview")
    assert headers["api-key"] == KEY
    assert "authorization" not in headers


def vectors(*found: list[float], model: str = "e-2", tokens: int | None = 5, shuffled: bool = False) -> tuple[int, dict[str, str], bytes]:
    data = [{"object": "embedding", "index": number, "embedding": vector} for number, vector in enumerate(found)]
    answer: dict[str, Any] = {"model": model, "data": data[::-1] if shuffled else data}
    if tokens is not None:
        answer["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()


def test_embeddings_come_in_the_order_of_the_texts_and_at_length_one(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [vectors([3, 4], [0, 2], shuffled=True)]
    found = connect(model="e").embed(["a", "b"], extra={"dimensions": 2})
    assert (found.vectors, found.dimensions, found.model, found.backend, found.tokens) == (((0.6, 0.8), (0.0, 1.0)), 2, "e-2", "api", 5)
    path, headers, body = server.asked[0]
    assert path == "/v1/embeddings"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {"model": "e", "input": ["a", "b"], "dimensions": 2}


def test_many_texts_are_asked_for_in_parts(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [vectors(*[[1.0, 0.0]] * 256), vectors(*[[0.0, 1.0]] * 44, tokens=None)]
    found = connect().embed([str(number) for number in range(300)])
    assert [len(body["input"]) for _, _, body in server.asked] == [256, 44]
    assert (found.vectors[255], found.vectors[256]) == ((1.0, 0.0), (0.0, 1.0))
    assert found.tokens is None


def test_embeddings_are_tried_again_as_answers_are(server: Server, connect: Callable[..., ApiBackend]) -> None:
    server.answers = [failure(503), vectors([1])]
    assert connect(retry=Retry(1, base_delay=0.01)).embed(["a"]).vectors == ((1.0,),)
    server.asked.clear()
    server.answers = [failure(400, f"too long, {KEY}")]
    with pytest.raises(NodeFailed, match=r"status 400: too long, \*\*\*"):
        connect(retry=Retry(1, base_delay=0.01)).embed(["a"])
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (vectors([1]), "no vector for every text"),
        (vectors([1], [0]), "no vector for every text"),
        (vectors([1], [1, 2]), "not of one length"),
        ((200, {}, b'{"data": [{"index": 0, "embedding": "x"}, {}]}'), "no vector for every text"),
        ((200, {}, b"[]"), "not a JSON object"),
    ],
)
def test_an_answer_without_proper_vectors_is_refused(
    server: Server, connect: Callable[..., ApiBackend], answer: tuple[int, dict[str, str], bytes], words: str
) -> None:
    server.answers = [answer]
    with pytest.raises(NodeFailed, match=words):
        connect().embed(["a", "b"])
