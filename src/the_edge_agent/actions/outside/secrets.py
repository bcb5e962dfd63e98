"""``secrets.get``: one of the secrets the user handed over on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from the_edge_agent.actions.registry import MISSING, Json, action
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope


@action("secrets.get", returns="{value}")
def get(scope: Scope, /, *, key: str, default: Json = MISSING) -> Json:
    """Give the secret called ``key``; one that was not handed over fails the node unless there is a ``default``."""
    if key in scope.host.secrets:
        return {"value": scope.host.secrets[key]}
    if default is not MISSING:
        return {"value": default}
    raise NodeFailed(
        f"there is no secret called '{key}'",
        error_type="SecretMissing",
        hint=f"hand it over: --secrets '{{\"{key}\": …}}', or --secrets-env PREFIX with PREFIX{key.upper()} in the environment",
    )
