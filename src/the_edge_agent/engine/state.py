"""State is JSON: what may be in it, how it is copied for a branch, and what a branch hands back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

State = dict[str, Any]

_ATOMS = frozenset({str, int, bool, type(None)})
_HINTS = {
    "set": "return a list: sorted(value)",
    "frozenset": "return a list: sorted(value)",
    "generator": "return a list: list(value)",
    "bytes": "return text: value.decode()",
    "complex": "return its parts as numbers",
    "coroutine": "return what it gives: asyncio.run(value)",
    **dict.fromkeys(("date", "datetime", "time"), "return text: value.isoformat()"),
    "Decimal": "return text or a number: str(value), float(value)",
}
"""Name of a type → what to do with a value of it."""


def as_json(value: Any, path: str) -> Any:
    """``value`` as JSON data: itself when it is JSON, else a copy with tuples as lists and text subclasses as text.

    Raises:
        NodeFailed: something in it has no JSON form; the message names the path to it.
    """
    try:
        return _as_json(value, path)
    except RecursionError:
        raise NodeFailed(
            f"'{path or 'state'}' is nested too deeply for JSON, or contains itself",
            error_type="ValueError",
            hint="store a copy of the part that is needed",
        ) from None


def _as_json(value: Any, path: str) -> Any:
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is float:
        if math.isfinite(value):
            return value
        raise NodeFailed(f"'{path}' is {value}, which JSON has no form for", error_type="ValueError", hint="return None instead")
    if isinstance(value, dict):
        return _mapping(value, path)
    if isinstance(value, list | tuple):
        items = [_as_json(item, f"{path}[{i}]") for i, item in enumerate(value)]
        unchanged = isinstance(value, list) and all(a is b for a, b in zip(items, value, strict=True))
        return value if unchanged else items
    if isinstance(value, str):
        return str(value)
    raise NodeFailed(
        f"'{path}' is a {kind.__name__}, which JSON has no form for",
        error_type="TypeError",
        hint=_HINTS.get(kind.__name__, "return numbers, texts, lists and mappings"),
    )


def _mapping(value: dict[Any, Any], path: str) -> Any:
    changed: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            name = f"{path}.{key}" if path else str(key)
            raise NodeFailed(
                f"'{name}' has a key of type {type(key).__name__}, JSON keys are texts", error_type="TypeError", hint=f'use the key "{key}"'
            )
        found = _as_json(item, f"{path}.{key}" if path else key)
        if found is not item:
            changed[key] = found
    return {**value, **changed} if changed else value


def copy(value: Any) -> Any:
    """A deep copy of JSON data (several times faster than :func:`copy.deepcopy`); anything else in it is copied by that."""
    kind = type(value)
    if kind in _ATOMS or kind is float:
        return value
    if kind is BranchResult:
        return BranchResult({key: copy(item) for key, item in value.items()})
    if isinstance(value, dict):
        return {key: copy(item) for key, item in value.items()}
    if kind is list:
        return [copy(item) for item in value]
    from copy import deepcopy

    return deepcopy(value)


def restored(state: Mapping[str, Any]) -> State:
    """``state`` as it was before it was written as JSON: its ``parallel_results`` are results of branches again."""
    found = dict(state)
    results = found.get("parallel_results")
    if isinstance(results, list):
        found["parallel_results"] = [BranchResult(item) if isinstance(item, dict) and "branch" in item else item for item in results]
    return found


class Merged(dict[str, Any]):
    """A whole working state (of steps or a loop): its parts were checked when they were merged into it."""


class BranchResult(dict[str, Any]):
    """What a branch hands to its fan-in: ``branch, success, state, error, …`` as a mapping.

    A key it does not have itself is looked up in its ``state``; keys are attributes too. So
    ``r["total"]``, ``r.total`` and ``r["state"]["total"]`` are the same.
    """

    __slots__ = ()

    def __missing__(self, key: str) -> Any:
        state = dict.get(self, "state")
        if isinstance(state, dict) and key in state:
            return state[key]
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        state = dict.get(self, "state")
        return dict.__contains__(self, key) or (isinstance(state, dict) and key in state)

    def get(self, key: str, default: Any = None) -> Any:
        """The value under ``key``, its own or its state's, else ``default``."""
        try:
            return self[key]
        except KeyError:
            return default

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    @classmethod
    def of(cls, branch: str, state: State, seconds: float, failure: tuple[str, str] | None = None) -> BranchResult:
        """The result of ``branch``; ``failure`` is (error text, error class name) of a failed one."""
        return cls(
            branch=branch,
            success=failure is None,
            state=state,
            error=failure[0] if failure else None,
            error_type=failure[1] if failure else None,
            traceback=None,
            timeout=failure is not None and failure[1] in ("TimeoutError", "LimitReached"),
            timing_ms=round(seconds * 1000, 3),
            retry_count=0,
            circuit_state=None,
            attempt_errors=[],
            exit_code=None,
        )
