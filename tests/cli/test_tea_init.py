"""``tea init``: every template is whole, and does what its first comment shows."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.cli import init

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

Tea = Callable[..., "subprocess.CompletedProcess[str]"]

COMMAND = re.compile(r"^#   (.*\btea .+)$", re.MULTILINE)
SHOWN: dict[str, tuple[int, Any]] = {
    "tea run hello.yaml": (0, {"greeting": "Hello, world! Your name has 5 letters."}),
    "tea run hello.yaml name=Ada": (0, {"name": "Ada", "letters": 3}),
    "tea run hello.yaml name=Ada --raw greeting": (0, "Hello, Ada! Your name has 3 letters.\n"),
    'tea run chat.yaml question="What is the capital of Japan?"': (0, {"answer": "The capital of Japan is Tokyo."}),
    'echo "What is 2 + 2?" | tea run chat.yaml question=@- --raw answer': (0, "4\n"),
    "tea run extract.yaml": (0, {"person": {"name": "Ada", "age": 36}, "valid": True, "problems": []}),
    'tea run extract.yaml text="Grace is 45 years old." --raw person': (0, '{"name": "Grace", "age": 45}\n'),
    'tea run rag.yaml question="On which day is the pool closed?"': (0, {"answer": "Monday"}),
    'tea run approve.yaml title="Release notes"': (10, ""),
    "tea run approve.yaml --auto-continue": (0, {"published": "PUBLISHED: Release notes"}),
    'tea resume kept/publish_*.json -w approve.yaml title="Better notes"': (0, {"published": "PUBLISHED: Better notes"}),
    "tea run fan-out.yaml": (0, {"letters": {"tea": 3, "coffee": 6, "water": 5}, "longest": "coffee"}),
    'tea run fan-out.yaml words=\'["one", "three"]\' --raw longest': (0, "three\n"),
}
"""Command of a template → its exit code, and the answer or some of its values."""


def typed(tea: Tea, folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run ``command`` as a shell would, as far as templates need one."""
    before, _, after = command.rpartition(" | ")
    words = [word for part in shlex.split(after) for word in (_matching(folder, part) if "*" in part else [part])]
    return tea(*words[1:], **({"input": shlex.split(before)[1] + "\n"} if before else {}))


def _matching(folder: Path, pattern: str) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.glob(pattern))[-1:]


@pytest.mark.llm
@pytest.mark.parametrize("name", init.names())
def test_a_template_does_what_it_shows(tea: Tea, tmp_path: Path, name: str) -> None:
    made = tea("init", "--template", name)
    assert (made.returncode, made.stdout) == (0, f"{name}.yaml\n")
    checked = tea("validate", "--strict", f"{name}.yaml")
    assert (checked.returncode, checked.stderr) == (0, "")
    commands = COMMAND.findall((tmp_path / f"{name}.yaml").read_text(encoding="utf-8"))
    assert commands
    for command in commands:
        code, answer = SHOWN[command]
        done = typed(tea, tmp_path, command)
        assert done.returncode == code, (command, done.stderr)
        if isinstance(answer, dict):
            state = json.loads(done.stdout)
            assert {key: state.get(key) for key in answer} == answer, command
        else:
            assert done.stdout == answer, command


def test_the_templates_are_listed(tea: Tea) -> None:
    lines = tea("init", "--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == init.names()
    assert lines[0].startswith("hello ")
    assert all(len(line.split()) > 4 for line in lines)


def test_a_file_gets_its_own_name(tea: Tea, tmp_path: Path) -> None:
    done = tea("init", "new/two words.yaml", "-t", "chat")
    assert (done.returncode, done.stdout) == (0, "new/two words.yaml\n")
    text = (tmp_path / "new" / "two words.yaml").read_text(encoding="utf-8")
    assert '\nname: "two words"\n' in text
    assert "tea run 'new/two words.yaml' question=" in text
    assert "tea run 'new/two words.yaml' question=" in done.stderr
    assert tea("validate", "new/two words.yaml").returncode == 0


def test_a_folder_is_made(tea: Tea, tmp_path: Path) -> None:
    assert tea("init", "a/b").stdout == "a/b/hello.yaml\n"
    assert (tmp_path / "a" / "b" / "hello.yaml").is_file()


def test_nothing_is_overwritten(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text("mine", encoding="utf-8")
    done = tea("init")
    assert (done.returncode, done.stdout) == (2, "")
    assert "tea init hello-2.yaml" in done.stderr
    assert (tmp_path / "hello.yaml").read_text(encoding="utf-8") == "mine"
    assert tea("init", "hello.yaml/more").returncode == 2


def test_a_template_that_is_not_there(tea: Tea, tmp_path: Path) -> None:
    done = tea("init", "-t", "raq")
    assert (done.returncode, "did you mean 'rag'?" in done.stderr) == (2, True)
    assert not list(tmp_path.iterdir())
