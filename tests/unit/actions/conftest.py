"""A scope and a way to call an action in it, as the engine does."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol, Self

import pytest

from the_edge_agent.actions import builtin
from the_edge_agent.engine.scope import Resources, Scope
from the_edge_agent.host import AgentHost, Library
from the_edge_agent.workflow.model import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from the_edge_agent.actions.registry import Registry
    from the_edge_agent.engine.events import Event
    from the_edge_agent.engine.scope import Cancellation


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


@pytest.fixture
def registry() -> Registry:
    """The actions that the scopes of the test know."""
    return builtin()


@pytest.fixture
def host(registry: Registry) -> Iterator[AgentHost]:
    host = AgentHost(registry, Library(), secrets={}, resources=Resources())
    yield host
    host.resources.close()


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
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                path, _, query = self.path.partition("?")
                asked = {"method": self.command, "path": path, "query": query, "headers": self.headers, "body": self.rfile.read(length)}
                server.requests.append(asked)
                if path == "/slow":
                    server.release.wait(20)
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
