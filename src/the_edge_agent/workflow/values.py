"""What an expression of a template gives: plain data, a missing key, or something that is not data."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2.exceptions import UndefinedError
from jinja2.runtime import StrictUndefined, Undefined
from jinja2.utils import missing

from the_edge_agent.wording import closest
from the_edge_agent.workflow.bounds import bound_nesting


class Missing(StrictUndefined):
    """A key that is not there: false, equal to null, chainable; every other use of it raises ``UndefinedError``."""

    __slots__ = ()

    @property
    def is_root(self) -> bool:
        """Whether a root name has no value, in contrast to a key of something."""
        return self._undefined_obj is missing and self._undefined_hint is None

    @property
    def _undefined_message(self) -> str:
        name, owner = self._undefined_name, self._undefined_obj
        if self._undefined_hint:
            return self._undefined_hint
        if owner is missing:
            return f"'{name}' has no value here"
        if not isinstance(owner, Mapping):
            return f"{kind_of(owner)} has no {name!r}"
        keys = [str(key) for key in owner]
        near = closest(name, keys, cutoff=0.7)
        if near:
            return f"there is no {name!r}, did you mean {near!r}?"
        listed = ", ".join(sorted(keys)[:8]) + (", …" if len(keys) > 8 else "")  # noqa: PLR2004 - as many as fit on a line
        return f"there is no {name!r}, " + (f"only {listed}" if keys else "the mapping is empty")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Any:
        return self

    def __bool__(self) -> bool:  # type: ignore[override]
        return False

    def __eq__(self, other: object) -> bool:  # type: ignore[override]
        if other is None or isinstance(other, Undefined):
            return True
        raise UndefinedError(self._undefined_message)

    def __ne__(self, other: object) -> bool:  # type: ignore[override]
        return not self == other

    __hash__ = StrictUndefined.__hash__  # type: ignore[assignment]


def kind_of(value: object) -> str:
    """What ``value`` is, in the words of a message."""
    if value is None:
        return "null"
    names = {str: "a text", bool: "a boolean", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), f"a {type(value).__name__}")


def printable(value: Any) -> Any:
    """What of a value goes into a text; raises ``TypeError`` for a function."""
    if isinstance(value, types.GeneratorType | map | filter | zip):
        return list(value)
    if callable(value) and not isinstance(value, Undefined):
        raise TypeError(f"{getattr(value, '__name__', type(value).__name__)!r} is a function, not a value; call it with ()")
    return bound_nesting(value) if isinstance(value, list | Mapping) else value


_SCALARS = (str, bool, int, float, type(None))
_LISTS: tuple[type[Iterable[Any]], ...] = (
    list,
    tuple,
    types.GeneratorType,
    range,
    map,
    filter,
    zip,
    type({}.keys()),
    type({}.values()),
    type({}.items()),
    reversed,
)


def plain(value: Any) -> Any:
    """``value`` as plain data: the same object where it is plain already.

    Missing keys become null, sequences and generators lists, marked-up text text. Raises ``TypeError`` for anything else.
    """
    return value if type(value) in _SCALARS else _plain(bound_nesting(value))


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is list:
        items = [_plain(item) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    if isinstance(value, Mapping):
        entries = {key: _plain(item) for key, item in value.items()}
        return value if all(entries[key] is value[key] for key in entries) else entries
    if isinstance(value, Undefined):
        return None
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, _LISTS):
        return [_plain(item) for item in value]
    raise TypeError(f"the result is {_described(value)}, not data")


def _described(value: object) -> str:
    if callable(value):
        return f"the function {getattr(value, '__name__', '?')!r} (call it with ())"
    return f"a {type(value).__name__}"


def for_json(value: Any) -> Any:
    """What ``json.dumps`` is given for a ``value`` it does not know; raises for a missing key."""
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, Mapping):
        return dict(value)
    return plain(value)
