from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from the_edge_agent.errors import NodeFailed

Call = Callable[..., Any]


def test_get(call: Call, make_scope: Any) -> None:
    scope = make_scope(secrets={"key": "hunter2", "empty": ""})
    assert call("secrets.get", scope, key="key") == {"value": "hunter2"}
    assert call("secrets.get", scope, key="empty", default="d") == {"value": ""}
    assert call("secrets.get", scope, key="other", default=None) == {"value": None}


def test_a_missing_secret_fails_and_shows_no_other(call: Call, make_scope: Any) -> None:
    with pytest.raises(NodeFailed, match="'api_key'") as caught:
        call("secrets.get", make_scope(secrets={"other": "hunter2"}), key="api_key")
    assert "--secrets" in str(caught.value.hint)
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"
