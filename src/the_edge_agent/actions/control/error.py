"""``error.*``: what a later node can do about the failure that ``on_error: graceful`` left in ``state.__error__``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from the_edge_agent.actions.registry import Json, action
from the_edge_agent.cancellation import Cancelled
from the_edge_agent.errors import NodeFailed, TeaError
from the_edge_agent.workflow import model

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope

_KEY = "__error__"


def _error(scope: Scope) -> dict[str, Json] | None:
    found = scope.state.get(_KEY)
    return found if isinstance(found, dict) else None


@action("error.has", returns="{has_error}")
def has(scope: Scope, /) -> Json:
    """Tell whether there is an unhandled error."""
    return {"has_error": _error(scope) is not None}


@action("error.get", returns="{error, has_error}")
def get(scope: Scope, /) -> Json:
    """Give the error as it was stored, null when there is none."""
    return {"error": _error(scope), "has_error": _error(scope) is not None}


@action("error.type", returns="{error_type}")
def type_of(scope: Scope, /) -> Json:
    """Give the error's class name, null when there is no error."""
    return {"error_type": (_error(scope) or {}).get("type")}


@action("error.is_retryable", returns="{is_retryable}")
def is_retryable(scope: Scope, /) -> Json:
    """Tell whether trying again may help; false when there is no error."""
    return {"is_retryable": bool((_error(scope) or {}).get("is_retryable", False))}


@action("error.clear", returns="{cleared}")
def clear(scope: Scope, /) -> Json:
    """Take the error out of the state."""
    return {"cleared": scope.state.pop(_KEY, None) is not None}


@action("error.respond", returns="{success: false, error, error_type, node, is_retryable}")
def respond(scope: Scope, /, *, message: str | None = None) -> Json:
    """Give the error as an answer for a caller, without its traceback; ``message`` replaces its text."""
    error = _error(scope)
    if error is None:
        return {"success": True, "error": None}
    return {
        "success": False,
        "error": message if message is not None else error.get("message"),
        "error_type": error.get("type"),
        "node": error.get("node"),
        "is_retryable": bool(error.get("is_retryable", False)),
    }


@action("error.retry", returns="{success, retried, attempts, result} or {success: false, retried, attempts, error, error_type}")
def retry(scope: Scope, /, *, max_retries: int = 1, delay: float = 0.0) -> Json:
    """Run the failed node's action again, up to ``max_retries`` times with ``delay`` seconds between.

    Only a node with ``uses`` can be run again from here. When it succeeds the error is taken out of the state.
    """
    error = _error(scope)
    if error is None:
        raise NodeFailed("there is no error to retry: the state has no __error__", error_type="NoError")
    name = str(error.get("node"))
    node = scope.workflow.nodes.get(name)
    if node is None or not isinstance(node.kind, model.Action):
        raise NodeFailed(
            f"error.retry can only run a node with `uses` again, and '{name}' is none",
            error_type="NotRetryable",
            hint="use `on_error: {mode: retry}` on that node, or `goto` it",
        )
    failure: TeaError | Exception = NodeFailed("max_retries is 0")
    for attempt in range(1, max_retries + 1):
        if attempt > 1 and scope.cancellation.wait(delay):
            break
        try:
            parameters = node.kind.rendered(scope.context(), scope.host.deferred(node.kind.name))
            result = scope.host.action(node.kind.name)(scope, **parameters)
        except Cancelled:
            raise
        except Exception as again:  # noqa: BLE001 - whatever the action raises is what is reported
            failure = again
        else:
            scope.state.pop(_KEY, None)
            return {"success": True, "retried": name, "attempts": attempt, "result": result}
    error_type = failure.error_type if isinstance(failure, NodeFailed) else type(failure).__name__
    return {"success": False, "retried": name, "attempts": max_retries, "error": str(failure), "error_type": error_type}
