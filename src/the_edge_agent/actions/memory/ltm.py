"""``ltm.*``: long-term memory in SQLite with full-text search, in memory unless ``settings.ltm`` names a file."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from the_edge_agent.actions.memory.database import IN_MEMORY, connected
from the_edge_agent.actions.needs import Given, Needs
from the_edge_agent.actions.registry import Json, action, shown
from the_edge_agent.errors import MachineUnable, NodeFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from the_edge_agent.engine.scope import Scope

_TABLES = """
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL, metadata TEXT NOT NULL, stored REAL NOT NULL
);
CREATE VIRTUAL TABLE IF NOT EXISTS entry_words USING fts5(words, tokenize = 'unicode61');
"""


class LongTermMemory:
    """Values by key in one SQLite file, and the words in them. Thread-safe; several processes may share the file."""

    def __init__(self, path: str) -> None:
        """Open or create the file; raises :class:`NodeFailed` when it cannot be used."""
        import sqlite3

        self._lock = threading.Lock()
        try:
            self._connection = connected(path, _TABLES)
        except (OSError, sqlite3.Error) as error:
            if "fts5" in str(error):
                raise MachineUnable("the SQLite library of this Python has no full-text search (FTS5)") from None
            raise NodeFailed(f"cannot open the long-term memory {path}: {error}", hint="see `settings.ltm.path`") from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def store(self, key: str, value: str, metadata: str, words: str) -> None:
        """Keep ``value`` and ``metadata`` (JSON texts) under ``key``, found again by ``words``."""
        with self._lock, self._connection as connection:
            row = connection.execute(
                "INSERT INTO entry (key, value, metadata, stored) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value, metadata = excluded.metadata, stored = excluded.stored RETURNING id",
                (key, value, metadata, time.time()),
            ).fetchone()
            connection.execute("DELETE FROM entry_words WHERE rowid = ?", row)
            connection.execute("INSERT INTO entry_words (rowid, words) VALUES (?, ?)", (*row, words))

    def retrieve(self, key: str) -> tuple[str, str] | None:
        """Value and metadata under ``key``."""
        with self._lock:
            found: tuple[str, str] | None = self._connection.execute("SELECT value, metadata FROM entry WHERE key = ?", (key,)).fetchone()
            return found

    def delete(self, key: str) -> bool:
        """Forget ``key``; ``False`` when it was not there."""
        with self._lock, self._connection as connection:
            row = connection.execute("DELETE FROM entry WHERE key = ? RETURNING id", (key,)).fetchone()
            if row is not None:
                connection.execute("DELETE FROM entry_words WHERE rowid = ?", row)
            return row is not None

    def search(self, query: str, limit: int) -> list[tuple[str, str, str, float]]:
        """(key, value, metadata, score) of what fits an FTS5 query, best first; of everything, newest first, when it is empty.

        ``limit`` -1 gives all.
        """
        sql = (
            "SELECT key, value, metadata, -bm25(entry_words) FROM entry_words JOIN entry ON entry.id = entry_words.rowid "
            "WHERE entry_words MATCH ? ORDER BY bm25(entry_words), entry.id LIMIT ?"
            if query
            else "SELECT key, value, metadata, 0.0 FROM entry ORDER BY stored DESC, id DESC LIMIT ?"
        )
        with self._lock:
            return self._connection.execute(sql, (query, limit) if query else (limit,)).fetchall()

    def all_keys(self) -> list[str]:
        """Every key, sorted."""
        with self._lock:
            return [key for (key,) in self._connection.execute("SELECT key FROM entry ORDER BY key")]


def _ltm(scope: Scope) -> LongTermMemory:
    path = _path(scope.workflow.settings.get("ltm") or {})
    return scope.host.resources.get(f"ltm:{path}", lambda: LongTermMemory(path))


def _path(settings: Json) -> str:
    """Where ``settings.ltm`` says the memory lies; a relative path counts from the working directory."""
    if not isinstance(settings, Mapping):
        raise NodeFailed(f"settings.ltm must be a mapping {{backend: sqlite, path: …}}, not {shown(settings)}")
    backend = settings.get("backend", "sqlite")
    if backend != "sqlite":
        raise NodeFailed(f"settings.ltm.backend {backend!r} is not supported", hint="write `backend: sqlite`; it needs no service")
    unknown = sorted(set(settings) - {"backend", "path", "db_path"})
    if unknown:
        raise NodeFailed(f"settings.ltm has the unknown key {unknown[0]!r}", hint="it takes backend and path")
    path = settings.get("path", settings.get("db_path", IN_MEMORY))
    if not isinstance(path, str) or not path:
        raise NodeFailed("settings.ltm.path must be a path")
    if path == IN_MEMORY:
        return path
    try:
        return str(Path(_expanded(path)).expanduser().absolute())
    except RuntimeError:
        raise NodeFailed(f"settings.ltm.path {path}: there is no such home folder", hint="write the whole path") from None


def _expanded(text: str) -> str:
    """``${VAR}`` and ``${VAR:-default}`` replaced from the environment; a variable with neither value nor default is an error."""

    def replace(found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        value = os.environ.get(name, default)
        if value is None:
            raise NodeFailed(
                f"settings.ltm.path is {text}, and the environment variable {name} is not set",
                hint=f"set {name}, or write a default: ${{{name}:-memory}}",
            )
        return value or default or ""

    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", replace, text)


def _files(given: Given) -> Iterator[tuple[str, object]]:
    settings = given.settings.get("ltm")
    if isinstance(settings, Mapping):
        yield from ((f"settings.ltm.{key}", settings[key]) for key in ("path", "db_path") if settings.get(key) not in (None, IN_MEMORY))


_FILE = Needs(files=_files)


@action("ltm.store", returns="{stored, key, success}", needs=_FILE)
def store(scope: Scope, /, *, key: str | int, value: Json, metadata: dict[str, Json] | None = None) -> Json:
    """Keep ``value`` under ``key``, replacing what was there; ``metadata`` can be searched by."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        more = json.dumps(metadata or {}, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise NodeFailed(f"the value for '{key}' is not JSON: {error}", error_type="TypeError") from None
    _ltm(scope).store(str(key), text, more, " ".join([str(key), *_texts(value)]))
    return {"stored": True, "key": key, "success": True}


def _texts(value: Json) -> Iterator[str]:
    """The words a value is found by: every text and number in it, and the keys of its mappings."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif value is not None:
        yield str(value)


@action("ltm.retrieve", returns="{value, found, key, metadata, success}", needs=_FILE)
def retrieve(scope: Scope, /, *, key: str | int, default: Json = None) -> Json:
    """Give the value under ``key``, or ``default``."""
    found = _ltm(scope).retrieve(str(key))
    if found is None:
        return {"value": default, "found": False, "key": key, "metadata": {}, "success": True}
    return {"value": json.loads(found[0]), "found": True, "key": key, "metadata": json.loads(found[1]), "success": True}


@action("ltm.search", returns="{results: [{key, value, metadata, score}], count, query, success}", needs=_FILE)
def search(
    scope: Scope,
    /,
    *,
    query: str = "",
    limit: int = 10,
    match: Literal["all", "any"] = "all",
    metadata_filter: dict[str, Json] | None = None,
) -> Json:
    """Find values by the words in them, best first.

    ``match`` says whether all words must occur or any. Nothing in ``query`` is an operator. Without a query
    everything is given, newest first. ``metadata_filter`` keeps the values whose metadata has these entries.
    """
    words = re.findall(r"\w+", query)
    if query.strip() and not words:
        return {"results": [], "count": 0, "query": query, "success": True}
    expression = (" AND " if match == "all" else " OR ").join(f'"{word}"' for word in words)
    limit = max(limit, 0)
    results: list[Json] = []
    for key, value, metadata, score in _ltm(scope).search(expression, -1 if metadata_filter else limit):
        if len(results) >= limit:
            break
        more = json.loads(metadata)
        if all(name in more and more[name] == wanted for name, wanted in (metadata_filter or {}).items()):
            results.append({"key": key, "value": json.loads(value), "metadata": more, "score": score})
    return {"results": results, "count": len(results), "query": query, "success": True}


@action("ltm.delete", returns="{deleted, key, success}", needs=_FILE)
def delete(scope: Scope, /, *, key: str | int) -> Json:
    """Forget the value under ``key``."""
    return {"deleted": _ltm(scope).delete(str(key)), "key": key, "success": True}


@action("ltm.list", returns="{keys, count, success}", needs=_FILE)
def list_keys(scope: Scope, /, *, prefix: str = "") -> Json:
    """List every key that starts with ``prefix``, sorted."""
    keys = [key for key in _ltm(scope).all_keys() if key.startswith(prefix)]
    return {"keys": keys, "count": len(keys), "success": True}
