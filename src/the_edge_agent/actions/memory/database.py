"""The SQLite databases of actions: in memory, or a file that several processes may share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

IN_MEMORY = ":memory:"
"""The path of a database that ends with the run."""
_BUSY_SECONDS = 30.0


def connected(path: str, tables: str) -> sqlite3.Connection:
    """A connection to the database in ``path``, made if it is not there, after the statements in ``tables``.

    Any thread may use it, one at a time. Raises :class:`OSError` or :class:`sqlite3.Error` when the file cannot be used.
    """
    import sqlite3

    if path != IN_MEMORY:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        connection.executescript(tables)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
