"""What a user sees while a workflow runs: a live line on a terminal, plain lines with ``-v`` elsewhere."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from the_edge_agent.cli.console import printable
from the_edge_agent.engine import events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from the_edge_agent.cli.console import Console
    from the_edge_agent.engine.events import Event

_TICK = 0.1
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_FRAMES = "|/-\\"
_PATIENCE = 0.3


def duration(seconds: float) -> str:
    """``850ms``, ``1.2s``, ``3m05s``."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02}s"


class Whereabouts:
    """Which nodes run right now, for the message of an interrupted run."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._last: str | None = None

    def __call__(self, event: Event) -> None:
        """Take note of ``event`` and show what it leaves to be seen."""
        if isinstance(event, events.NodeStarted):
            self._last = event.node
            self._running[event.node] += 1
        elif isinstance(event, events.NodeCompleted):
            self._running[event.node] -= 1

    @property
    def node(self) -> str | None:
        """The nodes that run, the innermost ones included; the last one that ran where none does."""
        return ", ".join(name for name, times in self._running.items() if times > 0) or self._last


class Warnings:
    """Tells what the user should know although the run goes on."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: Event) -> None:
        """Take note of ``event`` and show what it leaves to be seen."""
        if isinstance(event, events.Warned):
            where = f" at {printable(event.node)}" if event.node else ""
            self._console.line(f"{self._console.paint('warning', 'yellow')} [{event.code}]{where}: {printable(event.message)}")


class Heartbeat:
    """``--heartbeat``: one line a finished node or branch."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: Event) -> None:
        """Take note of ``event`` and show what it leaves to be seen."""
        if isinstance(event, events.NodeCompleted) and event.branch is None and event.parent is None:
            self._console.line(f"[{printable(event.node)} done in {duration(event.seconds)}]")
        elif isinstance(event, events.NodeErrored) and event.branch is None and event.parent is None:
            self._console.line(f"[{printable(event.node)} FAILED in {duration(event.seconds)}]")
        elif isinstance(event, events.BranchCompleted):
            state = "done" if event.success else "FAILED"
            self._console.line(f"[parallel:{printable(event.branch)} {state} in {duration(event.seconds)}]")


def _told(event: Event, console: Console) -> str | None:
    """The lasting line an event leaves behind, if it leaves one."""
    if isinstance(event, events.NodeCompleted) and event.branch is None and event.parent is None:
        return f"{console.mark('done')} {printable(event.node)} {console.paint(duration(event.seconds), 'dim')}"
    if isinstance(event, events.NodeErrored):
        tail = f": {printable(event.error)}, handled by on_error" if event.handled else ""
        return f"{console.mark('failed')} {_within(event.node, event.branch)} {console.paint(duration(event.seconds), 'dim')}{tail}"
    if isinstance(event, events.NodeRetried):
        return f"{console.mark('again')} {_within(event.node, event.branch)}: attempt {event.attempt} failed, again in {duration(event.delay)}: {printable(event.error)}"
    if isinstance(event, events.BranchCompleted):
        return f"  {console.mark('done' if event.success else 'failed')} {printable(event.branch)} {console.paint(duration(event.seconds), 'dim')}"
    return None


def _within(node: str, branch: str | None) -> str:
    return printable(node if branch is None else f"{branch}/{node}")


class PlainProgress:
    """``-v`` without a terminal: one line an event, no cursor movement, no pieces of answers."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: Event) -> None:
        """Take note of ``event`` and show what it leaves to be seen."""
        line = _told(event, self._console)
        if line is None and isinstance(event, events.NodeStarted):
            line = f"  {_within(event.node, event.branch)} starts"
        elif line is None and isinstance(event, events.LoopPass):
            line = f"  {_within(event.node, event.branch)} pass {event.iteration + 1}"
        if line is not None:
            self._console.line(line)

    def pause(self) -> None:
        """Nothing is drawn that would have to be taken away."""

    def close(self) -> None:
        """Nothing runs that would have to be stopped."""


class LiveProgress:
    """A terminal: what the model writes as it writes it, a line that says what runs and for how long, ``✓`` lines.

    Pieces of answers are shown for the main flow only: those of parallel branches, mixed, could not be read.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._label: str | None = None
        self._note = ""
        self._inner = ""
        self._since = 0.0
        self._drawn = False
        self._open_line = False
        self._frame = 0
        self._branches = 0
        self._finished = 0
        self._closed = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
        self._ticker.start()
        console.making_room = self._making_room

    def __call__(self, event: Event) -> None:
        """Take note of ``event`` and show what it leaves to be seen."""
        with self._lock:
            self._follow(event)
            if isinstance(event, events.Token):
                self._token(event)
            elif (line := _told(event, self._console)) is not None:
                self._erase()
                self._console.line(line)

    def pause(self) -> None:
        """Take the live line away, for a question or a message; the next event brings it back."""
        with self._lock:
            self._erase()
            self._label = None

    def close(self) -> None:
        """Stop drawing; the cursor stands at the start of an empty line."""
        self._console.making_room = nullcontext
        self._closed.set()
        self._ticker.join()
        self.pause()

    @contextmanager
    def _making_room(self, text: str) -> Iterator[None]:
        """Nothing is drawn while a node's code writes ``text``, nor after it until its line has ended."""
        with self._lock:
            self._erase_drawn()
            yield
            if text:
                self._open_line = not text.endswith("\n")

    def _follow(self, event: Event) -> None:
        if isinstance(event, events.NodeStarted) and event.parent is not None and event.branch is None:
            self._inner = event.node
        elif isinstance(event, events.NodeStarted) and event.branch is None:
            self._inner = ""
            self._label, self._note, self._since, self._branches = event.node, "", time.monotonic(), 0
        elif isinstance(event, events.NodeCompleted) and event.branch is None:
            self._inner = ""
            self._label = self._label if event.parent is not None else None
        elif isinstance(event, events.LoopPass):
            self._note = f"pass {event.iteration + 1}"
        elif isinstance(event, events.FanOutStarted) and event.branch is None:
            self._label, self._since = event.node, time.monotonic()
            self._branches, self._finished = len(event.branches), 0
        elif isinstance(event, events.BranchCompleted):
            self._finished += 1
        elif isinstance(event, events.Warned | events.Interrupted | events.RunCompleted | events.RunFailed):
            self._erase()
            self._label = None if not isinstance(event, events.Warned) else self._label

    def _token(self, event: events.Token) -> None:
        if event.branch is not None:
            return
        if not self._open_line:
            self._erase()
        text = printable(event.text)
        self._console.write(text)
        self._open_line = not text.endswith("\n") if text else self._open_line

    def _erase(self) -> None:
        if self._open_line:
            self._console.write("\n")
            self._open_line = False
        self._erase_drawn()

    def _erase_drawn(self) -> None:
        if self._drawn:
            self._console.write("\r\x1b[2K")
            self._drawn = False

    def _tick(self) -> None:
        while not self._closed.wait(_TICK):
            self._redraw()

    def _redraw(self) -> None:
        with self._lock:
            elapsed = time.monotonic() - self._since
            if self._label is not None and not self._open_line and elapsed >= _PATIENCE:
                self._draw(elapsed)

    def _draw(self, elapsed: float) -> None:
        frames = _FRAMES if self._console.unicode else _ASCII_FRAMES
        self._frame = (self._frame + 1) % len(frames)
        branches = f"{self._finished}/{self._branches} branches" if self._branches else ""
        words = [
            frames[self._frame],
            printable(self._label or "").replace("\n", " "),
            self._note,
            printable(self._inner),
            branches,
            duration(elapsed),
        ]
        text = " ".join(word for word in words if word)
        self._console.write(f"\r\x1b[2K{text[: shutil.get_terminal_size().columns - 1]}")
        self._drawn = True


Progress = PlainProgress | LiveProgress
