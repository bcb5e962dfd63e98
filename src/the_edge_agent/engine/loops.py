"""Nodes inside a node: steps one after another, and a loop's body again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from the_edge_agent.cancellation import Cancelled
from the_edge_agent.engine import events
from the_edge_agent.engine.flow import Flow
from the_edge_agent.engine.state import Merged, State
from the_edge_agent.errors import LimitReached, TeaError

if TYPE_CHECKING:
    from the_edge_agent.workflow.model import Node, WhileLoop

Perform = Callable[[Flow, "Node"], object]
"""Runs one node and merges its result into the state of the flow."""


def steps(flow: Flow, node: Node, nodes: tuple[Node, ...], perform: Perform) -> State:
    """Run ``nodes``, which are inside of ``node``, on a working copy of the state; returns that copy."""
    inner = _inside(flow, node)
    _sequence(inner, nodes, perform)
    return inner.state


def while_loop(flow: Flow, node: Node, kind: WhileLoop, perform: Perform) -> State:
    """Run the body while the condition holds, at most ``max_iterations`` times, as :func:`steps` does.

    Raises:
        LimitReached: the limit was reached with the condition still true and ``on_limit: error``.
    """
    inner = _inside(flow, node)
    iteration = 0
    while kind.condition.holds(inner.context()):
        if iteration >= kind.max_iterations:
            _limit(inner, node, kind)
            break
        if inner.emit:
            inner.emit(events.LoopPass(node.name, iteration, inner.branch))
        try:
            _sequence(inner, kind.body, perform)
        except TeaError as error:
            where = f" body node '{error.node}'" if error.node and error.node != node.name else ""
            error.message = f"in while_loop '{node.name}'{where} at iteration {iteration}: {error.message}"
            error.args = (error.message,)
            error.node = node.name
            raise
        iteration += 1
    return inner.state


def _inside(flow: Flow, node: Node) -> Flow:
    return Flow(flow.run, flow.workflow, Merged(flow.state), flow.cancellation, branch=flow.branch, parent=node.name)


def _sequence(flow: Flow, nodes: tuple[Node, ...], perform: Perform) -> None:
    for node in nodes:
        if flow.cancellation.requested:
            raise Cancelled
        perform(flow, node)


def _limit(flow: Flow, node: Node, kind: WhileLoop) -> None:
    message = (
        f"while_loop '{node.name}' stopped at max_iterations {kind.max_iterations} with its condition still true: {kind.condition.source}"
    )
    if kind.on_limit == "error":
        raise LimitReached(message, hint="raise max_iterations, or remove 'on_limit: error'", node=node.name, spot=node.spot)
    if flow.emit:
        flow.emit(events.Warned(node.name, "LOOP_LIMIT", message, flow.branch))
