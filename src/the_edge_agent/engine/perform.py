"""One node: run under its error policy, tried again, its result merged into the state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from the_edge_agent.cancellation import Cancelled
from the_edge_agent.engine import events, failure
from the_edge_agent.engine.execute import execute, within
from the_edge_agent.engine.fanout import fan_out
from the_edge_agent.engine.loops import steps, while_loop
from the_edge_agent.engine.scope import NOTHING
from the_edge_agent.engine.state import Merged, as_json, copy
from the_edge_agent.workflow.model import Action, Code, DynamicParallel, FanOut, Function, Nothing, Steps, WhileLoop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from the_edge_agent.engine.flow import Flow
    from the_edge_agent.errors import TeaError
    from the_edge_agent.workflow.model import Node, Output


_PLAIN = frozenset({Nothing, Code, Action, Function})
"""Kinds without nodes inside. Most nodes are of one of them, so that these are asked for first."""


def perform(flow: Flow, node: Node) -> tuple[str | None, Any]:
    """Run ``node`` under its error policy and merge what it gave into the state; events tell of it.

    Returns where the policy sends the flow (``None``: on) and the result that conditions see. Raises the error of a node that fails for good.
    """
    emit, policy = flow.emit, node.on_error
    started = time.perf_counter() if emit else 0.0
    if emit:
        emit(events.NodeStarted(node.name, flow.branch, flow.parent))
    attempt = 0
    while True:
        try:
            result = _apply(flow, node) if node.timeout is None else within(flow, node, node.timeout, lambda inner: _apply(inner, node))
        except Cancelled:
            raise
        except Exception as raised:  # noqa: BLE001 - a node may raise anything; the policy decides
            error = failure.failed(raised, node, flow.run.redact)
            if isinstance(error, failure.FINAL):
                raise error from error.__cause__
            if policy is not None and attempt < policy.retries and failure.passes_by_itself(error, policy.retryable):
                _wait(flow, node, error, failure.delay(policy, attempt), attempt + 1)
                attempt += 1
                continue
            handled = policy is not None and policy.then == "graceful"
            if emit:
                kind, seconds = failure.error_type(error), time.perf_counter() - started
                emit(events.NodeErrored(node.name, error.message, kind, handled, seconds, flow.branch, flow.parent))
            if policy is None or not handled:
                raise error from error.__cause__
            flow.state["__error__"] = failure.record(error, node, policy, attempt, flow.run.redact)
            return policy.fallback, NOTHING
        if emit:
            emit(events.NodeCompleted(node.name, flow.state, time.perf_counter() - started, flow.branch, flow.parent))
        return None, result


def _wait(flow: Flow, node: Node, error: TeaError, seconds: float, attempt: int) -> None:
    if flow.emit:
        flow.emit(events.NodeRetried(node.name, attempt, seconds, error.message, flow.branch))
    if flow.cancellation.wait(seconds):
        raise Cancelled


def _apply(flow: Flow, node: Node) -> Any:
    """Run what the node does and merge it; returns the result that conditions see."""
    result = _result(flow, node)
    update = _update(flow, node, result)
    if update is not None:
        flow.state.update(update)
    return result


def _result(flow: Flow, node: Node) -> Any:
    """What ``node`` does."""
    kind = node.kind
    if type(kind) in _PLAIN:
        return execute(flow, node)
    if isinstance(kind, Steps):
        return steps(flow, node, kind.nodes, perform)
    if isinstance(kind, WhileLoop):
        return while_loop(flow, node, kind, perform)
    if isinstance(kind, FanOut):
        return Merged(parallel_results=fan_out(flow, node, kind, _body))
    return execute(flow, node)


def _body(flow: Flow, node: Node) -> Mapping[str, Any]:
    """What running ``node`` (the body of a branch) gives as an update of the state; nothing is merged."""
    try:
        return _update(flow, node, _result(flow, node)) or {}
    except Cancelled:
        raise
    except Exception as raised:  # noqa: BLE001 - a body may raise anything
        error = failure.failed(raised, node, flow.run.redact)
        raise error from error.__cause__


def _update(flow: Flow, node: Node, result: Any) -> Mapping[str, Any] | None:
    """What ``result`` changes in the state: shaped by ``output``, checked to be JSON."""
    if node.output is not None:
        if isinstance(node.kind, DynamicParallel):
            results = result["parallel_results"]
            return {"parallel_results": results, **_output(flow, node.output, results)}
        return _output(flow, node.output, None if result is NOTHING else result)
    if result is NOTHING:
        return None
    if type(result) is Merged:
        return result
    if isinstance(result, dict):
        checked: dict[str, Any] = as_json(result, "")
        return checked
    return {"result": as_json(result, "result")}


def _output(flow: Flow, output: Output, result: Any) -> dict[str, Any]:
    if output.key is not None:
        return {output.key: as_json(result, output.key)}
    context = flow.context(result=result, action_result=result)
    update = {}
    for key, template in output.fields or ():
        # What a template only looks up is part of something else, which a later change in place must not reach.
        value = copy(as_json(template.render(context), key))
        update[key] = "" if value is None else value
    return update
