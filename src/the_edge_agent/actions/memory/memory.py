"""``memory.*``: values kept by key for as long as the process lives, shared by all runs and branches of an agent."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from the_edge_agent.actions.model import embedding
from the_edge_agent.actions.model.embedding import EMBEDDING_PARAMETERS
from the_edge_agent.actions.model.question import model_action
from the_edge_agent.actions.needs import EMBEDS
from the_edge_agent.actions.registry import Json, action
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope

_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A value as JSON text (so that nobody shares it by accident) and when it ends, in seconds of ``time.monotonic``."""

    text: str
    ends: float | None


class Memory:
    """Namespaces of keys. Thread-safe; what is stored and given is a copy."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._namespaces: dict[str, dict[str, _Entry]] = {}
        self._endings: list[tuple[float, str, str]] = []

    def store(self, namespace: str, key: str, text: str, ttl: float | None) -> None:
        """Keep the JSON ``text`` under ``key`` for ``ttl`` seconds, or for good."""
        entry = _Entry(text, None if ttl is None else time.monotonic() + ttl)
        with self._lock:
            self._sweep()
            self._namespaces.setdefault(namespace, {})[key] = entry
            if entry.ends is not None:
                heappush(self._endings, (entry.ends, namespace, key))

    def retrieve(self, namespace: str, key: str) -> str | None:
        """The JSON text under ``key``, ``None`` when there is none or its time is over."""
        with self._lock:
            self._sweep()
            entry = self._namespaces.get(namespace, {}).get(key)
            return entry.text if entry is not None else None

    def delete(self, namespace: str, key: str) -> bool:
        """Forget ``key``; ``False`` when it was not there."""
        with self._lock:
            self._sweep()
            return self._namespaces.get(namespace, {}).pop(key, None) is not None

    def clear(self, namespace: str | None) -> int:
        """Forget a namespace, or all; the number of keys forgotten."""
        with self._lock:
            self._sweep()
            names = list(self._namespaces) if namespace is None else [namespace]
            return sum(len(self._namespaces.pop(name, ())) for name in names)

    def keys(self, namespace: str) -> list[str]:
        """The keys of a namespace in the order they were first stored."""
        with self._lock:
            self._sweep()
            return list(self._namespaces.get(namespace, ()))

    def _sweep(self) -> None:
        """Drop the entries whose time is over; O(log n) for each of them, whatever else is kept."""
        now = time.monotonic()
        while self._endings and self._endings[0][0] <= now:
            ends, namespace, key = heappop(self._endings)
            entries = self._namespaces.get(namespace, {})
            if key in entries and entries[key].ends == ends:
                del entries[key]


def _memory(scope: Scope) -> Memory:
    return scope.host.resources.get("memory", Memory)


@action("memory.store", returns="{stored, key, namespace}")
def store(scope: Scope, /, *, key: str | int, value: Json, ttl: float | None = None, namespace: str = _DEFAULT) -> Json:
    """Keep ``value`` under ``key`` until the process ends, or for ``ttl`` seconds."""
    if ttl is not None and ttl <= 0:
        raise NodeFailed("ttl must be greater than 0 seconds", error_type="WrongParameter", hint="leave it out to keep the value for good")
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise NodeFailed(f"the value for '{key}' is not JSON: {error}", error_type="TypeError") from None
    _memory(scope).store(namespace, str(key), text, ttl)
    return {"stored": True, "key": key, "namespace": namespace}


@action("memory.retrieve", returns="{value, found, key}")
def retrieve(scope: Scope, /, *, key: str | int, default: Json = None, namespace: str = _DEFAULT) -> Json:
    """Give the value under ``key``, or ``default``."""
    text = _memory(scope).retrieve(namespace, str(key))
    return {"value": default if text is None else json.loads(text), "found": text is not None, "key": key}


@action("memory.delete", returns="{deleted, key, namespace}")
def delete(scope: Scope, /, *, key: str | int, namespace: str = _DEFAULT) -> Json:
    """Forget the value under ``key``."""
    return {"deleted": _memory(scope).delete(namespace, str(key)), "key": key, "namespace": namespace}


@action("memory.clear", returns="{cleared, namespace}")
def clear(scope: Scope, /, *, namespace: str | None = None) -> Json:
    """Forget every value of a namespace, of all namespaces when none is given."""
    return {"cleared": _memory(scope).clear(namespace), "namespace": namespace}


@model_action("memory.embed", needs=EMBEDS, parameters=EMBEDDING_PARAMETERS, returns=embedding.RETURNS)
def embed(scope: Scope, /, *, text: str, **model: Any) -> Json:
    """Another name of llm.embed for one text."""
    return embedding.one(scope, text, model, action="memory.embed")


@action("memory.list", returns="{keys, count, namespace}")
def list_keys(scope: Scope, /, *, namespace: str = _DEFAULT, prefix: str = "") -> Json:
    """List the keys of a namespace."""
    keys = [key for key in _memory(scope).keys(namespace) if key.startswith(prefix)]
    return {"keys": keys, "count": len(keys), "namespace": namespace}
