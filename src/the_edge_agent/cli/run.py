"""``tea run``: the options, and what they must not be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from the_edge_agent.cli import names

if TYPE_CHECKING:
    from the_edge_agent.cli.console import Console


class RunCommand(click.Command):
    """Says what is the matter with an option that other implementations have, instead of not knowing it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's; raises :class:`click.UsageError` for an option that other implementations have."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise _elsewhere(error.option_name, ctx) or error from None


def _elsewhere(option: str, context: click.Context | None = None) -> click.UsageError | None:
    """What to raise for an option that only other implementations have; ``None`` for any other."""
    from the_edge_agent import peers

    note = peers.option(option)
    return click.UsageError(f"The option {option} {note}.", context) if note else None


_PATH = click.Path(path_type=Path)


@click.command(cls=RunCommand, name="run")
@click.argument("file", type=_PATH)
@click.argument("values", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "-i",
    "--input",
    "input_text",
    metavar="JSON|@FILE|-",
    help="Values laid over the state at the start: a JSON object, @file.json, @file.yaml, or - for stdin.",
)
@click.option("-o", "--output", type=_PATH, help="Write the final state to this file instead of standard output.")
@click.option("--raw", metavar="KEY", help="Write only the value of this key (also a.b) of the final state, a text without quotes.")
@click.option("-s", "--stream", is_flag=True, help="Write every event as one line of JSON to standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress. The answer and errors are always shown.")
@click.option("-v", "--verbose", count=True, help="Show progress also where there is no terminal; with --stream: all events.")
@click.option("-f", "--overlay", "overlays", type=_PATH, multiple=True, help="Merge this YAML file onto the workflow. Repeatable.")
@click.option("--dump-merged", is_flag=True, help="Print the merged workflow as YAML and stop.")
@click.option("--gguf", type=names.ModelPath(path_type=Path), metavar="PATH|NAME", help="The model to use for every LLM node.")
@click.option("--backend", type=click.Choice(["local", "api", "auto"]), default="auto", show_default=True, help="Where LLM nodes run.")
@click.option("--secrets", "secrets_text", metavar="JSON|@FILE", help="Values for {{ secrets.name }}; never shown.")
@click.option("--secrets-env", "secrets_prefix", metavar="PREFIX", help="Take secrets from environment variables that start so.")
@click.option("-c", "--checkpoint-dir", type=_PATH, help="Keep the state here at every interrupt.")
@click.option(
    "--interrupt-before", multiple=True, metavar="NODES", shell_complete=names.nodes, help="Stop before these nodes (comma list)."
)
@click.option("--interrupt-after", multiple=True, metavar="NODES", shell_complete=names.nodes, help="Stop after these nodes (comma list).")
@click.option("--auto-continue", is_flag=True, help="Go on at every interrupt.")
@click.option("--entry-point", metavar="NODE", shell_complete=names.node, help="Start at this node.")
@click.option("--exit-point", metavar="NODE", shell_complete=names.node, help="End when this node would be next.")
@click.option(
    "--fail-on-state",
    multiple=True,
    metavar="KEY=VALUE",
    help="Exit 4 when the final state has this value (text form, True for true). Repeatable.",
)
@click.option(
    "--actions-module", "actions_modules", multiple=True, metavar="MODULE", help="An importable module with custom actions. Repeatable."
)
@click.option("--actions-file", "actions_files", type=_PATH, multiple=True, help="A Python file with custom actions. Repeatable.")
@click.option("--no-code", is_flag=True, help="Refuse workflows that contain code of their own (exit 11).")
@click.option("--debug-state", type=_PATH, metavar="DIR", help="Write the state after every node to this folder.")
@click.option("--heartbeat", is_flag=True, help="Tell on standard error how long every node took.")
@click.option("-I", "--interactive", is_flag=True, hidden=True)
@click.pass_obj
def command(console: Console, /, *, interactive: bool, **options: Any) -> int:
    """Run the workflow FILE and print its final state as JSON. FILE may be - for standard input.

    Each KEY=VALUE is laid over the state at the start: a.b is b inside a. VALUE is JSON where it can be read as JSON, else text;
    @FILE and @- (standard input) are the text of a file.

    \b
    tea run hello.yaml name=Ada
    tea run hello.yaml name=@name.txt --raw greeting
    tea run hello.yaml --input @state.json --output result.json
    """  # noqa: D301 - the backspace is click's mark for text that keeps its lines
    if options["raw"] is not None and options["stream"]:
        raise click.UsageError("--raw and --stream cannot be used together.")
    if interactive and options["stream"]:
        raise click.UsageError("--interactive and --stream cannot be used together.")
    if interactive and (known := _elsewhere("--interactive")):
        raise known
    from the_edge_agent.cli.session import CommandLine, Session

    return Session(CommandLine(**options), console).run()
