"""Filters of a template: those of the dialect, and Jinja's where they need a bound."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from jinja2 import pass_environment
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.utils import htmlsafe_json_dumps

from the_edge_agent.workflow.bounds import bound_items, bound_join, bound_nesting, bound_percent, bound_replace, bound_sum, bound_text
from the_edge_agent.workflow.values import for_json, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jinja2 import Environment


def _bounded(name: str, check: Callable[..., None], position: int) -> Callable[..., Any]:
    """Jinja's filter ``name`` behind ``check``, which sees what a template gave it: the filtered value first.

    ``position`` is how many arguments Jinja puts before that value (its context or environment).
    """
    original: Callable[..., Any] = FILTERS[name]

    def guarded(*args: Any, **kwargs: Any) -> Any:
        check(*args[position:], **kwargs)
        return original(*args, **kwargs)

    guarded.__dict__.update(original.__dict__)
    return guarded


def _bound_numbers(_: Any, *args: Any, **kwargs: Any) -> None:
    for argument in (*args, *kwargs.values()):
        if isinstance(argument, int):
            bound_items(abs(argument))


def _bound_indent(text: Any, width: Any = 4, *_: Any, **__: Any) -> None:
    bound_text((width if isinstance(width, int) else len(str(width))) * (str(text).count("\n") + 1))


def _bound_wrap(text: Any, *args: Any, wrapstring: str | None = None, **_: Any) -> None:
    separator = wrapstring if wrapstring is not None else next((argument for argument in args if isinstance(argument, str)), "")
    bound_text(len(str(text)) * (len(separator) + 1))


@pass_environment
def _join(environment: Environment, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    """Jinja's ``join`` for plain text."""
    items: list[Any] = list(value)
    if attribute is not None:
        items = list(map(make_attrgetter(environment, attribute), items))
    texts = [str(printable(item)) for item in items]
    bound_join(texts, d)
    return str(d).join(texts)


def _fromjson(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _tojson(value: Any, indent: int | None = None) -> str:
    bound_items(indent or 0)
    return str(htmlsafe_json_dumps(bound_nesting(value), default=for_json, sort_keys=True, indent=indent))


def _json(value: Any, indent: int | None = None) -> str:
    bound_items(indent or 0)
    return json.dumps(bound_nesting(value), default=for_json, indent=indent)


def _format(value: Any, *args: Any, **kwargs: Any) -> str:
    if args and kwargs:
        raise TypeError("format takes values by position or by name, not both")
    bound_percent(str(value), kwargs or args)
    return str(value) % (kwargs or args)


@pass_environment
def _sum(environment: Environment, items: Iterable[Any], attribute: str | int | None = None, start: Any = 0) -> Any:
    """Jinja's ``sum``, for lists too, bounded."""
    if attribute is not None:
        items = map(make_attrgetter(environment, attribute), items)
    total = start
    for item in items:
        bound_sum(total, item)
        total = total + item
    return total


def filters() -> dict[str, Callable[..., Any]]:
    """Name → filter, to be laid over Jinja's own."""
    return {
        "fromjson": _fromjson,
        "json": _json,
        "tojson": _tojson,
        "sha256": lambda value: sha256(str(value).encode()).hexdigest(),
        "join": _join,
        "sum": _sum,
        "format": _format,
        "center": _bounded("center", _bound_numbers, 0),
        "batch": _bounded("batch", _bound_numbers, 0),
        "slice": _bounded("slice", _bound_numbers, 0),
        "indent": _bounded("indent", _bound_indent, 0),
        "wordwrap": _bounded("wordwrap", _bound_wrap, 1),
        "replace": _bounded("replace", lambda text, old, new, *_, **__: bound_replace(text, old, new), 1),
    }
