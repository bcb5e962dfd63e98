"""Every ``uses`` of a workflow against the registry, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from the_edge_agent import peers
from the_edge_agent.errors import Problem
from the_edge_agent.workflow import model

if TYPE_CHECKING:
    from the_edge_agent.actions.registry import Registry
    from the_edge_agent.errors import Spot

RegistryOf = Callable[[model.Workflow], "Registry"]

_TEMPLATE = ("{{", "{%", "{#", "${")
_ARGUMENTS = {"action": "args", "correction": "correction_args"}
"""Parameters that name another action, and where its parameters stand."""
_WRAPPERS = frozenset({"cache.wrap", "ratelimit.wrap", "retry.loop"})


def check(workflow: model.Workflow, registry: Registry, registry_of: RegistryOf | None = None) -> list[Problem]:
    """Every unknown action, and every unknown, missing or wrong parameter, in file order.

    ``registry_of`` gives the registry of a subgraph, which may have imports of its own; without it ``registry``
    serves subgraphs too. Values with templates in them are judged when the node runs.
    """
    problems: list[Problem] = []
    seen: set[int] = set()
    for owner, found in _owned(workflow, registry, registry_of):
        for node, kind in owner.actions():
            if id(kind) not in seen:
                seen.add(id(kind))
                problems.extend(_judged(node.name, kind, found, _defaults(owner)))
    return problems


def _owned(workflow: model.Workflow, registry: Registry, registry_of: RegistryOf | None) -> Iterator[tuple[model.Workflow, Registry]]:
    """Every workflow with its registry, innermost first, so that each action is judged by the one it belongs to."""
    for _, kind in model.walk(workflow):
        if isinstance(kind, model.Subgraph):
            inner = registry_of(kind.workflow) if registry_of else registry
            yield from _owned(kind.workflow, inner, registry_of)
    yield workflow, registry


def _defaults(workflow: model.Workflow) -> frozenset[str]:
    """The parameters ``settings.llm`` gives to actions that ask a model."""
    llm = workflow.settings.get("llm")
    return frozenset(llm) if isinstance(llm, Mapping) else frozenset()


def _judged(node: str, kind: model.Action, registry: Registry, defaults: frozenset[str]) -> Iterator[Problem]:
    try:
        action = registry[kind.name]
    except KeyError:
        yield _unknown(kind.name, registry, node, kind.spot)
        return
    elsewhere = defaults if "llm" in action.needs else frozenset()
    for fault in action.faults(kind.literals, elsewhere=elsewhere, unknown_yet=_templated):
        yield Problem(fault.code, fault.message, kind.spots.get(fault.parameter, kind.spot), node, fault.hint)
    if action.name in _WRAPPERS:
        yield from _wrapped(node, kind, registry, defaults)


def _wrapped(node: str, kind: model.Action, registry: Registry, defaults: frozenset[str]) -> Iterator[Problem]:
    """The actions that a wrapping action names as constants, judged like a ``uses``."""
    for naming, arguments in _ARGUMENTS.items():
        name, given = kind.literals.get(naming), kind.literals.get(arguments) or {}
        if isinstance(name, str) and not _templated(name) and isinstance(given, Mapping):
            spot = kind.spots.get(naming, kind.spot)
            spots = dict.fromkeys(given, kind.spots.get(arguments, spot)) if spot else {}
            inner = model.Action(name, given, kind.parameters, spot, {key: place for key, place in spots.items() if place})
            yield from _judged(node, inner, registry, defaults)


def _templated(value: object) -> bool:
    return isinstance(value, str) and any(mark in value for mark in _TEMPLATE)


def _unknown(name: str, registry: Registry, node: str, spot: Spot | None) -> Problem:
    elsewhere = peers.action(name)
    if elsewhere is not None:
        return Problem("UNKNOWN_ACTION", f"the action '{name}' is not implemented: {elsewhere.why}", spot, node, elsewhere.instead)
    close = get_close_matches(name, list(registry), n=1)
    hint = f"did you mean '{close[0]}'?" if close else _siblings(name, registry)
    return Problem("UNKNOWN_ACTION", f"there is no action '{name}'", spot, node, hint)


def _siblings(name: str, registry: Registry) -> str:
    namespace = f"{name.partition('.')[0]}."
    siblings = [other for other in registry if other.startswith(namespace)]
    return f"there are {', '.join(sorted(siblings))}" if siblings else "custom actions come from `imports:` or --actions-file"
