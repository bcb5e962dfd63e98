"""``cache.wrap``, ``ratelimit.wrap``, ``retry.loop``: one action around another."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING

from the_edge_agent.actions.needs import Call, Needs, now, wraps
from the_edge_agent.actions.registry import Json, action, shown
from the_edge_agent.cancellation import Cancelled
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope

_MOST_ENTRIES = 1_000
_HOUR = 3_600
_DAY = 24 * _HOUR


class Cache:
    """Results as JSON text by key, the least recently used dropped first. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[str, float | None]] = OrderedDict()

    def get(self, key: str) -> str | None:
        """The text under ``key`` unless its time is over."""
        with self._lock:
            text, ends = self._entries.get(key, (None, None))
            if text is None or (ends is not None and time.monotonic() >= ends):
                self._entries.pop(key, None)
                return None
            self._entries.move_to_end(key)
            return text

    def put(self, key: str, text: str, ttl: float | None, most: int) -> None:
        """Keep ``text`` for ``ttl`` seconds, or until ``most`` younger ones push it out."""
        with self._lock:
            self._entries[key] = (text, None if ttl is None else time.monotonic() + ttl)
            self._entries.move_to_end(key)
            while len(self._entries) > most:
                self._entries.popitem(last=False)

    def drop(self, key: str) -> bool:
        """Forget ``key``; ``False`` when it was not there."""
        with self._lock:
            return self._entries.pop(key, None) is not None


def _cache(scope: Scope) -> Cache:
    return scope.host.resources.get("cache", Cache)


@action("cache.wrap", returns="{success, result, _cache_hit, _cache_key}", needs=Needs(calls=wraps(action="args")))
def cached(
    scope: Scope,
    /,
    *,
    action: str,
    args: dict[str, Json] | None = None,
    key: str | None = None,
    ttl_seconds: float | None = None,
    ttl_hours: float | None = None,
    ttl_days: float | None = None,
    max_entries: int = _MOST_ENTRIES,
) -> Json:
    """Run an action, or give what it gave before for the same ``args`` (or the same ``key``).

    The cache lives as long as the process. Without a ttl an entry stays until ``max_entries`` newer ones push it
    out. A result with ``success: false`` and one that is not JSON are not kept.
    """
    times = [ttl for ttl in (ttl_seconds, _times(ttl_hours, _HOUR), _times(ttl_days, _DAY)) if ttl is not None]
    if any(ttl <= 0 for ttl in times) or max_entries <= 0:
        raise NodeFailed("cache.wrap: a ttl and max_entries must be greater than 0", error_type="WrongParameter")
    parameters = args or {}
    name = key if key is not None else _fingerprint(action, parameters)
    cache = _cache(scope)
    text = cache.get(name)
    if text is not None:
        return {"success": True, "result": json.loads(text), "_cache_hit": True, "_cache_key": name}
    result = Call(action, parameters).make(scope)
    failed = isinstance(result, Mapping) and result.get("success") is False
    if not failed:
        try:
            cache.put(name, json.dumps(result, allow_nan=False), sum(times) if times else None, max_entries)
        except (TypeError, ValueError, RecursionError):
            scope.warn("NOT_CACHED", f"the result of {action} is not JSON and was not kept")
    return {"success": not failed, "result": result, "_cache_hit": False, "_cache_key": name}


def _times(amount: float | None, unit: int) -> float | None:
    return None if amount is None else amount * unit


def _fingerprint(action: str, parameters: Mapping[str, Json]) -> str:
    try:
        text = json.dumps([action, parameters], sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise NodeFailed(f"cache.wrap: args are not JSON ({error})", error_type="TypeError", hint="give a `key`") from None
    return f"{action}:{hashlib.sha256(text.encode()).hexdigest()}"


@action("cache.invalidate", returns="{invalidated, _cache_key}")
def invalidate(scope: Scope, /, *, key: str) -> Json:
    """Forget what is cached under ``key``, the ``_cache_key`` of an earlier result."""
    return {"invalidated": _cache(scope).drop(key), "_cache_key": key}


class Limiter:
    """Hands out moments to start, at least ``interval`` seconds apart. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0.0

    def reserve(self, interval: float) -> float:
        """Take the next free moment; the seconds until then."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + interval
            return start - now


@action("ratelimit.wrap", returns="{success, result, _ratelimit_limiter, _ratelimit_waited}", needs=Needs(calls=wraps(action="args")))
def limited(
    scope: Scope,
    /,
    *,
    action: str,
    args: dict[str, Json] | None = None,
    limiter: str = "default",
    rpm: float | None = None,
    rps: float | None = None,
) -> Json:
    """Run an action when the limiter allows it, waiting if need be.

    Calls with the same ``limiter`` start evenly spaced, ``rpm`` a minute or ``rps`` a second, as given here or in
    ``settings.rate_limiters``. ``_ratelimit_waited`` is in seconds.
    """
    interval = _interval(scope, limiter, {"rpm": rpm, "rps": rps})
    found = scope.host.resources.get(f"limiter:{limiter}", Limiter)
    waited = found.reserve(interval)
    if scope.cancellation.wait(waited):
        raise Cancelled
    result = Call(action, args or {}).make(scope)
    success = not (isinstance(result, Mapping) and result.get("success") is False)
    return {"success": success, "result": result, "_ratelimit_limiter": limiter, "_ratelimit_waited": round(waited, 3)}


def _interval(scope: Scope, limiter: str, given: Mapping[str, Json]) -> float:
    """Seconds between two starts."""
    settings = scope.workflow.settings.get("rate_limiters") or {}
    rates = {name: rate for name, rate in given.items() if rate is not None} or settings.get(limiter)
    if rates is None:
        known = f"; settings.rate_limiters has {', '.join(settings)}" if settings else ""
        raise NodeFailed(
            f"the limiter '{limiter}' has no rate{known}", error_type="WrongParameter", hint="add `rpm:` (a minute) or `rps:` (a second)"
        )
    if not isinstance(rates, Mapping) or len(rates) != 1 or not rates.keys() <= {"rpm", "rps"}:
        raise NodeFailed(f"the limiter '{limiter}' needs exactly one of rpm and rps", error_type="WrongParameter")
    unit, rate = next(iter(rates.items()))
    if isinstance(rate, bool) or not isinstance(rate, int | float) or rate <= 0:
        raise NodeFailed(f"the limiter '{limiter}': {unit} must be greater than 0, not {shown(rate)}", error_type="WrongParameter")
    return (60.0 if unit == "rpm" else 1.0) / rate


@action(
    "retry.loop",
    returns="{valid, success, result, attempts, history} and what the corrections gave",
    needs=Needs(calls=wraps(action="args", correction="correction_args"), deferred=frozenset({"args", "correction_args"})),
)
def loop(
    scope: Scope,
    /,
    *,
    action: str,
    args: dict[str, Json] | None = None,
    correction: str | None = None,
    correction_args: dict[str, Json] | None = None,
    max_retries: int = 3,
    delay: float = 0.0,
) -> Json:
    """Run the validation ``action`` until its result is valid, calling the ``correction`` action in between.

    A result is valid when its ``valid``, or else its ``success``, is true. What a correction gives is added to
    the state that the next validation sees, ``last_result`` is there too, and ``args`` are rendered again with it.
    At most ``max_retries`` corrections are made, ``delay`` seconds apart.
    """
    view = _View(scope)
    history: list[Json] = []
    while True:
        result = view.call(action, args, "args")
        valid = _valid(result, action)
        history.append(result)
        if valid or len(history) > max_retries:
            break
        view.add({"last_result": result})
        if correction is not None:
            view.add(view.call(correction, correction_args, "correction_args"), keep=True)
        if scope.cancellation.wait(delay):
            raise Cancelled
    return {**view.gained, "valid": valid, "success": valid, "result": result, "attempts": len(history), "history": history}


def _valid(result: Json, action: str) -> bool:
    if isinstance(result, bool):
        return result
    if isinstance(result, Mapping):
        for key in ("valid", "success"):
            if isinstance(result.get(key), bool):
                return bool(result[key])
    raise NodeFailed(
        f"{action} cannot decide a retry.loop: its result has neither `valid` nor `success`",
        error_type="WrongResult",
        hint="use an action such as data.validate",
    )


class _View:
    """The scope of a node on a working copy of the state."""

    def __init__(self, scope: Scope) -> None:
        self._scope = copy(scope)
        self._scope.state = dict(scope.state)
        self.gained: dict[str, Json] = {}

    def call(self, action: str, parameters: Mapping[str, Json] | None, name: str) -> Json:
        """Run ``action`` with ``parameters``, which are called ``name``, as they are now."""
        return Call(action, now(parameters or {}, self._scope, name)).make(self._scope)

    def add(self, result: Json, *, keep: bool = False) -> None:
        """Merge a result into the working state, and into what the loop gives when it is to be kept."""
        updates = dict(result) if isinstance(result, Mapping) else {"corrected": result}
        self._scope.state.update(updates)
        if keep:
            self.gained.update(updates)
