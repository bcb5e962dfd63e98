"""The mapping ``actions`` that Python blocks see: ``actions["json.parse"](state=state, text=...)``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from the_edge_agent.actions.custom import CONTEXT

if TYPE_CHECKING:
    from the_edge_agent.actions.registry import Action
    from the_edge_agent.engine.scope import Scope
    from the_edge_agent.engine.state import State


class View(Mapping[str, Callable[..., object]]):
    """The actions as plain functions for the node of ``scope``.

    ``state`` (by name or as the only positional argument) is the state the action works on, the node's own when
    left out. ``config``, ``node``, ``graph`` and ``parallel_results`` are accepted and ignored, as blocks written
    for the peer pass them. ``actions.json_parse`` is ``actions["json.parse"]``.
    """

    def __init__(self, registry: Mapping[str, Action], scope: Scope) -> None:
        self._registry = registry
        self._scope = scope

    def __getitem__(self, name: str) -> Callable[..., object]:
        return _function(self._registry[name], self._scope)

    def __getattr__(self, name: str) -> Callable[..., object]:
        for spelling in (name, f"actions.{name}"):
            if not name.startswith("_") and spelling in self._registry:
                return self[spelling]
        raise AttributeError(f"there is no action '{name}'; they are called actions['namespace.name'](state=state, …)")

    def __iter__(self) -> Iterator[str]:
        return iter(self._registry)

    def __len__(self) -> int:
        return len(self._registry)


def _function(action: Action, outer: Scope) -> Callable[..., object]:
    """``action`` as a function of a state and its parameters."""
    ignored = frozenset(name for name in CONTEXT if action.parameter(name) is None)

    def call(state: State | None = None, /, **parameters: Any) -> object:
        given = parameters.get("state") if "state" in ignored else None
        scope = copy(outer)
        scope.state = next((found for found in (state, given) if found is not None), outer.state)
        return action.function(scope, **{name: value for name, value in parameters.items() if name not in ignored})

    call.__name__ = call.__qualname__ = action.name
    call.__doc__ = action.summary
    return call
