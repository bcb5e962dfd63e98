"""``data.*``: filter lists, merge mappings, validate against a JSON Schema."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from the_edge_agent.actions.registry import MISSING, Json, action, shown

if TYPE_CHECKING:
    from jsonschema import ValidationError

    from the_edge_agent.engine.scope import Scope

_LONGEST_PATTERN = 1_000
_LONGEST_SUBJECT = 100_000


class _BadPredicate(Exception):
    """A predicate that cannot be applied to the data."""


@action("data.filter", returns="{result, original_count, filtered_count, success} or {success: false, error, error_type}")
def filter_items(_: Scope, /, *, data: list[Json], predicate: dict[str, Json] | list[Json]) -> Json:
    """Keep the items for which the predicate, or every one of a list, holds.

    A predicate is ``{field, op, value}``. ``field`` may be dotted and may be left out to compare the item itself.
    ``op``: ``eq`` (default), ``ne``, ``gt``, ``gte``, ``lt``, ``lte``, ``in``, ``not_in``, ``contains``,
    ``not_contains``, ``starts_with``, ``ends_with``, ``regex``, ``exists`` (``value: false`` turns it around).
    A missing field is null and orders with nothing.
    """
    predicates = predicate if isinstance(predicate, list) else [predicate]
    try:
        tests = [_test(number, one) for number, one in enumerate(predicates, 1)]
        kept = [item for item in data if all(test(item) for test in tests)]
    except _BadPredicate as error:
        return {"success": False, "error": str(error), "error_type": "predicate"}
    return {"result": kept, "original_count": len(data), "filtered_count": len(kept), "success": True}


def _test(number: int, predicate: Json) -> Callable[[Json], bool]:
    """One predicate as a function of an item."""
    if not isinstance(predicate, Mapping):
        raise _BadPredicate(f"predicate {number} must be a mapping {{field, op, value}}, not {shown(predicate)}")
    unknown = sorted(set(predicate) - {"field", "op", "operator", "value"})
    if unknown:
        raise _BadPredicate(f"predicate {number} has the unknown key {unknown[0]!r}; it takes field, op and value")
    name = predicate.get("op", predicate.get("operator", "eq"))
    compare = _OPERATORS.get(name)
    if compare is None:
        raise _BadPredicate(f"predicate {number} has the unknown op {name!r}; known are {', '.join(_OPERATORS)}")
    wanted = predicate.get("value", MISSING)
    if wanted is MISSING and name != "exists":
        raise _BadPredicate(f"predicate {number} ({name}) needs a value")
    field = predicate.get("field")

    def test(item: Json) -> bool:
        found = item if field is None else _field(item, str(field))
        try:
            return compare(found, wanted)
        except TypeError:
            here = None if found is MISSING else found
            raise _BadPredicate(f"predicate {number}: cannot compare {shown(here)} {name} {shown(wanted)}") from None

    return test


def _field(item: Json, dotted: str) -> Json:
    """The value at a dotted path, :data:`MISSING` when there is none; a key that itself contains dots wins."""
    if isinstance(item, Mapping) and dotted in item:
        return item[dotted]
    head, dot, rest = dotted.partition(".")
    if isinstance(item, Mapping) and head in item:
        found = item[head]
    elif isinstance(item, list) and head.isdecimal() and int(head) < len(item):
        found = item[int(head)]
    else:
        return MISSING
    return _field(found, rest) if dot else found


def _same(found: Json, wanted: Json) -> bool:
    """Equality of JSON: true is not 1."""
    return isinstance(found, bool) is isinstance(wanted, bool) and bool(found == wanted)


def _eq(found: Json, wanted: Json) -> bool:
    return _same(None if found is MISSING else found, wanted)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    def ordered(found: Json, wanted: Json) -> bool:
        if found is MISSING or found is None:
            return False
        if isinstance(found, bool) or isinstance(wanted, bool):
            raise TypeError
        return compare(found, wanted)

    return ordered


def _in(found: Json, wanted: Json) -> bool:
    if not isinstance(wanted, list):
        raise TypeError
    return any(_eq(found, one) for one in wanted)


def _contains(found: Json, wanted: Json) -> bool:
    if found is MISSING or found is None:
        return False
    if isinstance(found, list):
        return any(_same(one, wanted) for one in found)
    return bool(wanted in found)


def _text(check: Callable[[str, str], bool]) -> Callable[[Json, Json], bool]:
    def of_text(found: Json, wanted: Json) -> bool:
        if found is MISSING or found is None:
            return False
        if not isinstance(found, str) or not isinstance(wanted, str):
            raise TypeError
        return check(found, wanted)

    return of_text


def _matches(text: str, pattern: str) -> bool:
    if len(pattern) > _LONGEST_PATTERN or len(text) > _LONGEST_SUBJECT:
        raise _BadPredicate(f"regex takes patterns up to {_LONGEST_PATTERN} and texts up to {_LONGEST_SUBJECT} characters")
    try:
        return re.search(pattern, text) is not None
    except re.error as error:
        raise _BadPredicate(f"regex {pattern!r}: {error}") from None


_OPERATORS: dict[Json, Callable[[Json, Json], bool]] = {
    "eq": _eq,
    "ne": lambda found, wanted: not _eq(found, wanted),
    "gt": _ordered(lambda found, wanted: found > wanted),
    "gte": _ordered(lambda found, wanted: found >= wanted),
    "lt": _ordered(lambda found, wanted: found < wanted),
    "lte": _ordered(lambda found, wanted: found <= wanted),
    "in": _in,
    "not_in": lambda found, wanted: not _in(found, wanted),
    "contains": _contains,
    "not_contains": lambda found, wanted: not _contains(found, wanted),
    "starts_with": _text(str.startswith),
    "ends_with": _text(str.endswith),
    "regex": _text(_matches),
    "exists": lambda found, wanted: (found is not MISSING) is (wanted is MISSING or bool(wanted)),
}


@action("data.merge", returns="{result, source_count, success} or {success: false, error, error_type}")
def merge(_: Scope, /, *, sources: list[Json], strategy: Literal["deep", "shallow", "replace"] = "deep") -> Json:
    """Merge mappings, later ones winning.

    ``deep`` merges nested mappings key by key (lists are replaced), ``shallow`` merges the top level only,
    ``replace`` is the last source.
    """
    for number, source in enumerate(sources, 1):
        if not isinstance(source, Mapping):
            return {"success": False, "error": f"source {number} must be a mapping, not {shown(source)}", "error_type": "source"}
    result: dict[str, Json] = {}
    for source in sources:
        if strategy == "deep":
            _merge_into(result, source)
        elif strategy == "shallow":
            result.update(copy.deepcopy(source))
        else:
            result = copy.deepcopy(dict(source))
    return {"result": result, "source_count": len(sources), "success": True}


def _merge_into(target: dict[str, Json], source: Mapping[str, Json]) -> None:
    for key, value in source.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge_into(target[key], value)
        else:
            target[key] = copy.deepcopy(value)


@action("data.validate", returns="{valid, errors: [{path, message}], success} or {valid: false, errors, success: false, error, error_type}")
def validate(_: Scope, /, *, data: Json, schema: dict[str, Json] | bool) -> Json:
    """Check data against a JSON Schema (2020-12 unless ``$schema`` says otherwise) and report every error.

    A ``$ref`` leads inside the schema or to a published meta-schema, never to the network.
    """
    from jsonschema import SchemaError
    from referencing.exceptions import Unresolvable

    try:
        found = violations(schema, data)
    except SchemaError as error:
        where = dotted(error.absolute_path)
        return _invalid(f"not a JSON Schema: {error.message}" + (f" (at {where})" if where else ""))
    except Unresolvable as error:
        return _invalid(f"cannot resolve $ref {error.ref!r}: references lead inside the schema only")
    errors = [{"path": dotted(one.absolute_path), "message": one.message} for one in found]
    return {"valid": not errors, "errors": errors, "success": True}


def _invalid(message: str) -> Json:
    return {"valid": False, "errors": [], "success": False, "error": message, "error_type": "schema"}


def violations(schema: Json, data: Json) -> list[ValidationError]:
    """Every way ``data`` breaks ``schema`` (a mapping or a boolean), nothing fetched.

    Raises ``jsonschema.SchemaError`` for a bad schema and ``referencing.exceptions.Unresolvable`` for a ``$ref``
    that leads elsewhere.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # part of jsonschema

    kind = validator_for(schema, default=Draft202012Validator)
    kind.check_schema(schema)
    return list(kind(schema, registry=REGISTRY).iter_errors(data))


def dotted(path: Any) -> str:
    """A path of keys and indices as text: ``items.0.name``."""
    return ".".join(map(str, path))
