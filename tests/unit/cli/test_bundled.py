"""The command line of a bundled agent, as its user meets it. The image is a folder here; how one is mounted is the runtime's own subject."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from the_edge_agent import __version__
from the_edge_agent.actions.interface import interface
from the_edge_agent.agent import survey
from the_edge_agent.bundle import closure
from the_edge_agent.bundle.start import Start

ASSISTANT = """
name: support
version: 1.4
description: Answers questions about orders.
state_schema:
  question: {type: str, description: What the customer asks.}
  customer_id: {type: int, description: Whose order it is.}
  tags: list
  answer: {type: str, description: What to say.}
initial_state: {lang: en, customer_id: 7}
nodes:
  - name: say
    run: |
      return {"answer": f"{state['question']}/{state['customer_id']}/{state['lang']}/{state.get('tags')}"}
"""
APPROVE = """
name: approve
nodes:
  - {name: ask, run: 'return {"asked": True}'}
  - {name: publish, run: 'return {"published": state.get("approved")}', interrupt: before}
"""
_AS_IN_AN_IMAGE = """
import json, os, sys, types
module = types.ModuleType("sitecustomize")
module.inside = json.loads(os.environ.pop("PRETENDED"))
sys.modules["sitecustomize"] = module
from the_edge_agent.cli import main
sys.exit(main(sys.argv[1:]))
"""

Agent = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def bundled(tmp_path: Path) -> Callable[[str], Agent]:
    """An agent of a workflow's text, seen in a folder as in a mount and started in another one."""

    def make(text: str) -> Agent:
        source, root, work = tmp_path / "source", tmp_path / "seen", tmp_path / "work"
        for folder in (source, work):
            folder.mkdir()
        (source / "agent.yaml").write_text(text, encoding="utf-8")
        before = Path.cwd()
        os.chdir(source)
        try:
            found, problems = survey(Path("agent.yaml"))
            assert found is not None, problems
            gathered = closure.gather(found.workflow, Path("agent.yaml"))
            files = {file.path: file.content for file in gathered.contents()}
        finally:
            os.chdir(before)
        known, workflow = interface(found), found.workflow
        start = Start(
            name=workflow.name,
            description=workflow.description,
            version=str(workflow.document.get("version", "")),
            workflow=gathered.workflow,
            inputs=known.inputs,
            outputs=known.outputs,
        )
        for name, content in {**files, "usr/share/workflow/bundle.json": start.encoded()}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        inside = {"TEA_STARTED_AS": "AppRun", "APPDIR": str(root), "ARGV0": "./my agent", "TEA_IMAGE": str(tmp_path / "my agent")}

        def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
            own = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "PRETENDED": json.dumps(inside)}
            command = [sys.executable, "-c", _AS_IN_AN_IMAGE, *words]
            return subprocess.run(command, cwd=work, env=own, input=stdin, capture_output=True, text=True, check=False, timeout=60)

        return run

    return make


@pytest.fixture
def assistant(bundled: Callable[[str], Agent]) -> Agent:
    return bundled(ASSISTANT)


def answer(done: subprocess.CompletedProcess[str]) -> object:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["answer"]


def test_its_help_is_about_the_workflow(assistant: Agent) -> None:
    done = assistant("--help")
    assert (done.returncode, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    for words in (
        "Usage: './my agent' [OPTIONS]",
        "support 1.4 Answers questions about orders.",
        "Inputs: --question TEXT What the customer asks.",
        "--customer-id, --customer_id N Whose order it is. [default: 7]",
        "--tags JSON --lang TEXT [default: en]",
        "Outputs: answer TEXT What to say.",
        "Example: './my agent' --question '...'",
        "-i, --input JSON|@FILE|-",
        "'./my agent' tea inspect",
    ):
        assert words in said
    assert "FILE as" not in said


def test_options_are_the_inputs(assistant: Agent) -> None:
    assert answer(assistant("--question", "42")) == "42/7/en/None"
    words = ["--question", "Why?", "--customer-id", "9", "--tags", '["a"]']
    assert answer(assistant(*words)) == "Why?/9/en/['a']"
    assert answer(assistant("--customer_id", "9", "--input", '{"question": "x", "customer_id": 1, "lang": "fr"}')) == "x/9/fr/None"


def test_a_text_comes_from_standard_input_or_a_file(assistant: Agent, tmp_path: Path) -> None:
    (tmp_path / "work/q.txt").write_text("from a file", encoding="utf-8")
    assert answer(assistant("--question", "-", stdin="two\nlines\n")) == "two\nlines/7/en/None"
    assert answer(assistant("--question", "@q.txt")) == "from a file/7/en/None"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--customer-id", "many"], "--customer-id takes a whole number, got 'many'"),
        (["--customer-id", "true"], "--customer-id takes a whole number"),
        (["--tags", "3"], "--tags takes a JSON list or object"),
        (["--question", "@none.txt"], "--question @none.txt: No such file"),
        (["--qestion", "x"], "--question"),
    ],
)
def test_a_wrong_input_names_its_option(assistant: Agent, words: list[str], said: str) -> None:
    done = assistant(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_it_tells_its_version_and_that_of_tea(assistant: Agent) -> None:
    assert assistant("--version").stdout == f"support 1.4 (tea {__version__})\n"
    assert assistant("tea", "--version").stdout == f"tea {__version__}\n"


def test_it_says_which_implementation_it_is(assistant: Agent) -> None:
    assert assistant("--impl").stdout == "python\n"
    assert "llm-api" in assistant("--impl", "--features").stdout.splitlines()


def test_commands_of_tea_are_about_the_agent_inside(assistant: Agent, tmp_path: Path) -> None:
    assert assistant("tea", "inspect").stdout.startswith("workflow: support\n")
    assert assistant("tea", "validate").stdout.startswith("OK: ")
    assert answer(assistant("tea", "run", "--input", '{"question": "x"}')) == "x/7/en/None"
    done = assistant("tea", "verify")
    assert (done.returncode, f"cannot read {tmp_path}/my agent" in done.stderr) == (2, True)


def test_a_named_file_is_that_file(assistant: Agent, tmp_path: Path) -> None:
    (tmp_path / "work/other.yaml").write_text("name: other\nnodes: [{name: a}]\n", encoding="utf-8")
    assert assistant("tea", "inspect", "other.yaml").stdout.startswith("workflow: other\n")


def test_a_paused_agent_goes_on_by_its_own_file(bundled: Callable[[str], Agent]) -> None:
    agent = bundled(APPROVE)
    assert "go on without asking: './my agent' --auto-continue" in agent().stderr
    done = agent("--checkpoint-dir", "kept")
    assert done.returncode == 10
    said = next(line for line in done.stderr.splitlines() if "to go on from there: " in line)
    command = said.partition("to go on from there: ")[2].partition(";")[0]
    start, _, words = command.partition("'./my agent' ")
    assert start == ""
    done = agent(*words.split(), "--input", '{"approved": true}', "--auto-continue")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["published"] is True


def test_messages_show_no_path_of_a_mount(bundled: Callable[[str], Agent], tmp_path: Path) -> None:
    agent = bundled("name: x\nnodes:\n  - name: a\n    run: |\n      raise ValueError('no')\n")
    done = agent()
    assert done.returncode == 4
    assert "agent.yaml:5" in done.stderr
    assert str(tmp_path) not in done.stderr
    assert str(tmp_path) not in agent("--stream").stdout


def test_an_option_of_run_keeps_its_meaning(bundled: Callable[[str], Agent]) -> None:
    agent = bundled("name: x\ninitial_state: {output: 1, 'two words': 2}\nnodes: [{name: a}]\n")
    done = agent("--output", "state.json", "--input", '{"output": 5}')
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
