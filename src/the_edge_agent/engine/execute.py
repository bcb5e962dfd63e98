"""What the kind of a node does: a block of code, an action, a function, another workflow. And the time it may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine import failure
from the_edge_agent.engine.branches import Jobs
from the_edge_agent.engine.flow import Flow
from the_edge_agent.engine.scope import NOTHING
from the_edge_agent.engine.state import State, as_json, copy
from the_edge_agent.errors import LimitReached
from the_edge_agent.workflow.model import Action, Code, Function

if TYPE_CHECKING:
    from collections.abc import Callable

    from the_edge_agent.workflow.model import Node, Subgraph


def execute(flow: Flow, node: Node) -> Any:
    """What the code, action or function of ``node`` gives; :data:`NOTHING` when there is none."""
    kind = node.kind
    if isinstance(kind, Code):
        return _code(flow, node, kind)
    if isinstance(kind, Action):
        parameters = kind.rendered(flow.context(), flow.host.deferred(kind.name))
        return flow.host.action(kind.name)(flow.scope(node), **parameters)
    if isinstance(kind, Function):
        before = dict(flow.state)
        given = kind.call(flow.state)
        _check_changes(before, flow.state)
        return NOTHING if given is None else given
    return NOTHING


def subgraph(flow: Flow, kind: Subgraph) -> State:
    """Run another workflow on its own state; nothing of this one changes. Returns its final state."""
    given = copy(flow.state) if kind.input is None else copy(kind.input.render(flow.context()))
    state = {**copy(dict(kind.workflow.initial_state)), **given}
    inner = Flow(flow.run, kind.workflow, state, flow.cancellation, branch=flow.branch)
    flow.run.walk(inner)
    return inner.state


def within(flow: Flow, node: Node, seconds: float, work: Callable[[Flow], Any]) -> Any:
    """``work`` on a copy of the state, in a thread of its own; the copy becomes the state if that is done in time.

    Raises:
        LimitReached: it was not; the thread is stopped.
    """
    cancellation = Cancellation(flow.cancellation)
    inner = Flow(flow.run, flow.workflow, copy(flow.state), cancellation, branch=flow.branch, parent=flow.parent)

    def job() -> tuple[Any, BaseException | None]:
        try:
            return work(inner), None
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            return None, error

    try:
        with Jobs(node.name, [job], cancellation, width=1) as jobs:
            ((_, (result, error)),) = jobs.finished(seconds)
    except TimeoutError:
        raise LimitReached(
            f"node '{node.name}' did not finish within its timeout of {seconds:g} s",
            hint="raise 'timeout' of the node",
            node=node.name,
            spot=node.spot,
        ) from TimeoutError(f"timeout of {seconds:g} s")
    # Also when it failed: the next try sees what this one wrote, as it does without a time-out.
    flow.state.clear()
    flow.state.update(inner.state)
    if error is not None:
        raise error
    return result


def _code(flow: Flow, node: Node, code: Code) -> Any:
    program = flow.host.program(code)
    before = dict(flow.state)
    try:
        result = program.run(flow.scope(node))
    except Cancelled:
        raise
    except Exception as raised:  # noqa: BLE001 - a block may raise anything
        error = failure.failed(raised, node, flow.run.redact)
        error.spot = program.spot(raised) or code.spot or error.spot
        raise error from error.__cause__
    _check_changes(before, flow.state)
    return result


def _check_changes(before: State, state: State) -> None:
    """Code may write to the state in place: what it put there must be JSON too."""
    for key, value in state.items():
        if before.get(key, NOTHING) is not value:
            state[key] = as_json(value, key) if isinstance(key, str) else as_json({key: value}, "")
