"""A place in a run to go on from, and its one JSON form: for interrupts, ``tea resume``, ``checkpoint.save`` and stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from the_edge_agent.engine.state import as_json
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "1.0"
"""Of the JSON form. What has another one is not read."""


class NoCheckpoint(ValueError):
    """What was read is no checkpoint."""


class OtherVersion(ValueError):
    """What was read is a checkpoint of the version ``found``, which is not :data:`VERSION`."""

    def __init__(self, found: object) -> None:
        super().__init__(f"version {found!r}")
        self.found = found


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a run ``before`` or ``after`` a node. Nothing goes on from one made ``inside`` of it, while it ran.

    After a node, ``result`` is what conditions behind it see and ``jump`` where its error policy sends the flow.
    """

    node: str
    when: Literal["before", "inside", "after"]
    state: Mapping[str, Any]
    result: Any = None
    jump: str | None = None

    def document(self, *, config: Mapping[str, Any], timestamp: str | float) -> dict[str, Any]:
        """The JSON form, with the workflow's ``config`` and the time in it.

        The state is taken as it is. A result without a JSON form is left out, and none to conditions later.
        """
        found: dict[str, Any] = {"state": self.state, "node": self.node}
        if self.when != "inside":
            found["when"] = self.when
        found |= {"config": dict(config), "timestamp": timestamp, "version": VERSION}
        if self.jump is not None:
            found["jump"] = self.jump
        if self.result is not None:
            try:
                found["result"] = as_json(self.result, "result")
            except NodeFailed:
                return found
        return found

    @classmethod
    def of(cls, document: object) -> Checkpoint:
        """The checkpoint whose :meth:`document` was read.

        Raises:
            NoCheckpoint: it is something else.
            OtherVersion: it is of a version that is not read.
        """
        expected = {"state": dict, "node": str, "jump": str | None}
        if not isinstance(document, dict) or not all(isinstance(document.get(key), kind) for key, kind in expected.items()):
            raise NoCheckpoint
        if document.get("version") != VERSION:
            raise OtherVersion(document.get("version"))
        when = document.get("when")
        known: Any = when if when in ("before", "after") else "inside"
        return cls(document["node"], known, document["state"], document.get("result"), document.get("jump"))
