"""A web server that holds a release and does what one fault after the other says; it counts what it sends."""

from __future__ import annotations

import re
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

Fault = Callable[["Handler", bytes, int], None]
"""Answers one request for a file, of which the bytes from a position on were asked for."""

ENDLESS = 200_000_000
PAGE = b"<!DOCTYPE html>\n<html><body>Something went wrong. $(touch pwned)</body></html>\n"


@dataclass(frozen=True)
class Served:
    name: str
    start: int
    size: int


class Mirror(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.always: dict[str, Fault] = {}
        self.served: list[Served] = []
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def bytes_of(self, name: str) -> int:
        return sum(one.size for one in self.served if one.name == name)

    def requests_for(self, name: str) -> int:
        return sum(one.name == name for one in self.served)

    def handle_error(self, *_: object) -> None:
        """A client that went away is what many tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Mirror
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1]
        path = self.server.folder / name
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        body = path.read_bytes() if path.is_file() else None
        queue = self.server.faults[name]
        fault = queue.popleft() if queue else self.server.always.get(name, right)
        self.close_connection = True
        if body is None and fault is right:
            self.answer(404, PAGE)
        else:
            fault(self, body or b"", start)

    def answer(self, status: int, body: bytes, *, length: int | None = None, headers: dict[str, str] | None = None) -> None:
        """Send ``body``, claiming that it has ``length`` bytes."""
        name = self.path.rsplit("/", 1)[-1]
        start = int(re.split("[ -]", (headers or {}).get("Content-Range", "bytes 0-"))[1])
        self.server.served.append(Served(name, start, len(body)))
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests count instead."""


def right(handler: Handler, body: bytes, start: int) -> None:
    if start >= len(body) and start:
        handler.answer(416, b"")
    elif start:
        handler.answer(206, body[start:], headers=_range(start, body))
    else:
        handler.answer(200, body, headers={"Accept-Ranges": "bytes"})


def _range(start: int, body: bytes) -> dict[str, str]:
    return {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}


def cut(share: float) -> Fault:
    """The connection ends after this share of what was asked for."""

    def fault(handler: Handler, body: bytes, start: int) -> None:
        rest = body[start:]
        handler.answer(
            206 if start else 200, rest[: int(len(rest) * share)], length=len(rest), headers=_range(start, body) if start else None
        )

    return fault


def short(handler: Handler, body: bytes, _: int) -> None:
    """Less than the file, and says that this is all."""
    handler.answer(200, body[: len(body) // 2])


def shortest(handler: Handler, body: bytes, _: int) -> None:
    """Its first bytes only, as if these were all."""
    handler.answer(200, body[:70])


def longer(handler: Handler, body: bytes, _: int) -> None:
    handler.answer(200, body + bytes(2000))


def endless(handler: Handler, body: bytes, _: int) -> None:
    """Goes on until the client has enough."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    sent = 0
    try:
        while sent < ENDLESS:
            sent += handler.wfile.write(body[:1000] * 100)
    finally:
        handler.server.served.append(Served(handler.path.rsplit("/", 1)[-1], 0, sent))


def corrupt(handler: Handler, body: bytes, start: int) -> None:
    """One bit of the whole file is wrong, the first of it."""
    changed = bytearray(body)
    changed[0] ^= 1
    right(handler, bytes(changed), start)


def no_ranges(handler: Handler, body: bytes, _: int) -> None:
    handler.answer(200, body)


def wrong_range(handler: Handler, body: bytes, start: int) -> None:
    """Says that it goes on, and begins again."""
    rest = body[: len(body) - start]
    handler.answer(206, rest, headers=_range(start, body)) if start else right(handler, body, start)


def shifted_range(handler: Handler, body: bytes, start: int) -> None:
    """Answers another range than the one that was asked for, and says so."""
    handler.answer(206, body[start // 2 :], headers=_range(start // 2, body)) if start else right(handler, body, start)


def unsatisfiable(handler: Handler, body: bytes, start: int) -> None:
    handler.answer(416, b"") if start else right(handler, body, start)


def status(code: int) -> Fault:
    return lambda handler, _body, _start: handler.answer(code, PAGE)


def page(handler: Handler, _body: bytes, _start: int) -> None:
    handler.answer(200, PAGE)


def empty(handler: Handler, _body: bytes, _start: int) -> None:
    handler.answer(200, b"")


def hang_up(handler: Handler, _body: bytes, _start: int) -> None:
    """Takes the request and says nothing."""
    handler.server.served.append(Served(handler.path.rsplit("/", 1)[-1], 0, 0))


def redirect(handler: Handler, _body: bytes, _start: int) -> None:
    """Elsewhere on the same server, where the file is."""
    handler.answer(302, b"", headers={"Location": f"{handler.server.url}/elsewhere/{handler.path.rsplit('/', 1)[-1]}"})


def rounds(handler: Handler, _body: bytes, _start: int) -> None:
    handler.answer(302, b"", headers={"Location": handler.path})


@contextmanager
def serving(folder: Path, tls: ssl.SSLContext | None = None) -> Iterator[Mirror]:
    mirror = Mirror(folder)
    if tls:
        mirror.socket = tls.wrap_socket(mirror.socket, server_side=True)
        mirror.scheme = "https"
    thread = threading.Thread(target=mirror.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield mirror
    finally:
        mirror.shutdown()
        thread.join()
        mirror.server_close()
