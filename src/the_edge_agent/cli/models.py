"""``tea models``: which models there are, and how they get here."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from the_edge_agent.cli import names
from the_edge_agent.cli.console import printable
from the_edge_agent.cli.transfer import Transfer, amount
from the_edge_agent.errors import ModelUnavailable, TeaError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from the_edge_agent.cli.console import Console
    from the_edge_agent.models.catalogue import KnownModel
    from the_edge_agent.models.find import Found
    from the_edge_agent.models.listing import Row

_TITLES = {"installed": "installed", "elsewhere": "of other programs, used in place", "known": "to be had: tea models pull NAME"}


@click.group(name="models", short_help="List, download and verify models.")
def command() -> None:
    """List, download and verify models.

    Nothing is downloaded unless `tea models pull` is called, and nothing gets a model's name unless its SHA-256 is right.
    """


@command.command(name="list", short_help="Show the models that are here or can be had.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def list_(*, as_json: bool) -> None:
    """Show the models that are here, those of other programs, and those that can be downloaded."""
    from the_edge_agent.models.listing import rows

    found = rows(os.environ)
    if as_json:
        every = [{**asdict(row), "path": str(row.path) if row.path else None} for row in found]
        click.echo(json.dumps(every, indent=2, ensure_ascii=False))
    else:
        click.echo(printable("\n".join(_page(found))))


def _page(rows: Sequence[Row]) -> Iterator[str]:
    width = max(len(row.name) for row in rows)
    for where, title in _TITLES.items():
        chosen = [row for row in rows if row.where == where]
        if chosen:
            yield title
        for row in chosen:
            size = ("" if row.exact else "about ") + amount(row.size) if row.size else "?"
            context = f"{row.context:,} tokens" if row.context else ""
            yield f"  {row.name:<{width}}  {size:>13}  {context:>14}  {row.licence:<22}  {_place(row)}".rstrip()
            if row.problem:
                yield f"  {'':<{width}}  cannot be used: {row.problem.removeprefix(f'cannot use the model {row.path}: ')}"


def _place(row: Row) -> str:
    if row.where == "installed":
        return row.origin + (f" (from {row.source})" if row.source else "")
    if row.where == "elsewhere":
        return row.origin
    notes = [f"{amount(row.part)} of it are here"] if row.part else []
    notes += [] if row.sha256 else ["its SHA-256 is not known"]
    return ", ".join([row.source or "not at a hub", *notes])


@command.command(short_help="Download models and verify them.")
@click.argument("words", metavar="NAME|OWNER/NAME/FILE...", nargs=-1, required=True, shell_complete=names.known)
@click.option("--trust-first-use", is_flag=True, help="Take a file whose SHA-256 nobody has confirmed, and record it.")
@click.option("--locked", is_flag=True, help="Refuse what `tea models lock` has not confirmed, as a release has to.")
@click.pass_obj
def pull(console: Console, /, *, words: tuple[str, ...], trust_first_use: bool, locked: bool) -> None:
    """Download models, verify them, and print where they are.

    \b
    tea models pull gemma
    tea models pull unsloth/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q8_0.gguf --trust-first-use

    What the catalogue knows has to have the size and SHA-256 that stand there. An interrupted download goes on where it
    stopped. HF_ENDPOINT names a mirror of the hub, HF_TOKEN opens repositories whose terms you have accepted.
    """  # noqa: D301 - the backspace is click's mark for text that keeps its lines
    from the_edge_agent.cli.stopping import stoppable
    from the_edge_agent.models import hub, pulling
    from the_edge_agent.models.catalogue import known

    if locked and trust_first_use:
        raise click.UsageError("--locked and --trust-first-use exclude each other.")
    asked = [pulling.wanted(word, locked=locked) for word in words]
    client = hub.of(os.environ)
    if client.token:
        console.redact.hide([client.token])
    for wanted in asked:
        with stoppable(), Transfer(console, wanted.file_name) as watch:
            try:
                fetched = pulling.pull(wanted, client, watch, trust_first_use=trust_first_use)
            except KeyboardInterrupt:
                watch.say("what has come so far stays; the same command goes on")
                raise
            if entry := known(wanted.file_name):
                watch.say(f"licence: {entry.licence}, {entry.terms}")
        click.echo(fetched.path)


@command.command(short_help="Read models again and compare their SHA-256.")
@click.argument("words", metavar="[NAME...]", nargs=-1, shell_complete=names.here)
@click.pass_obj
def verify(console: Console, /, *, words: tuple[str, ...]) -> int:
    """Read models again, all installed ones without a NAME, and compare each with the SHA-256 it must have.

    Exit code 8 when one is damaged, or nothing says what it must be.
    """
    from the_edge_agent.cli.report import report
    from the_edge_agent.cli.stopping import stoppable
    from the_edge_agent.models import find

    paths = [_found(word).path for word in words] or [listed.path for listed in find.found(os.environ)]
    code = 0
    for path in paths:
        try:
            with stoppable(), Transfer(console, path.name) as watch:
                line = _verified(path, watch)
        except TeaError as problem:
            code = report(problem, console)
        else:
            click.echo(printable(line))
    return code


def _verified(path: Path, watch: Transfer) -> str:
    from the_edge_agent.models import header, installed
    from the_edge_agent.models.catalogue import known
    from the_edge_agent.models.elsewhere import elsewhere
    from the_edge_agent.models.part import digest

    header.read(path)
    right, _ = installed.expected(path.name)
    who = "the catalogue" if (entry := known(path.name)) and entry.sha256 else "its record"
    if right is None:
        right, who = next(((one.sha256, one.origin) for one in elsewhere(os.environ) if one.path == path), (None, ""))
    found = digest(path, watch)
    if right is None:
        raise ModelUnavailable(
            f"nothing says which SHA-256 {path} must have; it is {found}", hint=f"if it is the right one: tea models add {path}"
        )
    if found != right:
        raise ModelUnavailable(
            f"{path} is damaged: its SHA-256 is {found}, and {who} says {right}", hint=f"tea models rm {path.name}, then get it again"
        )
    return f"OK  {path}  {found} ({who})"


@command.command(short_help="Print where a model is.")
@click.argument("word", metavar="NAME", shell_complete=names.here)
def path(*, word: str) -> None:
    """Print where the model NAME is. Exit code 8 when it is not here."""
    click.echo(_found(word).path)


@command.command(short_help="Remove installed models.")
@click.argument("words", metavar="NAME...", nargs=-1, required=True, shell_complete=names.here)
@click.option("--forget", is_flag=True, help="Drop what is recorded of it too, so that another file can have its name.")
@click.pass_obj
def rm(console: Console, /, *, words: tuple[str, ...], forget: bool) -> None:
    """Remove installed models, and what is left of downloads of them."""
    from the_edge_agent.models import installed

    for word in words:
        removed = [path for path in _removable(word) if path.is_symlink() or path.is_file()]
        forgotten = forget and installed.forget(_file_name(word))
        if not removed and not forgotten:
            raise _absent(word)
        for path in removed:
            size = path.lstat().st_size
            path.unlink()
            console.line(printable(f"removed {path} ({amount(size)})"))
        if forgotten:
            console.line(printable(f"forgot what {_file_name(word)} was"))


def _removable(word: str) -> Iterator[Path]:
    from the_edge_agent.models import find, installed
    from the_edge_agent.models.part import path_of

    if os.sep in word:
        raise UsageError(f"{word} is no name of an installed model", hint="`tea models list` shows the names")
    own = [folder for folder, _ in find.folders(os.environ)]
    path = find.by_name(word, os.environ)
    found = None if path else find.by_any_name(word, "", os.environ)
    if found is not None:
        raise UsageError(f"{word} belongs to another program: {found.path}", hint="remove it there")
    if path is not None:
        if path.parent not in own or not path.exists():
            raise UsageError(f"{path} is part of this tea and is not removed")
        yield path
    yield path_of(installed.folder() / _file_name(word))


def _file_name(word: str) -> str:
    from the_edge_agent.models import SUFFIX, catalogue

    entry = catalogue.named(word)
    return entry.file_name if entry else word if word.lower().endswith(SUFFIX) else word + SUFFIX


@command.command(short_help="Install a file that you have.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="What to call it.  [default: the file's name]")
@click.option("--link", is_flag=True, help="Leave the bytes where they are and link to them.")
@click.pass_obj
def add(console: Console, /, *, file: Path, name: str | None, link: bool) -> None:
    """Install a FILE that you have, record its SHA-256, and print where it is. The file itself stays where it is."""
    from the_edge_agent.cli.stopping import stoppable
    from the_edge_agent.models import adding

    with stoppable(), Transfer(console, file.name) as watch:
        path = adding.add(file, name, watch, link=link)
    click.echo(path)


@command.command(short_help="For maintainers: read sizes and digests at the hub.")
@click.argument("words", metavar="[NAME...]", nargs=-1, shell_complete=names.known)
@click.option("--accept-changes", is_flag=True, help="Take over sizes and digests that differ from those in the catalogue.")
@click.pass_obj
def lock(console: Console, /, *, words: tuple[str, ...], accept_changes: bool) -> int:
    """Read size and SHA-256 of the catalogue's models at the hub, and write them into the catalogue of the source tree.

    For maintainers: review the change, then commit it. Without a NAME all models are asked about. Exit code 8 when the hub
    has not what the catalogue says; the other models are written.
    """
    from the_edge_agent.cli.report import report
    from the_edge_agent.models import catalogue, hub, pinning

    root = Path(catalogue.FILE).parents[3]
    if not (root / "pyproject.toml").is_file():
        raise UsageError(
            "the catalogue is written in the project's source tree, and this is an installed tea", hint="git clone it, then ./dev setup"
        )
    models = [_entry(word) for word in words] or [model for model in catalogue.catalogue() if model.sources]
    client = hub.of(os.environ)
    if client.token:
        console.redact.hide([client.token])
    code, pins = 0, {}
    for model in models:
        try:
            pins[model.name] = pin = pinning.pin(model, client, accept_changes=accept_changes)
        except TeaError as problem:
            code = report(problem, console)
            continue
        click.echo(printable(f"{model.name}: {pin.size:,} bytes, SHA-256 {pin.sha256}, {', '.join(map(str, pin.sources))}"))
        for line in (
            *pin.left_out,
            *([f"licence: {pin.licence} (catalogue: {model.licence})"] if pin.licence.lower() != model.licence.lower() else []),
        ):
            console.line(printable(f"  {line}"))
    pinning.write(pins)
    console.line(f"wrote {catalogue.FILE}")
    return code


def _entry(word: str) -> KnownModel:
    from the_edge_agent.models import catalogue

    entry = catalogue.named(word) or catalogue.known(word)
    if entry is None or not entry.sources:
        raise UsageError(f"the catalogue knows no source of {word}", hint="`tea models list` shows what it knows")
    return entry


def _found(word: str) -> Found:
    """The model that is here under a name or as a file."""
    from the_edge_agent.models import find

    path = Path(word).expanduser()
    if find.HERE.exists(path) and not path.is_dir():
        return find.Found(path, "")
    found = find.by_any_name(word, "", os.environ)
    if found is None:
        raise _absent(word)
    return found


def _absent(word: str) -> ModelUnavailable:
    from the_edge_agent.models import find

    return ModelUnavailable(f"there is no model {word} here", hint=find.pull_hint(word) or "`tea models list` shows those that are")
