"""Names of models, completed in a shell."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

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
