"""What a terminal shows while something large is read or written, and that nothing else sees it."""

from __future__ import annotations

import io

import pytest

from the_edge_agent.cli import meter as meters
from the_edge_agent.cli.console import Console


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "_PATIENCE", 0.0)
    monkeypatch.setattr(meters, "_TICK", 0.0)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.usefixtures("no_patience")
def test_a_terminal_sees_how_far_it_is_and_nothing_afterwards() -> None:
    stream = Terminal()
    with meters.meter(Console(stream), "reading x") as tell:
        tell(250_000_000, 1_000_000_000)
    assert stream.getvalue().startswith("\r\x1b[2Kreading x 25 % of 1,000 MB, ")
    assert stream.getvalue().endswith(" left\r\x1b[2K")


@pytest.mark.usefixtures("no_patience")
def test_nothing_else_sees_anything() -> None:
    stream = io.StringIO()
    with meters.meter(Console(stream), "reading x") as tell:
        tell(1, 2)
    assert stream.getvalue() == ""
