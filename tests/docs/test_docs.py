"""Runs everything that stands in a fence in README.md and docs: nothing there is only claimed.

A page is run from its top to its end in one folder that has the examples in it:

* ``yaml`` is a complete workflow; it is checked with ``tea validate``. A first line ``# NAME.yaml`` keeps it as that file for what follows.
* ``yaml overlay`` is kept likewise and not checked alone; ``yaml invalid`` must be refused.
* ``console`` holds commands (after ``$``) and what they print, standard error included; ``...`` stands for any text, a line of its own
  for any lines. A command that fails is followed by ``$ echo $?``.
* ``python`` is run; a ``text`` fence right after it is what it prints. A first line ``# NAME.py`` keeps it as a file instead.
* ``sh`` needs a network or a fresh machine: only its form is checked.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(?P<kind>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# ([\w.-]+\.(?:ya?ml|py))\n")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
KINDS = {"yaml", "yaml overlay", "yaml invalid", "console", "console image", "python", "text", "sh"}
IMAGE = ROOT / "build" / "image" / "tea-python-llm.AppImage"
PROSE = [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"))]
"""Pages whose links are checked; not all of them have fences to run."""


@dataclass(frozen=True)
class Fence:
    kind: str
    text: str
    place: str

    @property
    def name(self) -> str | None:
        named = NAMED.match(self.text)
        return named[1] if named else None


def fences(page: Path) -> list[Fence]:
    content = page.read_text(encoding="utf-8")
    return [
        Fence(match["kind"].strip(), match["text"], f"{page.name}:{content.count(chr(10), 0, match.start()) + 1}")
        for match in FENCE.finditer(content)
    ]


class Desk:
    """The folder a page is run in, and the exit code of the last command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = 0
        (folder / "examples").symlink_to(ROOT / "examples")
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        path = os.pathsep.join(filter(None, [str(Path(sys.executable).parent), kept.get("PATH")]))
        own = {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "80"}
        self.environment = {**kept, **own}

    def run(self, *words: str) -> str:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        self.code = done.returncode
        return done.stdout

    def keep(self, fence: Fence, name: str) -> Path:
        path = self.folder / name
        path.write_text(fence.text, encoding="utf-8")
        return path

    def console(self, fence: Fence) -> None:
        checked = True
        for command, expected in _commands(fence):
            if command.strip() == "echo $?":
                output, checked = f"{self.code}\n", True
            else:
                assert checked, f"{fence.place}: the command before `{command}` failed with {self.code}"
                output = self.run("bash", "-c", command)
                checked = self.code == 0
            assert _pattern(expected).fullmatch(output), f"{fence.place}: $ {command}\nexpected:\n{expected}\nprinted:\n{output}"
        assert checked, f"{fence.place}: the last command failed with {self.code}: follow it with `$ echo $?`"

    def workflow(self, fence: Fence) -> None:
        path = self.keep(fence, fence.name or "unnamed.yaml")
        output = self.run("tea", "validate", path.name)
        assert self.code == (3 if fence.kind == "yaml invalid" else 0), f"{fence.place}:\n{output}"

    def python(self, fence: Fence, expected: Fence | None) -> None:
        if fence.name:
            self.keep(fence, fence.name)
            return
        output = self.run(sys.executable, "-W", "error", "-c", fence.text)
        assert self.code == 0, f"{fence.place}:\n{output}"
        assert _pattern(expected.text if expected else "").fullmatch(output), f"{fence.place} printed:\n{output}"


def _commands(fence: Fence) -> list[tuple[str, str]]:
    """(command, what it prints); a command goes on in the next line after a backslash."""
    found: list[tuple[str, str]] = []
    for line in fence.text.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found and found[-1][0].endswith("\\\n") and not found[-1][1]:
            found[-1] = (found[-1][0] + line.removeprefix("> "), "")
        else:
            assert found, f"{fence.place}: a console fence starts with a command ($)"
            found[-1] = (found[-1][0], found[-1][1] + line)
    return [(command.rstrip("\n"), output) for command, output in found]


def _pattern(expected: str) -> re.Pattern[str]:
    lines = [r"(?:.*\n)*?" if line == "...\n" else re.escape(line).replace(r"\.\.\.", ".*") for line in expected.splitlines(keepends=True)]
    return re.compile("".join(lines))


def _each_page() -> list[ParameterSet]:
    """Every page; the one that runs Prolog is marked."""
    return [pytest.param(page, marks=[pytest.mark.prolog] if page.stem == "prolog" else [], id=page.name) for page in PAGES]


@pytest.mark.llm
@pytest.mark.parametrize("page", _each_page())
def test_what_the_page_shows_is_what_happens(page: Path, tmp_path: Path) -> None:
    desk, shown = Desk(tmp_path), fences(page)
    assert not [fence.place for fence in shown if fence.kind not in KINDS]
    for fence, after in zip(shown, [*shown[1:], None], strict=False):
        if fence.kind in {"yaml", "yaml invalid"}:
            desk.workflow(fence)
        elif fence.kind == "yaml overlay":
            assert isinstance(yaml.safe_load(fence.text), dict), fence.place
            desk.keep(fence, fence.name or "overlay.yaml")
        elif fence.kind == "console":
            desk.console(fence)
        elif fence.kind == "python":
            desk.python(fence, after if after and after.kind == "text" else None)
        elif fence.kind == "sh":
            subprocess.run(["bash", "-n", "-c", fence.text], check=True)  # noqa: S607 - the user's shell, parsing only


@pytest.mark.llm
@pytest.mark.parametrize(
    "page", [page for page in PAGES if "```console image" in page.read_text(encoding="utf-8")], ids=lambda page: page.name
)
def test_what_the_page_shows_of_an_image_is_what_happens(page: Path, tmp_path: Path) -> None:
    if not IMAGE.exists():
        pytest.skip(f"there is no {IMAGE.relative_to(ROOT)}: ./dev image builds it")
    desk = Desk(tmp_path)
    (tmp_path / IMAGE.name).symlink_to(IMAGE)
    for fence in fences(page):
        if fence.kind == "yaml" and fence.name:
            desk.keep(fence, fence.name)
        elif fence.kind == "console image":
            desk.console(fence)


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in _anchors(target), f"{page.name}: {link}"


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_every_page_can_be_reached_from_the_readme() -> None:
    linked = set(LINK.findall(README.read_text(encoding="utf-8")))
    assert {f"docs/{page.name}" for page in PAGES[1:]} <= linked


@pytest.mark.parametrize("name", ["actions_page", "peers_page"])
def test_a_written_page_is_current(name: str) -> None:
    spec = spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec
    assert spec.loader
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.page() == script.PAGE.read_text(encoding="utf-8"), f"run: python docs/{name}.py"


def test_set_up_names_what_there_is() -> None:
    commands = "".join(fence.text for fence in fences(README) if fence.kind == "sh")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(re.findall(r"'\.\[([\w-]+)\]'", commands)) == set(project["optional-dependencies"])
    for example in re.findall(r"examples/\S+\.yaml", commands):
        assert (ROOT / example).is_file()
    verbs = subprocess.run([ROOT / "dev", "help"], capture_output=True, encoding="utf-8", check=True).stdout
    for verb in re.findall(r"\./dev (\w+)", README.read_text(encoding="utf-8")):
        assert re.search(rf"^  {verb}\b", verbs, re.MULTILINE), verb


def test_every_dependency_has_its_reason() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = document["project"]
    named = [*project["dependencies"], *(one for group in project["optional-dependencies"].values() for one in group)]
    named += [one for group in document["dependency-groups"].values() for one in group if isinstance(one, str)]
    named += document["build-system"]["requires"]
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").partition("## Looked at")[0]
    wanted = {re.split(r"[\[<>=~! ]", one, maxsplit=1)[0] for one in named}
    assert set(re.findall(r"^\| `([\w.-]+)`", page, re.MULTILINE)) == wanted


def test_every_exit_code_is_explained() -> None:
    from the_edge_agent import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.TeaError)]
    codes = {(str(kind.exit_code), kind.code) for kind in kinds if kind is not errors.TeaError}
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert codes <= set(re.findall(r"^\| (\d+) \| `(\w+)`", page, re.MULTILINE))


def test_every_key_of_the_dialect_is_documented() -> None:
    from the_edge_agent.workflow import dialect

    text = (ROOT / "docs" / "dialect.md").read_text(encoding="utf-8") + (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    records = [dialect.WORKFLOW, dialect.SETTINGS, dialect.LLM, dialect.EDGE, dialect.CONFIG, dialect.ON_ERROR, dialect.RETRY]
    records += [dialect.GOTO_RULE, dialect.IMPORT, dialect.RUN_OBJECT, *dialect.NODE.records.values()]
    keys = {spelling for record in records for key in record.keys for spelling in (key.name, *key.aliases)}
    assert sorted(key for key in keys if f"`{key}" not in text and f"{key}:" not in text) == []


def test_every_command_and_option_is_documented() -> None:
    import click

    from the_edge_agent.cli.root import tea

    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    context = click.Context(tea)
    for name in tea.list_commands(context):
        assert f"`tea {name}" in page, name
        command = tea.get_command(context, name)
        assert command is not None
        missing = [
            option
            for one in command.params
            if not getattr(one, "hidden", False)
            for option in one.opts
            if option.startswith("--") and option not in page
        ]
        assert not missing, name
