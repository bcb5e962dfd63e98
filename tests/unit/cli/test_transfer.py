"""The bar of a download: on a terminal only, and taken away in the end."""

from __future__ import annotations

import io

import pytest

from the_edge_agent.cli.console import Console
from the_edge_agent.cli.transfer import Transfer, amount


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that moves its cursor, wherever the tests run."""
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (98_362_432, "98.4 MB"),
        (815_319_791, "815 MB"),
        (4_539_000_000, "4.5 GB"),
        (5e12, "5000.0 GB"),
    ],
)
def test_sizes_are_those_of_the_hubs(size: float, text: str) -> None:
    assert amount(size) == text


def test_without_a_terminal_only_what_matters_is_told() -> None:
    stream = io.StringIO()
    with Transfer(Console(stream), "x.gguf") as transfer:
        transfer.at(5, 10)
        transfer.say("the connection was lost\x1b[31m")
    assert stream.getvalue() == "x.gguf: the connection was lost\N{REPLACEMENT CHARACTER}[31m\n"


def test_a_terminal_has_a_bar_that_goes_away() -> None:
    stream = Terminal()
    with Transfer(Console(stream), "x.gguf") as transfer:
        transfer.at(2_500_000, 10_000_000)
        transfer.at(2_600_000, 10_000_000)
        transfer.say("going on")
    shown = stream.getvalue()
    assert shown.startswith(f"\r\x1b[2Kx.gguf  {'█' * 6}{'░' * 18}  25%  2.5 MB of 10.0 MB\r\x1b[2K")
    assert shown.endswith("x.gguf: going on\n")


def test_a_length_that_nobody_knows_has_no_bar() -> None:
    stream = Terminal()
    with Transfer(Console(stream), "x.gguf") as transfer:
        transfer.at(2_500_000, None)
    assert "x.gguf  2.5 MB\r" in stream.getvalue()


def test_speed_and_rest_are_told_once_they_are_known() -> None:
    transfer = Transfer(Console(Terminal()), "x.gguf")
    transfer.at(0, 10_000_000)
    assert transfer._line(4_000_000, 10_000_000, 2.0).endswith("40%  4.0 MB of 10.0 MB  2.0 MB/s  3.0s left")
