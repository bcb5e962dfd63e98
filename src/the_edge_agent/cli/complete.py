"""What a shell completes besides commands and options: names of nodes and models, read when it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import click
    from click.shell_completion import CompletionItem


def node(context: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    """The nodes of the workflow that stands in the line already, and that begin with ``start``."""
    # While the value of an option is missing, click has not yet said which word is FILE.
    file = context.params.get("file") or next(iter(context.args), None)
    return [name for name in _nodes(file) if name.startswith(start)]


def nodes(context: click.Context, parameter: click.Parameter, start: str) -> list[str]:
    """As :func:`node` for a comma list: its last name is completed, with one that is not in it yet."""
    before, comma, last = start.rpartition(",")
    return [f"{before}{comma}{name}" for name in node(context, parameter, last) if name not in before.split(",")]


def model(_context: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    """Names of models that are installed or that other programs have."""
    import os

    from the_edge_agent.models.listing import names

    return _beginning(names(os.environ), start)


def model_or_file(context: click.Context, parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """As :func:`model`, beside the files that the shell finds."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(start, type="file"), *map(CompletionItem, model(context, parameter, start))]


def model_to_pull(_context: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    """Names of the catalogue that a hub has files for."""
    from the_edge_agent.models.catalogue import catalogue

    return _beginning((known.name for known in catalogue() if known.sources), start)


def _beginning(names: Iterable[str], start: str) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(start)]


def _nodes(file: Path | str | None) -> list[str]:
    """The names in ``file``, of whose code and imports nothing runs; none where it cannot be read."""
    from pathlib import Path

    from the_edge_agent.errors import TeaError
    from the_edge_agent.workflow.parse import parse

    if file is None or str(file) == "-":
        return []
    try:
        workflow, _ = parse(Path(file).expanduser())
    except TeaError:
        return []
    return list(workflow.nodes) if workflow else []
