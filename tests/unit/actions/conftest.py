"""A scope and a way to call an action in it, as the engine does; servers and models to ask: real ones on the loopback address, and the built-in model."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol, Self

import pytest

from the_edge_agent.actions import builtin
from the_edge_agent.actions.library import Library
from the_edge_agent.agent.host import AgentHost
from the_edge_agent.engine.scope import Scope
from the_edge_agent.llm.connect import Models
from the_edge_agent.resources import Resources
from the_edge_agent.workflow.model import Action, Node, Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from the_edge_agent.actions.registry import Registry
    from the_edge_agent.cancellation import Cancellation
    from the_edge_agent.engine.events import Event


class MakeScope(Protocol):
    """What the fixture ``make_scope`` gives."""

    def __call__(
        self,
        *,
        state: dict[str, Any] | None = None,
        workflow: Workflow | None = None,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        cancellation: Cancellation | None = None,
        node: str = "n",
        told: list[Event] | None = None,
    ) -> Scope: ...


class Clock:
    """What the caches and limiters take the time from; it stands still until :meth:`forward`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("memory.memory", "control.wrap"):
        monkeypatch.setattr(f"the_edge_agent.actions.{module}.time", clock)
    return clock


@pytest.fixture
def registry() -> Registry:
    """The actions that the scopes of the test know."""
    return builtin()


@pytest.fixture
def host(registry: Registry) -> Iterator[AgentHost]:
    host = AgentHost(registry, Library(), secrets={}, resources=Resources(), models=Models())
    yield host
    host.resources.close()
    host.models.close()


@pytest.fixture
def make_scope(host: AgentHost) -> MakeScope:
    def make(
        *,
        state: dict[str, Any] | None = None,
        workflow: Workflow | None = None,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        cancellation: Cancellation | None = None,
        node: str = "n",
        told: list[Event] | None = None,
    ) -> Scope:
        if secrets is not None:
            host.secrets = secrets
        return Scope(
            workflow=workflow or Workflow("w", {}, {}, settings=settings or {}),
            host=host,
            state=state if state is not None else {},
            node=node,
            cancellation=cancellation,
            emit=told.append if told is not None else None,
        )

    return make


@pytest.fixture
def call(make_scope: MakeScope, registry: Registry) -> Callable[..., Any]:
    """Call an action by name in a fresh scope over the same resources; ``scope`` can be given."""

    def run(name: str, scope: Scope | None = None, /, **parameters: Any) -> Any:
        return registry[name].function(scope or make_scope(), **parameters)

    return run


class Server:
    """A real HTTP server on the loopback address; ``requests`` is what it was asked, ``answers`` what it says by path."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.release = threading.Event()
        self.slow = threading.Semaphore(0)
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                path, _, query = self.path.partition("?")
                asked = {"method": self.command, "path": path, "query": query, "headers": self.headers, "body": self.rfile.read(length)}
                server.requests.append(asked)
                if path == "/slow":
                    server.slow.release()
                    server.release.wait(60)
                status, headers, body = server.answers.get(path, (200, {}, b'{"ok": true}'))
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(body)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the names that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def serve() -> type[Server]:
    return Server


Answer = str | int
"""What a model says, or the HTTP status it fails with."""


class Api:
    """Chat completions as OpenAI speaks them.

    ``answer`` gets the conversation as text and says what the model replies; ``asked`` holds every request's body.
    A question that ``answer`` blocks on keeps its connection until ``release`` is set.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Callable[[str], Answer] = lambda _: "hello"
        self.release = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                api.asked.append(body)
                if "input" in body:
                    self._send(200, "application/json", json.dumps(api.vectors(body["model"], body["input"])))
                    return
                said = api.answer("\n".join(message["content"] for message in body["messages"]))
                if isinstance(said, int):
                    self._send(said, "application/json", json.dumps({"error": {"message": f"says {said}"}}))
                elif body.get("stream"):
                    self._send(200, "text/event-stream", api.stream(body["model"], said))
                else:
                    self._send(200, "application/json", json.dumps(api.whole(body["model"], said)))

            def _send(self, status: int, kind: str, text: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    usage: Mapping[str, int] = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}

    def whole(self, model: str, said: str) -> dict[str, Any]:
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        return {"model": model, "choices": [choice], "usage": self.usage}

    def stream(self, model: str, said: str) -> str:
        pieces = [{"model": model, "choices": [{"index": 0, "delta": {"content": word}}]} for word in said.split(" ")]
        for piece in pieces[1:]:
            piece["choices"][0]["delta"]["content"] = " " + piece["choices"][0]["delta"]["content"]  # type: ignore[index]
        end = [{"model": model, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": self.usage}]
        return "".join(f"data: {json.dumps(event)}\n\n" for event in (*pieces, *end)) + "data: [DONE]\n\n"

    def vectors(self, model: str, texts: list[str]) -> dict[str, Any]:
        """A vector for every text: its length, and 1."""
        data = [{"index": number, "embedding": [len(text), 1]} for number, text in enumerate(texts)]
        return {"model": model, "data": data, "usage": {"prompt_tokens": len(texts)}}

    def says(self, *answers: Answer) -> None:
        """Give these answers one after another, the last one for ever."""
        left = list(answers)
        lock = threading.Lock()

        def answer(_: str) -> Answer:
            with lock:
                return left.pop(0) if len(left) > 1 else left[0]

        self.answer = answer

    @property
    def prompts(self) -> list[str]:
        """The last message of every request."""
        return [body["messages"][-1]["content"] for body in self.asked]

    def close(self) -> None:
        self.release.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    yield api
    api.close()


class Run(Protocol):
    """What the fixtures ``run`` and ``local`` give: call an action by name as a node does."""

    def __call__(
        self,
        name: str,
        /,
        *,
        settings: Mapping[str, Any] | None = None,
        state: dict[str, Any] | None = None,
        told: list[Event] | None = None,
        cancellation: Cancellation | None = None,
        code_allowed: bool = True,
        **parameters: Any,
    ) -> Any: ...


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """No API is named anywhere, so the built-in model answers; what the machine has installed plays no part."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OLLAMA_API_BASE", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "TEA_MODEL_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "APPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    host = AgentHost(builtin(), Library(), secrets={}, resources=Resources(), models=Models())

    def run(
        name: str,
        /,
        *,
        settings: Mapping[str, Any] | None = None,
        state: dict[str, Any] | None = None,
        told: list[Event] | None = None,
        cancellation: Cancellation | None = None,
        code_allowed: bool = True,
        **parameters: Any,
    ) -> Any:
        node = Node("ask", Action(name, parameters, {}))
        scope = Scope(
            workflow=Workflow("w", {"ask": node}, {}, settings=settings or {}),
            host=host,
            state=state if state is not None else {},
            node="ask",
            cancellation=cancellation,
            emit=told.append if told is not None else None,
        )
        host.code_allowed = code_allowed
        return host.action(name)(scope, **parameters)

    yield run
    host.resources.close()
    host.models.close()


@pytest.fixture
def run(local: Run, api: Api) -> Run:
    """Every question goes to ``api`` unless the test says otherwise."""

    def ask(name: str, /, *, settings: Mapping[str, Any] | None = None, **rest: Any) -> Any:
        llm = {"provider": "openai", "api_base": api.url, "model": "m", **((settings or {}).get("llm") or {})}
        return local(name, settings={**(settings or {}), "llm": llm}, **rest)

    return ask
