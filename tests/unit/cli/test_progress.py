from __future__ import annotations

import io
import re
import threading

import pytest

from the_edge_agent.cli.console import Console, RedactedStream
from the_edge_agent.cli.progress import Heartbeat, LiveProgress, PlainProgress, Warnings, Whereabouts, duration
from the_edge_agent.engine import events


class Terminal(io.StringIO):
    encoding = "utf-8"

    def __init__(self) -> None:
        super().__init__()
        self._written = threading.Condition()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with self._written:
            count = super().write(text)
            self._written.notify_all()
        return count

    def wait_for(self, text: str) -> None:
        """Return when ``text`` has been written."""
        with self._written:
            assert self._written.wait_for(lambda: text in self.getvalue(), timeout=60)


def shown(text: str) -> list[str]:
    """What is left to be seen on a terminal after ``text``: each line without what was erased."""
    lines = [""]
    for piece in re.split(r"(\n|\r\x1b\[2K)", text):
        if piece == "\n":
            lines.append("")
        elif piece.startswith("\r"):
            lines[-1] = ""
        else:
            lines[-1] += piece
    return lines


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


@pytest.mark.parametrize(("seconds", "text"), [(0.0034, "3ms"), (0.0, "0ms"), (1.24, "1.2s"), (59.9, "59.9s"), (185, "3m05s")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_tokens_appear_as_they_come_and_the_mark_on_its_own_line(terminal: Terminal) -> None:
    progress = LiveProgress(Console(terminal))
    progress(events.NodeStarted("ask", None))
    for text in ("Tok", "yo\x1b[2J"):
        progress(events.Token("ask", text, None))
        assert shown(terminal.getvalue())[-1].startswith("Tok")
    progress(events.NodeCompleted("ask", {}, 1.5, None))
    progress.close()
    assert shown(terminal.getvalue()) == ["Tokyo�[2J", "✓ ask 1.5s", ""]


def test_a_slow_node_is_seen_working_and_the_line_goes_away(terminal: Terminal) -> None:
    progress = LiveProgress(Console(terminal))
    progress(events.NodeStarted("think", None))
    terminal.wait_for("think")
    assert re.search(r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] think [\d.]+m?s", terminal.getvalue())
    progress.close()
    assert shown(terminal.getvalue()) == [""]


def test_tokens_of_branches_do_not_mix(terminal: Terminal) -> None:
    progress = LiveProgress(Console(terminal))
    progress(events.FanOutStarted("f", ("f[0]", "f[1]"), None))
    progress(events.Token("f", "one", "f[0]"))
    progress(events.Token("f", "two", "f[1]"))
    progress(events.BranchCompleted("f", "f[0]", success=True, error=None, seconds=0.5))
    progress(events.BranchCompleted("f", "f[1]", success=False, error="boom", seconds=0.5))
    progress.close()
    assert shown(terminal.getvalue()) == ["  ✓ f[0] 500ms", "  ✗ f[1] 500ms", ""]


def test_plain_progress_is_lines_without_cursor_movement() -> None:
    out = io.StringIO()
    progress = PlainProgress(Console(out))
    for event in (
        events.NodeStarted("a", None),
        events.Token("a", "hello", None),
        events.NodeRetried("a", 1, 0.5, "timed out", None),
        events.LoopPass("a", 0, None),
        events.NodeErrored("a", "boom", "ValueError", handled=True, seconds=1, branch=None),
        events.NodeCompleted("a", {}, 2, None),
    ):
        progress(event)
    progress.close()
    assert out.getvalue().splitlines() == [
        "  a starts",
        "again a: attempt 1 failed, again in 500ms: timed out",
        "  a pass 1",
        "x a 1.0s: boom, handled by on_error",
        "ok a 2.0s",
    ]


def test_warnings_name_code_and_node() -> None:
    out = io.StringIO()
    Warnings(Console(out))(events.Warned("loop", "LOOP_LIMIT", "stopped after 3 passes"))
    assert out.getvalue() == "warning [LOOP_LIMIT] at loop: stopped after 3 passes\n"


def test_the_heartbeat_tells_nodes_and_branches() -> None:
    out = io.StringIO()
    beat = Heartbeat(Console(out))
    beat(events.NodeCompleted("a", {}, 1.2, None))
    beat(events.NodeCompleted("inside", {}, 1.2, "f[0]"))
    beat(events.BranchCompleted("f", "f[0]", success=True, error=None, seconds=0.003))
    beat(events.NodeErrored("b", "boom", "E", handled=False, seconds=0.003, branch=None))
    assert out.getvalue().splitlines() == ["[a done in 1.2s]", "[parallel:f[0] done in 3ms]", "[b FAILED in 3ms]"]


def test_whereabouts_name_what_runs() -> None:
    assert Whereabouts().node is None
    where = Whereabouts()
    where(events.NodeStarted("a", None))
    where(events.NodeCompleted("a", {}, 0.1, None))
    assert where.node == "a"
    where(events.NodeStarted("b", None))
    where(events.NodeStarted("c", "b[0]"))
    assert where.node == "b, c"


def test_what_code_prints_while_a_line_is_drawn_stands_on_its_own(terminal: Terminal) -> None:
    console = Console(terminal)
    progress = LiveProgress(console)
    progress(events.NodeStarted("work", None))
    terminal.wait_for("work")
    stream = RedactedStream(terminal, console)
    print("half", end="", file=stream)
    progress._redraw()
    assert shown(terminal.getvalue()) == ["half"]
    print(" a line", file=stream)
    progress(events.NodeCompleted("work", {}, 1.5, None))
    print("no end", end="", file=stream)
    progress.close()
    assert shown(terminal.getvalue()) == ["half a line", "✓ work 1.5s", "no end", ""]
