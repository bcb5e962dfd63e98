"""Where ``vector.*`` keeps texts and vectors: one SQLite database, in memory or in a file.

Vectors are stored as 32-bit numbers. A search compares with every vector of the collection, which is quick for thousands of
texts; an index for millions is not what this is for.
"""

from __future__ import annotations

import json
import sys
import threading
from array import array
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING, Any

from the_edge_agent.actions.memory.database import connected
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TABLE = """
CREATE TABLE IF NOT EXISTS vector (
    collection TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL, metadata TEXT NOT NULL, model TEXT NOT NULL, numbers BLOB NOT NULL,
    PRIMARY KEY (collection, id)
) WITHOUT ROWID;
"""
_MOST_VARIABLES = 500
"""Values in one statement; SQLite takes at least 999."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A text with its vector of length one."""

    id: str
    text: str
    metadata: dict[str, Any]
    vector: tuple[float, ...]


class VectorStore:
    """Collections of entries. Thread-safe; several processes may share a file."""

    def __init__(self, path: str) -> None:
        """Open or create the file; raises :class:`NodeFailed` when it cannot be used."""
        import sqlite3

        self._lock = threading.Lock()
        try:
            self._connection = connected(path, _TABLE)
        except (OSError, sqlite3.Error) as problem:
            raise NodeFailed(f"cannot open the vectors in {path}: {problem}", hint="name another file with path:") from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def put(self, collection: str, model: str, entries: Sequence[Entry]) -> None:
        """Keep ``entries``, whose vectors ``model`` made; what has the same id is replaced.

        Raises:
            NodeFailed: the collection holds vectors of another model, or of another length.
        """
        self.check(collection, model)
        lengths = {len(entry.vector) for entry in entries} | self._lengths(collection)
        if len(lengths) > 1:
            a, b = sorted(lengths)[:2]
            raise NodeFailed(f"vectors of {a} and {b} numbers cannot stand in one collection", hint="take all of them from the same model")
        rows = [
            (collection, entry.id, entry.text, json.dumps(entry.metadata, ensure_ascii=False), model, _packed(entry.vector))
            for entry in entries
        ]
        with self._lock, self._connection as connection:
            connection.executemany("INSERT OR REPLACE INTO vector VALUES (?, ?, ?, ?, ?, ?)", rows)

    def known(self, collection: str, texts: Sequence[Any], model: str) -> dict[str, tuple[float, ...]]:
        """The vectors that ``model`` made of those of ``texts`` that are in the collection."""
        wanted = [text for text in texts if isinstance(text, str)]
        found: dict[str, tuple[float, ...]] = {}
        for start in range(0, len(wanted), _MOST_VARIABLES):
            some = wanted[start : start + _MOST_VARIABLES]
            sql = f"SELECT text, numbers FROM vector WHERE collection = ? AND model = ? AND text IN ({','.join('?' * len(some))})"  # noqa: S608 - question marks
            found |= {text: _unpacked(numbers) for text, numbers in self._all(sql, (collection, model, *some))}
        return found

    def check(self, collection: str, model: str) -> None:
        """Raise :class:`NodeFailed` when the collection holds vectors of another model than ``model``."""
        for (other,) in self._all("SELECT DISTINCT model FROM vector WHERE collection = ?", (collection,)):
            if other != model:
                raise NodeFailed(
                    f"the collection {collection!r} was embedded with {other}, this node uses {model}; their vectors cannot be compared",
                    hint=f"name the same model, or store the texts in another collection (vector.delete empties {collection!r})",
                )

    def near(self, collection: str, model: str | None, vector: Sequence[float]) -> Iterator[tuple[float, Entry]]:
        """Cosine and entry of everything in the collection, best first; of equals the smaller id. O(n) before the first one comes.

        Raises:
            NodeFailed: ``vector`` has another length than those in the collection, or ``model`` is not theirs.
        """
        if model is not None:
            self.check(collection, model)
        lengths = self._lengths(collection)
        if lengths - {len(vector)}:
            raise NodeFailed(
                f"a vector of {len(vector)} numbers cannot be compared with those of {max(lengths)} in {collection!r}",
                hint="take both from the same model",
            )
        rows = self._all("SELECT id, text, metadata, numbers FROM vector WHERE collection = ?", (collection,))
        scored = sorted((-round(max(-1.0, min(1.0, sum(map(mul, vector, _numbers(row[3]))))), 6), row) for row in rows)
        for score, (name, text, metadata, numbers) in scored:
            yield 0.0 - score, Entry(name, text, json.loads(metadata), _unpacked(numbers))

    def delete(self, collection: str, ids: Sequence[str] | None) -> int:
        """Forget entries by id, all of the collection for ``None``; how many there were."""
        with self._lock, self._connection as connection:
            if ids is None:
                return connection.execute("DELETE FROM vector WHERE collection = ?", (collection,)).rowcount
            return sum(
                connection.execute("DELETE FROM vector WHERE collection = ? AND id = ?", (collection, name)).rowcount for name in ids
            )

    def _lengths(self, collection: str) -> set[int]:
        sql = "SELECT DISTINCT length(numbers) / 4 FROM vector WHERE collection = ?"
        return {length for (length,) in self._all(sql, (collection,))}

    def _all(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()


def _packed(vector: Sequence[float]) -> bytes:
    """Little-endian 32-bit numbers, so that a file can be carried to another machine."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _numbers(data: bytes) -> array[float]:
    numbers = array("f", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _unpacked(data: bytes) -> tuple[float, ...]:
    return tuple(round(number, 7) for number in _numbers(data))
