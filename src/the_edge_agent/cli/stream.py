"""``--stream``: the events of a run as JSON, one a line, the moment they happen."""

from __future__ import annotations

import _thread
import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING, Any

from the_edge_agent.engine import events
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from the_edge_agent.cli.answer import Answer
    from the_edge_agent.engine.events import Event

_OF_THE_PROGRAM = ("error", "message")
"""Fields whose text tea wrote, and in which a secret has no place."""


class EventStream:
    """Writes events to standard output: ``type`` first, then ``timestamp`` (ISO-8601 with offset), then the event's fields.

    Without ``everything``, starts of nodes and the ends of nodes inside of branches, steps and loops are left out: readers of
    existing streams expect one ``node_complete`` a node of the main flow.
    """

    def __init__(self, answer: Answer, shown: Callable[[str], str], *, everything: bool = False) -> None:
        self._answer = answer
        self._shown = shown
        self._everything = everything
        self._ended = False
        self.broken = False

    def __call__(self, event: Event) -> None:
        """Write ``event`` as one line; raises :class:`NodeFailed` when its state is not JSON."""
        if self.broken or not self._wanted(event):
            return
        self._ended = self._ended or isinstance(event, events.RunCompleted | events.RunFailed)
        try:
            self._write(event.type, _fields(event))
        except NodeFailed as error:
            error.node = error.node or getattr(event, "node", None)
            raise

    def fail(self, node: str | None, message: str, code: str) -> None:
        """Write the error event of a run that never told its end itself; does nothing after one that did."""
        if not (self._ended or self.broken):
            self._ended = True
            self._write("error", {"node": node, "error": message, "code": code})

    def _wanted(self, event: Event) -> bool:
        if isinstance(event, events.RunFailed):
            return event.code != "PAUSED"
        if self._everything:
            return True
        if isinstance(event, events.NodeCompleted):
            return event.branch is None and event.parent is None
        return not isinstance(event, events.NodeStarted)

    def _write(self, kind: str, fields: dict[str, Any]) -> None:
        shown = {key: self._shown(value) if key in _OF_THE_PROGRAM and isinstance(value, str) else value for key, value in fields.items()}
        try:
            self._answer.event({"type": kind, "timestamp": datetime.now().astimezone().isoformat(), **shown})
        except BrokenPipeError:
            self.broken = True
            # The sink may be called on any thread; the run is stopped where it can be: on the main one, as Ctrl-C would.
            _thread.interrupt_main()


def _fields(event: Event) -> dict[str, Any]:
    """The event's fields by name; branch and parent only where there are such, a start without the state every later event has."""
    if isinstance(event, events.Interrupted):
        # The rest only a checkpoint needs, and need not be JSON.
        return {"node": event.node, "when": event.when, "state": event.state}
    found = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    for optional in ("branch", "parent"):
        if found.get(optional, "") is None:
            del found[optional]
    if isinstance(event, events.RunStarted):
        del found["state"]
    return found
