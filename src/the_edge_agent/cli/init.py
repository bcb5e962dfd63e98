"""``tea init``: a workflow to start from. The templates are files beside this one: the first comment of each says what it shows."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from the_edge_agent.errors import UsageError
from the_edge_agent.wording import meant

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from the_edge_agent.cli.console import Console

FIRST = "hello"
_COMMAND = re.compile(r"^#   (tea .+)$", re.MULTILINE)
_PLAIN_NAME = re.compile(r"[A-Za-z_][\w-]*")
_YAML = (".yaml", ".yml")


def _folder() -> Traversable:
    return resources.files("the_edge_agent.cli").joinpath("templates")


def names() -> list[str]:
    """The templates, the simplest one first, then by name."""
    found = [file.name.removesuffix(".yaml") for file in _folder().iterdir() if file.name.endswith(".yaml")]
    return sorted(found, key=lambda name: (name != FIRST, name))


def _beginning(_context: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    return [name for name in names() if name.startswith(start)]


@click.command(name="init")
@click.argument("target", metavar="[FOLDER|FILE]", default=".", type=click.Path(path_type=Path))
@click.option("-t", "--template", metavar="NAME", default=FIRST, show_default=True, shell_complete=_beginning, help="What to start from.")
@click.option("--list", "listing", is_flag=True, help="List the templates.")
@click.pass_obj
def command(console: Console, /, *, target: Path, template: str, listing: bool) -> None:
    """Write a workflow to start from and print where it is.

    A FILE ends in .yaml. In a FOLDER, which is made if it is not there, the file has the name of the template.

    \b
    tea init
    tea init --list
    tea init my-agent/ask.yaml --template chat
    """  # noqa: D301 - the backspace is click's mark for text that keeps its lines
    there = names()
    if listing:
        click.echo("\n".join(f"{name:<{max(map(len, there))}}  {_summary(_text(name))}" for name in there))
        return
    if template not in there:
        raise UsageError(f"there is no template {template!r}", hint=meant(template, there, f"the templates are: {', '.join(there)}"))
    path = target if target.suffix.lower() in _YAML and not target.is_dir() else target / f"{template}.yaml"
    text = _renamed(_text(template), template, path)
    _write(path, text)
    click.echo(path)
    label = console.paint("hint:", "cyan")
    for line in _COMMAND.findall(text):
        console.line(f"    {label} {line}")
        label = " " * len("hint:")


def _text(name: str) -> str:
    return _folder().joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def _summary(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")


def _renamed(text: str, template: str, path: Path) -> str:
    """``text`` as it stands at ``path``: its commands name that, and the workflow is called as the file."""
    name = path.stem if _PLAIN_NAME.fullmatch(path.stem) else json.dumps(path.stem, ensure_ascii=False)
    return text.replace(f"{template}.yaml", quote(str(path))).replace(f"\nname: {template}\n", f"\nname: {name}\n", 1)


def _write(path: Path, text: str) -> None:
    """Write a new file; raises :class:`UsageError` when there is one already, or it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        there = path if path.exists() else path.parent
        raise UsageError(
            f"{there} is there already", hint=f"name another file: tea init {quote(str(path.with_stem(path.stem + '-2')))}"
        ) from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
