"""Every action that a workflow will call against the registry, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from the_edge_agent import peers
from the_edge_agent.actions.needs import templated
from the_edge_agent.errors import Problem
from the_edge_agent.wording import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from the_edge_agent.actions.registry import Action, Registry
    from the_edge_agent.actions.survey import Survey, Use


def check(survey: Survey) -> list[Problem]:
    """Every unknown action, and every unknown, missing or wrong parameter. Values with templates in them are judged when the node runs."""
    return [problem for use in survey.uses for problem in _judged(use, survey.registry_of(use.workflow))]


def _judged(use: Use, registry: Registry) -> Iterator[Problem]:
    if use.action is None:
        if not templated(use.name):
            yield _unknown(use, registry)
        return
    for fault in use.action.faults(use.parameters, elsewhere=_elsewhere(use, use.action), unknown_yet=templated):
        yield Problem(fault.code, fault.message, use.place((fault.parameter,)), use.node.name, fault.hint)


def _elsewhere(use: Use, action: Action) -> frozenset[str] | None:
    """The parameters that get their value from another place: from ``settings.llm`` where the action asks a model, or from the call."""
    llm = use.workflow.settings.get("llm")
    defaults = frozenset(llm) if isinstance(llm, Mapping) and action.needs.asks else frozenset()
    return None if use.filled is None else defaults | use.filled


def _unknown(use: Use, registry: Registry) -> Problem:
    elsewhere = peers.action(use.name)
    if elsewhere is not None:
        message = f"the action '{use.name}' is not implemented: {elsewhere.why}"
        return Problem("UNKNOWN_ACTION", message, use.spot, use.node.name, elsewhere.instead)
    hint = meant(use.name, registry) or _siblings(use.name, registry)
    return Problem("UNKNOWN_ACTION", f"there is no action '{use.name}'", use.spot, use.node.name, hint)


def _siblings(name: str, registry: Registry) -> str:
    namespace = f"{name.partition('.')[0]}."
    siblings = [other for other in registry if other.startswith(namespace)]
    return f"there are {', '.join(sorted(siblings))}" if siblings else "custom actions come from `imports:` or --actions-file"
