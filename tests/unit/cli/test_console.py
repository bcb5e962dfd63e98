from __future__ import annotations

import io

import pytest

from the_edge_agent.cli.console import Console, RedactedStream, printable
from the_edge_agent.redaction import Redactor


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_control_characters_cannot_reach_the_terminal() -> None:
    assert printable("a\x1b[2Jb\x07c\x9b1m") == "a�[2Jb�c�1m"
    assert printable("one\r\ntwo\tthree\n") == "one\ntwo\tthree\n"


@pytest.mark.parametrize(
    "shown",
    [
        'plain pass"wörd\n1',
        'as JSON pass\\"wörd\\n1',
        'as ASCII JSON pass\\"w\\u00f6rd\\n1',
        'as a Python text pass"wörd\\n1',
        "in a URL pass%22w%C3%B6rd%0A1",
    ],
)
def test_a_secret_is_hidden_in_every_form_it_is_written_in(shown: str) -> None:
    redact = Redactor()
    redact.hide(['pass"wörd\n1'])
    assert redact(shown).endswith(" ***")


def test_a_short_secret_is_hidden_as_a_word_only() -> None:
    redact = Redactor()
    redact.hide(["kv", "", "   "])
    assert redact("kv and kvass, x=kv") == "*** and kvass, x=***"


def test_the_longer_of_two_overlapping_secrets_is_hidden_whole() -> None:
    redact = Redactor()
    redact.hide(["token"])
    redact.hide(["token-with-more"])
    assert redact("token-with-more token") == "*** ***"


def test_a_redacted_stream_is_a_stream() -> None:
    console = Console(io.StringIO())
    console.redact.hide(["hush-hush"])
    under = io.StringIO()
    stream = RedactedStream(under, console)
    print("say hush-hush", file=stream)
    stream.writelines(["hush-hush", "\n"])
    assert under.getvalue() == "say ***\n***\n"
    assert stream.readable()  # type: ignore[operator]


def test_colours_only_on_a_terminal_that_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Console(Terminal()).paint("x", "red") == "\x1b[31mx\x1b[0m"
    assert Console(io.StringIO()).paint("x", "red") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Console(Terminal()).paint("x", "red") == "x"
    assert Console(Terminal()).live
    monkeypatch.setenv("TERM", "dumb")
    assert not Console(Terminal()).live


def test_a_reader_that_has_gone_is_no_error() -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    console = Console(Gone())
    console.line("nobody")
    console.line("reads this")
