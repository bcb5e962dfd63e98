"""``csv.*``: rows from text and text from rows (RFC 4180, CRLF line ends)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from the_edge_agent.actions.registry import Json, action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from the_edge_agent.engine.scope import Scope


def _failure(message: str, error_type: str) -> dict[str, Json]:
    return {"success": False, "error": message, "error_type": error_type}


@action("csv.parse", returns="{data, headers, row_count, success} or {success: false, error, error_type}")
def parse(_: Scope, /, *, text: str, delimiter: str = ",", has_header: bool = True) -> Json:
    """Parse CSV text into one mapping of strings a row.

    Without a header rows are lists. Blank lines are skipped; cells missing at the end of a row are null, cells
    too many are an error.
    """
    if len(delimiter) != 1:
        return _failure(f"CSV delimiter must be one character, not {delimiter!r}", "delimiter")
    try:
        # A byte order mark, as spreadsheets write it, is no part of the first column's name.
        rows = [row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter, strict=True) if row]
    except csv.Error as error:
        return _failure(f"CSV parse error: {error}", "parse")
    if not has_header:
        return {"data": rows, "headers": [], "row_count": len(rows), "success": True}
    headers, body = (rows[0], rows[1:]) if rows else ([], [])
    twice = sorted({name for name in headers if headers.count(name) > 1})
    if twice:
        return _failure(f"CSV header names {', '.join(map(repr, twice))} more than once", "header")
    for number, row in enumerate(body, 1):
        if len(row) > len(headers):
            return _failure(f"CSV row {number} has {len(row)} cells, the header has {len(headers)}", "parse")
    data = [dict(zip(headers, [*row, *[None] * (len(headers) - len(row))], strict=True)) for row in body]
    return {"data": data, "headers": headers, "row_count": len(data), "success": True}


@action("csv.stringify", returns="{text, row_count, success} or {success: false, error, error_type}")
def stringify(_: Scope, /, *, data: list[Json], headers: list[str] | None = None, delimiter: str = ",") -> Json:
    """Write rows, all mappings or all lists, as CSV text.

    The columns of mappings are ``headers``, or every key in the order of its first appearance; a missing key is
    an empty cell. Lists are written as they are, under ``headers`` if given.
    """
    if len(delimiter) != 1:
        return _failure(f"CSV delimiter must be one character, not {delimiter!r}", "delimiter")
    try:
        rows = _cells(data, headers)
    except ValueError as error:
        return _failure(str(error), "data")
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return {"text": out.getvalue(), "row_count": len(data), "success": True}


def _cells(data: Sequence[Json], headers: list[str] | None) -> list[list[Json]]:
    """The table to write, header row included."""
    if all(isinstance(row, list) for row in data):
        return [*([headers] if headers else []), *data]
    columns: dict[str, None] = dict.fromkeys(headers or ())
    for number, row in enumerate(data, 1):
        if not isinstance(row, dict):
            raise ValueError(f"CSV rows must be all mappings or all lists; row {number} differs")  # noqa: TRY004 - reported, not raised
        extra = [key for key in row if key not in columns]
        if headers and extra:
            raise ValueError(f"CSV row {number} has the key {extra[0]!r}, which is not among the headers")
        columns.update(dict.fromkeys(extra))
    return [list(columns), *([row.get(column) for column in columns] for row in data)]
