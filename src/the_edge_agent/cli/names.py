"""Names of models and nodes, completed in a shell."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from click.shell_completion import CompletionItem


class ModelPath(click.Path):
    """A model's file or the name of one that is here."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The shell's own completion of files first, because what the shell is told about them must not undo the names; then these."""
        return [*super().shell_complete(ctx, param, incomplete), *here(ctx, param, incomplete)]


def file_or_here(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """As :class:`ModelPath`, for an option whose value is a text."""
    return ModelPath().shell_complete(context, parameter, incomplete)


def here(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of models that are installed or that other programs have."""
    from the_edge_agent.models.listing import names

    return _items(names(os.environ), incomplete)


def known(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the catalogue that a hub has files for."""
    from the_edge_agent.models.catalogue import catalogue

    return _items((model.name for model in catalogue() if model.sources), incomplete)


def _items(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in dict.fromkeys(names) if name.startswith(incomplete)]


def node(context: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    """The nodes of the workflow that stands in the line already, and that begin with ``start``."""
    # While the value of an option is missing, click has not yet said which word is FILE.
    file = context.params.get("file") or next(iter(context.args), None)
    return [name for name in _nodes(file) if name.startswith(start)]


def nodes(context: click.Context, parameter: click.Parameter, start: str) -> list[str]:
    """As :func:`node` for a comma list: its last name is completed, with one that is not in it yet."""
    before, comma, last = start.rpartition(",")
    return [f"{before}{comma}{name}" for name in node(context, parameter, last) if name not in before.split(",")]


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
