"""A hub of models on this machine: the files of a folder, served as the Hugging Face Hub serves them, with faults on demand.

    python tests/hub.py FOLDER --port 8899
    HF_ENDPOINT=http://127.0.0.1:8899 tea models pull OWNER/NAME/FILE.gguf

``FOLDER/OWNER/NAME/FILE`` is the file of a repository. As at the real hub, ``/OWNER/NAME/resolve/REVISION/FILE`` redirects to
another host (here a second loopback address) and says size and SHA-256 on the way (``X-Linked-Size``, ``X-Linked-Etag``);
``/api/models/OWNER/NAME?blobs=true`` lists the files of a repository. Source: the client library ``huggingface_hub`` 2.4
(``file_download.py``, ``hf_api.py``) and the headers in issues of the hub's own clients.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import select
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal[
    "cut",  # the connection ends after the byte AT of the file
    "reset",  # the same, by a reset instead of an end
    "stall",  # after the byte AT nothing comes any more
    "drip",  # a few bytes at a time
    "corrupt",  # the byte AT is another one
    "short",  # AT bytes too few, and the headers say so too
    "long",  # AT bytes too many, and the headers say so too
    "ignore-range",  # the whole file, whatever part was asked for
    "shift-range",  # another part than was asked for, and the headers say so
    "lie-range",  # another part than was asked for, under headers that claim the right one
    "no-length",  # no Content-Length; the end of the connection is the end of the file
    "status",  # the status AT, and Retry-After where WAIT is given
    "page",  # a page of HTML instead of the file
    "loop",  # a redirect to itself
]
WHOLE_OF_AN_ANSWER = frozenset({"status", "page", "loop"})
PAGE = b"<!DOCTYPE html><html><title>Sign in to the network</title><p>Please accept our terms.</p></html>"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_API = re.compile(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?")
_CDN = re.compile(r"/cdn/([^/]+/[^/]+)/(.+)")
_BLOCK = 1 << 16


@dataclass
class Fault:
    """Something that goes wrong with the next ``times`` requests (-1: with all) to ``where``; ``at`` is a byte, a number of bytes or a status."""

    kind: Kind
    at: int = 0
    times: int = 1
    where: Literal["hub", "cdn"] = "cdn"
    wait: str | None = None


@dataclass
class Hub:
    """A hub that runs within a ``with``; ``endpoint`` is what ``HF_ENDPOINT`` has to be.

    Attributes:
        folder: ``OWNER/NAME/FILE`` below it are the files.
        faults: what goes wrong; may be changed at any time.
        gated: repositories that want ``token``, and give access to it.
        closed: repositories that nobody gets access to.
        renamed: old repository → its new name.
        announces: whether the size and digest of a file are said before it is sent.
        requests: (method, path, headers in lower case) of all requests so far.
    """

    folder: Path
    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    gated: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)
    token: str = "hf_secret_of_the_test"  # noqa: S105 - of the test
    announces: bool = True
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._changed = threading.Condition()
        self._main, self._cdn = (_server(self, *place) for place in (("127.0.0.1", self.port), ("127.0.0.2", 0)))
        self.endpoint = f"http://127.0.0.1:{self._main.server_address[1]}"
        self.storage = f"http://127.0.0.2:{self._cdn.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self.faults.clear()
        for server in (self._main, self._cdn):
            server.shutdown()
            server.server_close()

    def path(self, repository: str, file: str) -> Path | None:
        """The file on disk, ``None`` where there is none."""
        path = self.folder / repository / file
        return path if path.is_file() and self.folder.resolve() in path.resolve().parents else None

    def fault(self, where: str) -> Fault | None:
        """The fault that the next request to ``where`` meets; a fault that happens once is used up."""
        for fault in list(self.faults):
            if fault.where == where and fault.times != 0:
                fault.times -= 1 if fault.times > 0 else 0
                return fault
        return None

    def note(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Keep a request for :attr:`requests`."""
        with self._changed:
            self.requests.append((method, path, {name.lower(): value for name, value in headers.items()}))
            self._changed.notify_all()

    def wait_for(self, count: int, path: str, seconds: float = 30) -> bool:
        """Wait until ``count`` requests of a path that starts with ``path`` have come; ``False`` when they have not in ``seconds``."""
        with self._changed:
            return self._changed.wait_for(lambda: sum(one.startswith(path) for _, one, _ in self.requests) >= count, seconds)

    def asked(self, path: str) -> list[dict[str, str]]:
        """The headers of each request of a path that starts with ``path``."""
        return [headers for _, one, headers in self.requests if one.startswith(path)]


def digest(path: Path) -> str:
    """The SHA-256 of a file, taken once."""
    status = path.stat()
    return _digest(path, status.st_mtime_ns, status.st_size)


@cache
def _digest(path: Path, _changed: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _server(hub: Hub, host: str, port: int) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer((host, port), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name=f"hub {host}", daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Nothing: :attr:`Hub.requests` has it."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        self.hub.note(self.command, parts.path, dict(self.headers))
        with suppress(ConnectionError):
            if match := _CDN.fullmatch(parts.path):
                self._storage(*map(unquote, match.groups()))
            elif match := _API.fullmatch(parts.path):
                self._described(match[1], parse_qs(parts.query))
            elif match := _RESOLVE.fullmatch(parts.path):
                self._resolved(*map(unquote, match.groups()))
            else:
                self._refuse(404, "Not Found")

    def _resolved(self, repository: str, revision: str, file: str) -> None:
        if self._spoilt("hub") or self._moved(repository, f"resolve/{revision}/{file}") or self._locked(repository):
            return
        path = self.hub.path(repository, file)
        if path is None:
            self._refuse(404, "Entry not found", "EntryNotFound")
            return
        self.send_response(302)
        if self.hub.announces:
            self.send_header("X-Linked-Size", str(path.stat().st_size))
            self.send_header("X-Linked-Etag", f'"{digest(path)}"')
            self.send_header("ETag", f'"{digest(path)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Location", f"{self.hub.storage}/cdn/{quote(repository)}/{quote(file)}?Signature=signed")
        self._body(b"Found. Redirecting", "text/plain; charset=utf-8")

    def _described(self, repository: str, query: Mapping[str, list[str]]) -> None:
        if self._spoilt("hub") or self._locked(repository):
            return
        folder = self.hub.folder / repository
        if not folder.is_dir():
            self._refuse(401, "Invalid username or password.", "RepoNotFound")
            return
        files = [self._sibling(path, folder, blobs="blobs" in query) for path in sorted(folder.rglob("*")) if path.is_file()]
        licence = self.hub.licences.get(repository, "mit")
        tags = ["gguf", f"license:{licence}"]
        answer = {
            "id": repository,
            "sha": COMMIT,
            "gated": False,
            "tags": tags,
            "cardData": {"license": licence},
            "siblings": files,
        }
        self.send_response(200)
        self._body(json.dumps(answer).encode(), "application/json; charset=utf-8")

    @staticmethod
    def _sibling(path: Path, folder: Path, *, blobs: bool) -> dict[str, Any]:
        name = str(path.relative_to(folder))
        if not blobs:
            return {"rfilename": name}
        size = path.stat().st_size
        return {"rfilename": name, "size": size, "blobId": COMMIT, "lfs": {"sha256": digest(path), "size": size, "pointerSize": 135}}

    def _moved(self, repository: str, rest: str) -> bool:
        new = self.hub.renamed.get(repository)
        if new is None:
            return False
        self.send_response(307)
        self.send_header("Location", f"/{new}/{rest}")
        self._body(b"Temporary Redirect", "text/plain; charset=utf-8")
        return True

    def _locked(self, repository: str) -> bool:
        given = self.headers.get("Authorization")
        if repository in self.hub.closed and given:
            self._refuse(403, f"Access to model {repository} is restricted and you are not in the authorized list.", "GatedRepo")
        elif repository in self.hub.gated | self.hub.closed and given != f"Bearer {self.hub.token}":
            self._refuse(401, f"Access to model {repository} is restricted. You must have access to it and be authenticated.", "GatedRepo")
        else:
            return False
        return True

    def _refuse(self, status: int, message: str, code: str | None = None) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", message)
        self._body(message.encode(), "text/plain; charset=utf-8")

    def _spoilt(self, where: str) -> Fault | None:
        """The fault that this request meets; one that needs no file has been answered already when its kind says so."""
        fault = self.hub.fault(where)
        if fault is None or fault.kind not in WHOLE_OF_AN_ANSWER:
            return fault
        if fault.kind == "loop":
            self.send_response(302)
            self.send_header("Location", self.path)
            self._body(b"", "text/plain")
        elif fault.kind == "page":
            self.send_response(200)
            self._body(PAGE, "text/html; charset=utf-8")
        else:
            self.send_response(fault.at)
            if fault.wait is not None:
                self.send_header("Retry-After", fault.wait)
            self._body(b"not now", "text/plain")
        return fault

    def _body(self, body: bytes, kind: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _storage(self, repository: str, file: str) -> None:
        fault = self._spoilt("cdn")
        if fault is not None and fault.kind in WHOLE_OF_AN_ANSWER:
            return
        path = self.hub.path(repository, file)
        if path is None:
            self._refuse(404, "NoSuchKey")
            return
        with path.open("rb") as content:
            _Sending(self, content, path, fault).send()


class _Sending:
    """One answer of the storage: which part of the file, and what is wrong with it."""

    def __init__(self, handler: _Handler, content: IO[bytes], path: Path, fault: Fault | None) -> None:
        self.handler = handler
        self.content = content
        self.fault = fault or Fault("drip", times=0)
        self.kind = fault.kind if fault else None
        whole = path.stat().st_size
        self.size = whole + {"short": -1, "long": 1}.get(self.kind or "", 0) * self.fault.at
        self.etag = f'"{digest(path)}"' if handler.hub.announces else f'"{path.stat().st_mtime_ns}-{whole}"'

    def send(self) -> None:
        handler = self.handler
        start, end = self._range()
        if start is not None and not 0 <= start <= end < self.size:
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{self.size}")
            handler._body(b"", "text/plain")
            return
        first = start or 0
        handler.send_response(200 if start is None else 206)
        handler.send_header("Content-Type", "application/octet-stream")
        handler.send_header("Accept-Ranges", "bytes")
        handler.send_header("ETag", self.etag)
        off = {"shift-range": (1, 1), "lie-range": (0, 1)}.get(self.kind or "", (0, 0)) if start is not None else (0, 0)
        if start is not None:
            handler.send_header("Content-Range", f"bytes {first + off[0]}-{end}/{self.size}")
        if self.kind == "no-length":
            handler.close_connection = True
            handler.send_header("Connection", "close")
        else:
            handler.send_header("Content-Length", str(end + 1 - first - off[0]))
        handler.end_headers()
        if handler.command != "HEAD":
            self._stream(first + off[1], end + 1 - first - off[0])

    def _range(self) -> tuple[int | None, int]:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.handler.headers.get("Range", ""))
        if asked is None or self.kind == "ignore-range":
            return None, self.size - 1
        return int(asked[1]), min(int(asked[2] or self.size), self.size - 1)

    def _stream(self, position: int, count: int) -> None:
        """``count`` bytes from ``position``; what the file does not have is zeros."""
        out = self.handler.wfile
        self.content.seek(position)
        if self.kind is None:
            self.handler.connection.sendfile(self.content, position, count)
            return
        while count > 0:
            block = self.content.read(min(count, _BLOCK if self.kind != "drip" else max(1, self.fault.at))) or bytes(min(count, _BLOCK))
            if self.kind == "corrupt" and position <= self.fault.at < position + len(block):
                spot = self.fault.at - position
                block = block[:spot] + bytes([block[spot] ^ 0xFF]) + block[spot + 1 :]
            if self.kind in {"cut", "reset", "stall"} and position + len(block) >= self.fault.at:
                out.write(block[: max(0, self.fault.at - position)])
                self._end()
                return
            out.write(block)
            position += len(block)
            count -= len(block)
            if self.kind == "drip":
                time.sleep(0.01)

    def _end(self) -> None:
        connection = self.handler.connection
        self.handler.close_connection = True
        if self.kind == "stall":
            while self.fault in self.handler.hub.faults and not _left(connection):
                time.sleep(0.02)
        elif self.kind == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()


def _left(connection: socket.socket) -> bool:
    """Whether the other side has closed the connection."""
    try:
        return bool(select.select([connection], [], [], 0)[0]) and connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


def parsed(text: str) -> Fault:
    """``KIND[:AT[:TIMES]]`` as a fault."""
    kind, *numbers = text.split(":")
    return Fault(kind, *map(int, numbers))  # type: ignore[arg-type]


def main() -> None:
    """Serve a folder until the standard input ends or a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", type=parsed, action="append", default=[], metavar="KIND[:AT[:TIMES]]")
    options = parser.parse_args()
    with Hub(options.folder, options.port, options.fault) as hub:
        print(f"HF_ENDPOINT={hub.endpoint}", flush=True)  # noqa: T201 - what the caller waits for
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
