"""What is done about a node that fails: tried again, stored and passed over, or the end of the run."""

from __future__ import annotations

import random
import traceback
from datetime import UTC, datetime
from typing import Any

from the_edge_agent.errors import NodeFailed, Paused, Refused, TeaError, UsageError
from the_edge_agent.redaction import Redactor
from the_edge_agent.workflow.model import Action, ErrorPolicy, Node

_PASSING = frozenset(
    {
        "TimeoutError",
        "TimeoutException",
        "ConnectionError",
        "ConnectError",
        "NetworkError",
        "RateLimitError",
        "HTTPError",
        "HTTPStatusError",
        "ServiceUnavailableError",
    }
)
"""Error class names (own or inherited) that pass by themselves and are worth another try."""

_ALIASES = {
    "timeout": {"TimeoutError", "TimeoutException"},
    "connection_error": {"ConnectionError", "ConnectError", "NetworkError"},
    "rate_limit": {"RateLimitError"},
    "service_unavailable": {"ServiceUnavailableError"},
    "http_error": {"HTTPError", "HTTPStatusError", "ServiceUnavailableError", "RateLimitError"},
}

_OPEN = Redactor()
"""Hides nothing."""

FINAL = (Paused, Refused, UsageError)
"""Never tried again and never passed over."""


def failed(error: Exception, node: Node, redact: Redactor = _OPEN) -> TeaError:
    """``error`` as an error of this program that names the node it came from; ``redact`` hides what it must not tell."""
    if isinstance(error, TeaError):
        error.node = error.node or node.name
        error.spot = error.spot or node.spot
        return redact.error(error)
    message = str(error) or type(error).__name__
    if isinstance(error, KeyError):
        message = f"there is no key {message}"
    wrapped = NodeFailed(message, error_type=type(error).__name__, node=node.name, spot=node.spot)
    wrapped.__cause__ = error
    return redact.error(wrapped)


def error_type(error: TeaError) -> str:
    """The class name a workflow sees: that of what was raised inside the node."""
    return error.error_type if isinstance(error, NodeFailed) else type(error).__name__


def passes_by_itself(error: TeaError, names: tuple[str, ...] | None = None) -> bool:
    """Whether another try may help: ``error`` is of one of the classes in ``names`` (default: time-outs, connections, rate limits)."""
    if names == ("*",):
        return True
    raised = error.__cause__ or error
    classes = {kind.__name__ for kind in type(raised).__mro__} | {error_type(error)}
    if names is None:
        return bool(classes & _PASSING)
    return any(name in classes or classes & _ALIASES.get(name.lower(), set()) for name in names)


def delay(policy: ErrorPolicy, attempt: int) -> float:
    """Seconds to wait after failed attempt number ``attempt`` (from 0)."""
    seconds = min(policy.delay * policy.multiplier**attempt, policy.max_delay)
    return seconds * (1 + random.uniform(0, policy.jitter))  # noqa: S311 - spreads retries, guards nothing


def record(error: TeaError, node: Node, policy: ErrorPolicy, attempts: int, redact: Redactor = _OPEN) -> dict[str, Any]:
    """``state.__error__`` of a failure that the run passes over; ``redact`` hides what its traceback must not tell."""
    raised = error.__cause__ or error
    trace = "".join(traceback.format_exception(raised)) if policy.capture_traceback else None
    return {
        "type": error_type(error),
        "message": error.message,
        "node": node.name,
        "action": node.kind.name if isinstance(node.kind, Action) else None,
        "timestamp": datetime.now(UTC).isoformat(),
        "retry_count": attempts,
        "is_retryable": passes_by_itself(error),
        "traceback": redact(trace) if trace else None,
        "details": None,
    }
