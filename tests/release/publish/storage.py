"""A storage server on this machine, and a line to it that breaks as one fault after the other says."""

from __future__ import annotations

import http.client
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

Answer = tuple[int, list[tuple[str, str]], bytes]
Fault = Callable[["Line", bytes], None]
"""Deals with one request, whose body was read."""


class Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, server: str) -> None:
        super().__init__(("127.0.0.1", 0), Line)
        self.server = server
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.always: dict[str, Fault] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """A client that went away is what the tests are about."""


class Line(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        name = operation(self.command, self.path)
        self.server.asked.append(name)
        queue = self.server.faults[name]
        fault = queue.popleft() if queue else self.server.always.get(name, through)
        self.close_connection = True
        fault(self, body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815 - what the base class calls

    def ask(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.server.server).netloc)
        try:
            connection.request(self.command, self.path, body, {**self.headers, "Content-Length": str(len(body))})
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        for key, value in headers:
            if key.lower() not in {"content-length", "connection", "transfer-encoding", "date", "server"}:
                self.send_header(key, value)
        told = next((value for key, value in headers if key.lower() == "content-length"), "0")
        self.send_header("Content-Length", told if self.command == "HEAD" else str(len(body) if length is None else length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests look at what was asked instead."""


def operation(method: str, path: str) -> str:
    query = parse_qs(urlsplit(path).query, keep_blank_values=True)
    if method == "POST":
        return "start" if "uploads" in query else "finish"
    if method == "GET":
        return "uploads" if "uploads" in query else "pieces" if "uploadId" in query else "read"
    return {"PUT": "send", "HEAD": "look", "DELETE": "give up" if "uploadId" in query else "delete"}[method]


def through(line: Line, body: bytes) -> None:
    line.answer(*line.ask(body))


def hang_up(line: Line, _body: bytes) -> None:
    line.connection.close()


def lost_answer(line: Line, body: bytes) -> None:
    """The server does it, and nobody hears of it."""
    line.ask(body)
    line.connection.close()


def cut_answer(line: Line, body: bytes) -> None:
    status, headers, found = line.ask(body)
    line.answer(status, headers, found[: len(found) // 2], len(found))


def slow_down(line: Line, _body: bytes) -> None:
    line.answer(
        503, [("Content-Type", "application/xml")], b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
    )


def refuse(line: Line, _body: bytes) -> None:
    line.answer(403, [("Content-Type", "application/xml")], b"<Error><Code>AccessDenied</Code><Message>No.</Message></Error>")


def changed(body: bytes) -> bytes:
    return bytes([body[0] ^ 1]) + body[1:]


def other_bytes_sent(line: Line, body: bytes) -> None:
    line.answer(*line.ask(changed(body)))


def other_bytes_read(line: Line, body: bytes) -> None:
    status, headers, found = line.ask(body)
    line.answer(status, headers, changed(found))


@contextmanager
def line_to(server: str) -> Iterator[Proxy]:
    proxy = Proxy(server)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
