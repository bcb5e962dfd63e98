"""``tea licenses``: under which licences everything stands that runs here, and their texts."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from the_edge_agent.errors import UsageError
from the_edge_agent.wording import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from the_edge_agent.cli.console import Console

_TEXTS = re.compile(r"licen[sc]e|copying|notice|copyright", re.IGNORECASE)
_PROJECT = "the-edge-agent"
_MODELS = "llm-local"
"""The extra that models are run with; others are for who works on the project."""
_SEE_TEXT = "see its text"


@dataclass(frozen=True, slots=True)
class Licensed:
    """Something that runs here or goes with it, its licence in a word, and the files with the text."""

    name: str
    version: str
    licence: str
    texts: tuple[Path, ...]


@click.command(name="licenses")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.pass_obj
def command(_: Console, /, *, name: str | None, as_json: bool) -> None:
    """List what tea consists of here and under which licence each part stands, or print the licence of NAME.

    In an image that is everything inside it: packages of Python, libraries, the models.
    """
    found = sorted(_everything(), key=lambda each: each.name.lower())
    if name is not None:
        click.echo(_text_of(name, found))
    elif as_json:
        click.echo(json.dumps([_plain(each) for each in found], indent=2, ensure_ascii=False))
    else:
        width = max(len(f"{each.name} {each.version}") for each in found)
        click.echo("\n".join(f"{f'{each.name} {each.version}':<{width}}  {each.licence}" for each in found))


def _plain(each: Licensed) -> dict[str, Any]:
    return {"name": each.name, "version": each.version, "licence": each.licence, "texts": [str(path) for path in each.texts]}


def _text_of(name: str, found: list[Licensed]) -> str:
    each = next((each for each in found if each.name.lower() == name.lower()), None)
    if each is None:
        raise UsageError(f"there is no part {name!r}", hint=meant(name, [each.name for each in found], "list them: tea licenses"))
    texts = [path.read_text(encoding="utf-8", errors="replace").rstrip() for path in each.texts]
    return "\n\n".join(texts) or f"{each.name}: {each.licence}"


def _everything() -> Iterator[Licensed]:
    from the_edge_agent.models import embedded

    root = embedded.root()
    yield from _packages(whole=root is not None)
    if root is not None:
        yield from _documented(root / "usr/share/doc")
    yield from _models()


def _packages(*, whole: bool) -> Iterator[Licensed]:
    """The packages of Python: all there are inside an image, else this project and what it needs."""
    there = {_normal(each.metadata["Name"]): each for each in metadata.distributions() if each.metadata["Name"]}
    waiting, wanted = [_PROJECT], set()
    while waiting:
        name = waiting.pop()
        if name in there and name not in wanted:
            wanted.add(name)
            needed = [line for line in there[name].requires or () if "extra ==" not in line or _MODELS in line]
            waiting += [_normal(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in needed]
    for name, each in there.items():
        if whole or name in wanted:
            texts = [Path(str(file.locate())) for file in each.files or () if ".dist-info" in str(file) and _TEXTS.search(file.name)]
            yield Licensed(each.metadata["Name"], each.version, _licence(each), tuple(path for path in texts if path.is_file()))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(package: metadata.Distribution) -> str:
    """As its metadata say it: an expression, a line, or a classifier."""
    about = package.metadata
    said = next((about[key] for key in ("License-Expression", "License") if about[key]), "")
    if said and "\n" not in said:
        return str(said)
    classifiers = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or () if line.startswith("License ::")]
    return ", ".join(classifiers) or _SEE_TEXT


def _documented(folder: Path) -> Iterator[Licensed]:
    """The libraries and programs inside an image, each with the text of its package."""
    for each in sorted(folder.iterdir()):
        if each.name == "runtime":
            yield from (Licensed(f"runtime/{path.name}", "", _SEE_TEXT, (path,)) for path in sorted(each.iterdir()))
        elif (each / "copyright").is_file() and each.name != _PROJECT:
            yield Licensed(each.name, "", _SEE_TEXT, (each / "copyright",))


def _models() -> Iterator[Licensed]:
    from the_edge_agent.models import catalogue, find

    for model in find.found(os.environ):
        entry = catalogue.known(model.path.name)
        yield Licensed(model.path.name, "", entry.licence if entry else _of_header(model.path), ())


def _of_header(path: Path) -> str:
    from the_edge_agent.errors import ModelUnavailable
    from the_edge_agent.models import header

    try:
        return header.read(path).text("general.license") or "unknown"
    except ModelUnavailable:
        return "unknown"
