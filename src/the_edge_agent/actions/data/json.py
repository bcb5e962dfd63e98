"""``json.*``: text to data, data to text, and JMESPath queries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from the_edge_agent.actions.registry import MISSING, Json, action

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope


def _refuse(constant: str) -> NoReturn:
    """``NaN`` and ``Infinity`` are Python's, not JSON's, and could not be written out again."""
    raise ValueError(f"{constant} is not JSON")


@action("json.parse", returns="{data, success} or {success: false, error, error_type, position}")
def parse(scope: Scope, /, *, text: str, default: Json = MISSING, strict: bool = True) -> Json:
    """Parse JSON text.

    Text that is not JSON is reported in the result. With ``strict: false`` control characters inside strings
    are allowed and ``default``, when given, stands in for text that still cannot be parsed.
    """
    try:
        return {"data": json.loads(text, strict=strict, parse_constant=_refuse), "success": True}
    except json.JSONDecodeError as error:
        failure: dict[str, Json] = {
            "success": False,
            "error": f"JSON parse error: {error.msg}",
            "error_type": "parse",
            "position": {"line": error.lineno, "column": error.colno},
        }
    except (ValueError, RecursionError) as error:
        failure = {"success": False, "error": f"JSON parse error: {error}", "error_type": "parse"}
    if default is MISSING:
        return failure
    if not strict:
        return {"data": default, "success": True}
    scope.warn("DEFAULT_UNUSED", "json.parse uses `default` only with `strict: false`")
    return failure


@action("json.stringify", returns="{text, success} or {success: false, error, error_type}")
def stringify(_: Scope, /, *, data: Json, indent: int | None = None, sort_keys: bool = False, ensure_ascii: bool = False) -> Json:
    """Write data as JSON text, on one line unless ``indent`` (spaces) is given."""
    try:
        text = json.dumps(data, indent=indent, sort_keys=sort_keys, ensure_ascii=ensure_ascii, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return {"success": False, "error": f"JSON serialization error: {error}", "error_type": "serialize"}
    return {"text": text, "success": True}


@action("json.transform", returns="{result, expression, success} or {success: false, error, error_type, expression}")
def transform(_: Scope, /, *, data: Json, expression: str) -> Json:
    """Query data with a JMESPath expression."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        result = jmespath.search(expression, data)
    except JMESPathError as error:
        return {"success": False, "error": f"JMESPath error: {error}", "error_type": "transform", "expression": expression}
    return {"result": result, "expression": expression, "success": True}
