"""Who comes next: a route's rules, tried in file order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from the_edge_agent.errors import NodeFailed, TeaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from the_edge_agent.workflow.model import Context, Route


def following(name: str, route: Route, context: Context) -> str | None:
    """The target of the first rule of ``route`` that holds, ``None`` when none does.

    Raises:
        NodeFailed: a condition cannot be evaluated, or ``choose`` raises or names nothing; it names the node ``name``.
    """
    try:
        if route.choose is not None:
            return _chosen(route.choose, context)
        for rule in route.rules:
            if rule.condition is None or rule.condition.holds(context):
                return rule.target
    except TeaError as error:
        error.node = error.node or name
        raise
    return None


def _chosen(choose: Callable[[Context], str | None], context: Context) -> str:
    try:
        target = choose(context)
    except TeaError:
        raise
    except Exception as error:
        reason = f"there is no key {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise NodeFailed(f"choosing the next node: {reason}", error_type=type(error).__name__) from error
    if not isinstance(target, str):
        raise NodeFailed(
            f"choosing the next node gave {target!r:.60}, not a name", error_type="NoRoute", hint="return the name of a node, or END"
        )
    return target


def stuck(name: str, route: Route) -> NodeFailed:
    """The error of a node that no rule leads away from."""
    tried = [rule.condition.source for rule in route.rules if rule.condition is not None]
    spot = route.rules[0].spot if route.rules else None
    return NodeFailed(
        f"no way on from node '{name}': none of its {len(tried)} conditions holds ({'; '.join(tried[:4])})",
        error_type="NoRoute",
        hint="add a rule without a condition as the last one",
        node=name,
        spot=spot,
    )
