"""The command on a real (pseudo) terminal: colours, live text, questions."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

FLOW = "nodes:\n  - name: a\n    run: |\n      return {'x': 1}\n  - name: b\n    run: |\n      return {'y': state['x'] * 10}\n"


class Screen:
    """A command whose standard input and error are a terminal; its standard output is a file, or that terminal (``output``)."""

    def __init__(self, words: list[str], folder: Path, environment: dict[str, str], output: str) -> None:
        self._mine, theirs = pty.openpty()
        self._out = (folder / "stdout").open("wb")
        command = [sys.executable, "-m", "the_edge_agent", *words]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=theirs,
            stdout=theirs if output == "terminal" else self._out,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._folder = folder
        self.text = ""

    def until(self, pattern: str, seconds: float = 30) -> None:
        """Read until ``pattern`` has been shown."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, self.text
            if select.select([self._mine], [], [], 0.1)[0] and not self._read():
                break
        assert re.search(pattern, self.text), self.text

    def _read(self) -> bool:
        try:
            piece = os.read(self._mine, 4096)
        except OSError:
            return False
        self.text += piece.decode()
        return bool(piece)

    def type(self, line: str) -> None:
        os.write(self._mine, f"{line}\n".encode())

    def end(self) -> tuple[int, str]:
        """Exit code and standard output."""
        while self.process.poll() is None or select.select([self._mine], [], [], 0)[0]:
            if select.select([self._mine], [], [], 0.1)[0] and not self._read():
                break
        code = self.process.wait(timeout=30)
        return code, (self._folder / "stdout").read_text(encoding="utf-8")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._out.close()
        os.close(self._mine)


Open = Callable[..., Screen]


@pytest.fixture
def screen(tmp_path: Path, environment: dict[str, str]) -> Iterator[Open]:
    opened: list[Screen] = []

    def start(*words: str, output: str = "file", **env: str) -> Screen:
        opened.append(Screen(list(words), tmp_path, {**environment, "TERM": "xterm", **env}, output))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture(autouse=True)
def flow(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(FLOW, encoding="utf-8")


def test_finished_nodes_are_shown_and_the_answer_stays_apart(screen: Open) -> None:
    run = screen("run", "w.yaml", NO_COLOR="1")
    code, out = run.end()
    assert (code, out) == (0, '{\n  "x": 1,\n  "y": 10\n}\n')
    assert re.search(r"✓ a \d+ms\r\n.*✓ b \d+ms\r\n", run.text, re.DOTALL)


def test_colours_unless_they_are_not_wanted(screen: Open) -> None:
    plain, coloured = screen("run", "no.yaml", NO_COLOR="1"), screen("run", "no.yaml")
    assert plain.end()[0] == coloured.end()[0] == 2
    assert "\x1b[" not in plain.text
    assert "\x1b[31merror\x1b[0m" in coloured.text


def test_quiet_shows_nothing_while_it_runs(screen: Open) -> None:
    run = screen("run", "w.yaml", "-q")
    assert run.end()[0] == 0
    assert run.text == ""


def test_an_interrupt_asks_and_takes_an_update(screen: Open) -> None:
    run = screen("run", "w.yaml", "--interrupt-before", "b", NO_COLOR="1")
    run.until(r"a\(bort\): ")
    assert '"x": 1' in run.text
    run.type("u {oops")
    run.until(r"(?s)not valid JSON.*a\(bort\): ")
    run.type('u {"x": 7}')
    assert run.end() == (0, '{\n  "x": 7,\n  "y": 70\n}\n')


def test_an_interrupt_shows_each_value_on_a_line_and_all_of_them_on_request(screen: Open, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(FLOW.replace("'x': 1", "'x': 1, 'long': 'word ' * 500"), encoding="utf-8")
    run = screen("run", "w.yaml", "--interrupt-before", "b", NO_COLOR="1", COLUMNS="60")
    run.until(r"a\(bort\): ")
    assert max(map(len, run.text.splitlines())) < 80
    run.type("s")
    run.until(r"(word ){500}.*(?s:.*)a\(bort\): ")
    run.type("c")
    assert run.end()[0] == 0


def test_an_interrupt_says_what_it_did_not_understand(screen: Open) -> None:
    run = screen("run", "w.yaml", "--interrupt-before", "b", NO_COLOR="1")
    run.until(r"a\(bort\): ")
    run.type("yes")
    run.until(r"'yes' is none of these: c goes on(?s:.*)a\(bort\): ")
    run.type("a")
    assert run.end()[0] == 10


def test_events_on_a_terminal_are_alone_there(screen: Open) -> None:
    """Standard output and error are the same terminal."""
    run = screen("run", "w.yaml", "--stream", NO_COLOR="1", output="terminal")
    assert run.end()[0] == 0
    lines = run.text.splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["start", "node_complete", "node_complete", "complete"]


def test_an_interrupt_can_end_the_run(screen: Open) -> None:
    run = screen("run", "w.yaml", "--interrupt-after", "a", NO_COLOR="1")
    run.until(r"a\(bort\): ")
    run.type("a")
    assert run.end() == (10, "")


@pytest.mark.llm
def test_the_answer_of_the_model_appears_while_it_is_written(screen: Open, tmp_path: Path) -> None:
    (tmp_path / "ask.yaml").write_text(
        "nodes:\n  - name: ask\n    uses: llm.call\n    output: r\n    with:\n"
        "      prompt: What is the capital of Japan? Respond with only the city name.\n      temperature: 0\n",
        encoding="utf-8",
    )
    run = screen("run", "ask.yaml", NO_COLOR="1")
    code, out = run.end()
    assert code == 0
    assert '"content": "Tokyo"' in out
    assert re.search(r"Tokyo\r\n.*✓ ask ", run.text, re.DOTALL)
