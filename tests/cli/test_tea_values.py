"""``KEY=VALUE``, ``--raw`` and a workflow from standard input: what is typed first and most often."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

Tea = Callable[..., "subprocess.CompletedProcess[str]"]

GREET = """\
name: greet
initial_state: {name: world, style: {loud: false, mark: "!"}}
nodes:
  - name: greet
    run: |
      text = f"Hello, {state['name']}{state['style']['mark']}"
      return {"greeting": text.upper() if state["style"]["loud"] else text}
"""


@pytest.fixture(autouse=True)
def workflow(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(GREET, encoding="utf-8")


def test_values_lie_over_the_state_and_over_the_input(tea: Tea) -> None:
    done = tea("run", "w.yaml", "name=Ada", "style.loud=true", "-i", '{"name": "Grace", "n": 1}')
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"name": "Ada", "style": {"loud": True, "mark": "!"}, "n": 1, "greeting": "HELLO, ADA!"}


def test_one_value_is_the_whole_answer(tea: Tea, tmp_path: Path) -> None:
    done = tea("run", "w.yaml", "name=@-", "--raw", "greeting", input="Ada\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello, Ada!\n", "")
    assert tea("run", "w.yaml", "--raw", "style.loud", "-o", "out").stdout == ""
    assert (tmp_path / "out").read_text(encoding="utf-8") == "false\n"


def test_a_value_that_is_not_there_leaves_nothing(tea: Tea, tmp_path: Path) -> None:
    done = tea("run", "w.yaml", "--raw", "greting", "-o", "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'greeting'?" in done.stderr
    assert not (tmp_path / "out").exists()
    assert tea("run", "w.yaml", "--raw", "greeting", "--stream").returncode == 2


def test_a_misspelt_key_is_a_warning(tea: Tea) -> None:
    done = tea("run", "w.yaml", "nmae=Ada")
    assert done.returncode == 0
    assert "warning [UNKNOWN_INPUT]" in done.stderr
    assert "did you mean 'name'?" in done.stderr
    assert "UNKNOWN_INPUT" in tea("run", "w.yaml", "-i", '{"nmae": "Ada"}').stderr
    assert tea("run", "w.yaml", "nmae=Ada", "-q").stderr == ""
    assert tea("run", "w.yaml", "country=France").stderr == ""


def test_a_workflow_comes_from_standard_input(tea: Tea, tmp_path: Path) -> None:
    assert tea("run", "-", "--raw", "greeting", "--no-code", input=GREET).returncode == 11
    assert tea("run", "-", "--raw", "greeting", input=GREET).stdout == "Hello, world!\n"
    (tmp_path / "sub.yaml").write_text(GREET, encoding="utf-8")
    fan = "{name: s, type: dynamic_parallel, items: [1], subgraph: sub.yaml, fan_in: end}"
    done = tea("run", "-", "--raw", "parallel_results.0.state.greeting", input=f"nodes: [{fan}, {{name: end, fan_in: true}}]")
    assert (done.stdout, done.stderr) == ("Hello, world!\n", ""), "its paths start in the working directory"
    bad = tea("run", "-", input="nodes: 3\n")
    assert (bad.returncode, bad.stderr.startswith("<stdin>:1:8: error")) == (3, True)
    assert tea("validate", "-", input=GREET).returncode == 0


@pytest.mark.parametrize("words", [("run", "-", "name=@-"), ("run", "w.yaml", "-i", "-", "name=@-"), ("run", "w.yaml", "name=@-", "x=@-")])
def test_standard_input_is_not_read_twice(tea: Tea, words: tuple[str, ...]) -> None:
    done = tea(*words, input=GREET)
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input can be read once" in done.stderr


def test_standard_input_that_is_no_text_is_refused(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for words in (("run", "-"), ("run", "w.yaml", "name=@-"), ("run", "w.yaml", "-i", "-")):
        with (tmp_path / "bytes").open("rb") as file:
            done = tea(*words, stdin=file)
        assert (done.returncode, "not UTF-8 text" in done.stderr) == (2, True), words


def test_a_paused_run_goes_on_with_a_value(tea: Tea, tmp_path: Path) -> None:
    assert tea("run", "w.yaml", "-c", "kept", "--interrupt-before", "greet").returncode == 10
    (kept,) = (tmp_path / "kept").iterdir()
    done = tea("resume", str(kept), "-w", "w.yaml", "style.mark=?", "--raw", "greeting")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello, world?\n", "")
