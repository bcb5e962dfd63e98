"""``tea schema``: the JSON Schema of workflow files, and the merge that overlays use for any JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from the_edge_agent.errors import Spot
    from the_edge_agent.workflow.source import Tree


@click.group(name="schema", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Print the JSON Schema of workflow files, for editors."""
    if context.invoked_subcommand is None:
        from the_edge_agent.workflow.schema import json_schema

        click.echo(_text(json_schema()))


@command.command(name="merge", short_help="Merge JSON or YAML files as overlays are merged.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the result to this file instead of standard output.")
@click.option("--dry-run", is_flag=True, help="Print the result and write nothing.")
def merge(*, files: tuple[Path, ...], output: Path | None, dry_run: bool) -> None:
    """Merge JSON or YAML FILES, each onto the ones before it, as overlays are merged.

    Mappings merge key by key, null overwrites, lists are replaced; lists under `nodes`, `edges` and `goto` item by item.
    """
    from the_edge_agent.cli.files import write

    text = _text(_merged(files))
    if output is None or dry_run:
        click.echo(text)
    else:
        write("--output", output, f"{text}\n".encode())


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _merged(paths: tuple[Path, ...]) -> Any:
    from the_edge_agent.cli.inputs import document
    from the_edge_agent.errors import Source, Spot
    from the_edge_agent.workflow.overlay import overlay
    from the_edge_agent.workflow.source import plain

    result: Tree | None = None
    for path in paths:
        value = document(path)
        if not isinstance(value, dict):
            raise UsageError(f"{path} does not hold a mapping", hint="only mappings (JSON objects) can be merged")
        tree = _tree(value, Spot(Source(str(path), ""), 1, 1))
        result = tree if result is None else overlay(result, tree)
    return None if result is None else plain(result)


def _tree(value: Any, spot: Spot) -> Tree:
    """Plain data in the form that overlays merge; every part gets the same place, as nothing here reports one."""
    from the_edge_agent.workflow.source import Map, Scalar, Seq

    if isinstance(value, dict):
        return Map({key: _tree(part, spot) for key, part in value.items()}, spot)
    if isinstance(value, list):
        return Seq(tuple(_tree(part, spot) for part in value), spot)
    return Scalar(value, spot, spot)
