"""What happens when a run meets an interrupt: a checkpoint, then on, a question, or a stop."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from shlex import quote
from typing import TYPE_CHECKING, Any

from the_edge_agent.cli import files
from the_edge_agent.cli.answer import encoded
from the_edge_agent.cli.console import printable
from the_edge_agent.errors import Paused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from the_edge_agent.cli.console import Console
    from the_edge_agent.cli.progress import Progress
    from the_edge_agent.engine.events import Interrupted

_FORMAT = "1.0"


class Pausing:
    """Called by the engine at every interrupt; returns updates of the state to go on, raises :class:`Paused` to stop."""

    def __init__(
        self,
        console: Console,
        *,
        workflow_file: str,
        config: Mapping[str, Any],
        checkpoint_folder: Path | None = None,
        go_on: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self._console = console
        self._file = workflow_file
        self._config = config
        self._folder = checkpoint_folder
        self._go_on = go_on
        self._progress = progress

    def __call__(self, interrupt: Interrupted) -> Mapping[str, Any] | None:
        """Keep a checkpoint if there is a folder for it; then go on, ask, or raise :class:`Paused`."""
        saved = self._save(interrupt)
        if self._go_on:
            return None
        if sys.stdin is not None and sys.stdin.isatty() and self._console.live:
            if self._progress is not None:
                self._progress.pause()
            return self._ask(interrupt, saved)
        raise self._paused(interrupt, saved)

    def _save(self, interrupt: Interrupted) -> Path | None:
        if self._folder is None:
            return None
        files.folder("--checkpoint-dir", self._folder)
        safe = "".join(character if character.isalnum() or character in "-_." else "_" for character in interrupt.node)
        path = self._folder / f"{safe}_{time.time_ns() // 1_000_000}.json"
        content = {
            "state": interrupt.state,
            "node": interrupt.node,
            "when": interrupt.when,
            "config": dict(self._config),
            "timestamp": datetime.now().astimezone().isoformat(),
            "version": _FORMAT,
        }
        files.write("--checkpoint-dir", path, encoded(content, indent=2))
        return path

    def _ask(self, interrupt: Interrupted, saved: Path | None) -> Mapping[str, Any] | None:
        console = self._console
        console.line(f"{console.mark('paused')} {interrupt.when} {printable(interrupt.node)}")
        console.line(printable(encoded(dict(interrupt.state), indent=2).decode()).rstrip())
        while True:
            console.write("c(ontinue), u(pdate) JSON, a(bort): ")
            word, _, rest = (sys.stdin.readline() or "a").strip().partition(" ")
            if word in {"c", "continue"}:
                return None
            if word in {"a", "abort"}:
                raise self._paused(interrupt, saved)
            if word in {"u", "update"}:
                update = self._update(rest)
                if update is not None:
                    return update

    def _update(self, text: str) -> dict[str, Any] | None:
        if not text.strip():
            self._console.write("new values as a JSON object: ")
            text = sys.stdin.readline()
        try:
            value = json.loads(text)
        except ValueError as error:
            self._console.line(f"not valid JSON: {error}")
            return None
        if not isinstance(value, dict):
            self._console.line('a JSON object is needed, for example {"name": "value"}')
            return None
        return value

    def _paused(self, interrupt: Interrupted, saved: Path | None) -> Paused:
        where = f"; the state is kept in {saved}" if saved else ""
        return Paused(
            f"paused {interrupt.when} node {interrupt.node!r}{where}",
            hint=f"to go on without asking: tea run {quote(self._file)} --auto-continue; in a terminal the run asks",
            node=interrupt.node,
        )
