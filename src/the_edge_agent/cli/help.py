"""``tea help``: what ``--help`` says, asked the other way round."""

from __future__ import annotations

import click


def _beginning(context: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    group = context.find_root().command
    return [name for name in group.list_commands(context) if name.startswith(start)] if isinstance(group, click.Group) else []


@click.command(name="help")
@click.argument("names", metavar="[COMMAND]...", nargs=-1, shell_complete=_beginning)
@click.pass_context
def command(context: click.Context, *, names: tuple[str, ...]) -> None:
    """Tell what tea can do, or how COMMAND is used."""
    about = context.find_root()
    for name in names:
        group = about.command
        if not isinstance(group, click.Group):
            raise click.UsageError(f"{about.command_path!r} has no commands of its own.", about)
        _, found, _ = group.resolve_command(about, [name])
        if found is None:
            raise click.UsageError(f"No such command {name!r}.", about)
        about = click.Context(found, about, info_name=name)
    click.echo(about.get_help())
