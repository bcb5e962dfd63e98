"""``code.execute``: refused. Code stands in the workflow, never in its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from the_edge_agent.actions.registry import Json, action

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope


@action("code.execute", returns="{success: false, stdout, stderr, return_value, error, execution_time_ms}")
def execute(_: Scope, /, *, code: str, **__: Any) -> Json:  # noqa: ARG001 - the parameters of the peer, refused
    """Report that executing code out of the state is disabled; there is no switch."""
    return {
        "success": False,
        "stdout": "",
        "stderr": "",
        "return_value": None,
        "error": "Code execution is disabled: write the code in a `run:` block of the workflow",
        "execution_time_ms": 0.0,
    }
