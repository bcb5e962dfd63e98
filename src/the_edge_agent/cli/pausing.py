"""What happens when a run meets an interrupt: a checkpoint, then on, a question, or a stop. And how a checkpoint is read."""

from __future__ import annotations

import json
import shutil
import sys
import time
from datetime import datetime
from shlex import quote
from typing import TYPE_CHECKING, Any

from the_edge_agent.cli import files, inputs
from the_edge_agent.cli.answer import encoded
from the_edge_agent.cli.console import printable
from the_edge_agent.errors import Paused, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from the_edge_agent.cli.console import Console
    from the_edge_agent.cli.progress import Progress
    from the_edge_agent.engine.checkpoint import Checkpoint
    from the_edge_agent.engine.events import Interrupted

_WRITTEN = "a run that pauses writes a checkpoint to the folder of --checkpoint-dir, or of config.checkpoint_dir"


class Pausing:
    """Called by the engine at every interrupt; returns updates of the state to go on, raises :class:`Paused` to stop.

    ``run`` is the command that runs the workflow, ``resume`` the one that goes on from a file CHECKPOINT.
    """

    def __init__(
        self,
        console: Console,
        *,
        run: str,
        resume: str,
        config: Mapping[str, Any],
        checkpoint_folder: Path | None = None,
        go_on: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self._console = console
        self._run = run
        self._resume = resume
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
        # Without the results of branches that are still at work nothing could go on from it.
        if self._folder is None or interrupt.branches:
            return None
        files.folder("--checkpoint-dir", self._folder)
        safe = "".join(character if character.isalnum() or character in "-_." else "_" for character in interrupt.node)
        path = self._folder / f"{safe}_{time.time_ns() // 1_000_000}.json"
        content = interrupt.checkpoint.document(config=self._config, timestamp=datetime.now().astimezone().isoformat())
        files.write("--checkpoint-dir", path, encoded(content, indent=2))
        return path

    def _ask(self, interrupt: Interrupted, saved: Path | None) -> Mapping[str, Any] | None:
        console = self._console
        console.line(f"{console.mark('paused')} {interrupt.when} {printable(interrupt.node)}")
        for line in _overview(interrupt.state):
            console.line(line)
        while True:
            console.write("c(ontinue), u(pdate) JSON, s(how the whole state), a(bort): ")
            word, _, rest = (sys.stdin.readline() or "a").strip().partition(" ")
            if word in {"c", "continue"}:
                return None
            if word in {"a", "abort"}:
                raise self._paused(interrupt, saved)
            if word in {"u", "update"}:
                update = self._update(rest)
                if update is not None:
                    return update
            elif word in {"s", "show"}:
                console.line(printable(encoded(dict(interrupt.state), indent=2).decode()).rstrip())
            else:
                said = f"{word!r} is none of these" if word else "type one of these letters"
                console.line(f'{printable(said)}: c goes on, u {{"name": "value"}} changes the state and goes on, a ends the run')

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
        hint = f"to go on without asking: {self._run} --auto-continue; in a terminal the run asks"
        if saved:
            hint = f"to go on from there: {self._resume.replace('CHECKPOINT', quote(str(saved)), 1)}; to stop nowhere: --auto-continue"
        elif self._folder is not None:
            where = "; no checkpoint is kept while branches are under way"
        return Paused(f"paused {interrupt.when} node {interrupt.node!r}{where}", hint=hint, node=interrupt.node)


def _overview(state: Mapping[str, Any]) -> Iterator[str]:
    """Each value of the state on a line, as much of it as the terminal is wide."""
    width = max(20, shutil.get_terminal_size().columns - 1)
    for name, value in state.items():
        line = printable(f"  {json.dumps(name, ensure_ascii=False)}: {encoded(value).decode().rstrip()}")
        yield line if len(line) <= width else f"{line[: width - 1]}…"


def checkpoint(path: Path) -> Checkpoint:
    """The checkpoint at ``path``, which was written at an interrupt.

    Raises:
        UsageError: no such file, not JSON, no checkpoint of an interrupt, or one of another version.
    """
    from the_edge_agent.engine.checkpoint import VERSION, Checkpoint, NoCheckpoint, OtherVersion

    try:
        found = Checkpoint.of(inputs.json_document(path))
    except UsageError as error:
        error.hint = _WRITTEN
        raise
    except NoCheckpoint:
        raise UsageError(f"{path} is no checkpoint: a JSON object with state, node and when was expected", hint=_WRITTEN) from None
    except OtherVersion as other:
        raise UsageError(
            f"{path} is a checkpoint of version {other.found!r}, this tea reads {VERSION!r}",
            hint="write it again: tea run WORKFLOW --checkpoint-dir DIR",
        ) from None
    if found.when == "inside":
        raise UsageError(
            f"{path} does not say whether its node has finished ('when': 'before' or 'after')",
            hint="what checkpoint.save writes is read by the action checkpoint.load; " + _WRITTEN,
        )
    return found
