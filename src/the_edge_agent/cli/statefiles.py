"""``--debug-state``: the state after every node, one file each."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from the_edge_agent.cli import files
from the_edge_agent.cli.answer import encoded
from the_edge_agent.engine import events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from the_edge_agent.engine.events import Event

OPTION = "--debug-state"


class StateFiles:
    """Writes ``NN-after-<node>.json`` and ``NN-FAILED-<node>.json`` with ``{step, node, state}``.

    ``NN`` counts from 01 in the order nodes end. A node of a branch has the branch in its file name and in its file.
    The state of a failed node is the one it started from. Steps and loop bodies are part of the node that holds them.
    Secrets are hidden in the errors; the states are the workflow's own.
    """

    def __init__(self, folder: Path, shown: Callable[[str], str]) -> None:
        files.folder(OPTION, folder)
        self._shown = shown
        self._folder = folder
        self._step = 0
        self._lock = threading.Lock()
        self._states: dict[str | None, Mapping[str, Any]] = {}

    def __call__(self, event: Event) -> None:
        """Write a file if ``event`` ends a node; raises :class:`UsageError` when it cannot be written."""
        if isinstance(event, events.RunStarted):
            self._states[None] = dict(event.state)
        elif isinstance(event, events.NodeCompleted | events.NodeErrored) and event.parent is not None:
            return
        elif isinstance(event, events.NodeCompleted):
            self._states[event.branch] = dict(event.state)
            self._write("after", event.node, event.branch, event.state, {})
        elif isinstance(event, events.NodeErrored):
            state = self._states.get(event.branch, self._states.get(None, {}))
            self._write("FAILED", event.node, event.branch, state, {"error": self._shown(event.error), "error_type": event.error_type})

    def _write(self, word: str, node: str, branch: str | None, state: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        with self._lock:
            self._step += 1
            step = self._step
        label = node if branch is None else f"{branch}-{node}"
        safe = "".join(character if character.isalnum() or character in "-_.[]" else "_" for character in label)
        content = {"step": step, "node": node, **({} if branch is None else {"branch": branch}), "state": dict(state), **more}
        files.write(OPTION, self._folder / f"{step:02}-{word}-{safe[:150]}.json", encoded(content, indent=2))
