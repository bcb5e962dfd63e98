"""``tea run``: the options, and what they must not be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from the_edge_agent.cli.console import Console

_LATER = "is not available in this version"
_NOT_HERE = {
    "--secrets-backend": "secrets come from --secrets or --secrets-env, cloud stores are not supported",
    "--secrets-backend-opts": "secrets come from --secrets or --secrets-env, cloud stores are not supported",
    "--trace-file": f"{_LATER}; --stream writes every event as JSON",
    "--trace-llm-payloads": f"{_LATER}; --stream writes every event as JSON",
    "--trace-llm-payloads-for": f"{_LATER}; --stream writes every event as JSON",
    "--question-key": f"belongs to --interactive, which {_LATER}",
    "--response-key": f"belongs to --interactive, which {_LATER}",
    "--complete-key": f"belongs to --interactive, which {_LATER}",
    "--skip-response": f"belongs to --interactive, which {_LATER}",
    "--display-key": f"belongs to --interactive, which {_LATER}",
    "--display-format": f"belongs to --interactive, which {_LATER}",
    "--show-graph": f"{_LATER}; `tea inspect FILE --format mermaid` draws the graph",
    "-g": f"{_LATER}; `tea inspect FILE --format mermaid` draws the graph",
    "--from-dot": "is not supported: workflows are YAML files",
    "--no-cache": "is not needed: tea fetches no remote files and keeps no cache of them",
    "--cache-only": "is not needed: tea fetches no remote files and keeps no cache of them",
    "--cache-dir": "is not needed: tea fetches no remote files and keeps no cache of them",
    "--report-bugs": "is not needed: tea sends nothing anywhere",
    "--no-report-bugs": "is not needed: tea sends nothing anywhere",
    "--report-extended": "is not needed: tea sends nothing anywhere",
    "--report-minimal": "is not needed: tea sends nothing anywhere",
    "--state": "is called --input here",
    "--state-file": "is called --input @FILE here",
    "--allow-cycles": "is not needed: cycles are always allowed, settings.max_iterations bounds them",
    "--max-iterations": "is a setting of the workflow here: settings.max_iterations",
    "--config": "is not supported: settings stand in the workflow file, or in an overlay (-f FILE)",
    "-C": "is not supported: settings stand in the workflow file, or in an overlay (-f FILE)",
}
"""Options of other programs that run these workflow files → what to say about them."""


class RunCommand(click.Command):
    """Says what is the matter with an option that other programs have, instead of not knowing it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's; raises :class:`click.UsageError` for an option of the table."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name in _NOT_HERE:
                raise click.UsageError(f"The option {error.option_name} {_NOT_HERE[error.option_name]}.", ctx) from None
            raise


_PATH = click.Path(path_type=Path)


@click.command(cls=RunCommand, name="run")
@click.argument("file", type=_PATH)
@click.option(
    "-i",
    "--input",
    "input_text",
    metavar="JSON|@FILE|-",
    help="Values laid over the state at the start: a JSON object, @file.json, @file.yaml, or - for stdin.",
)
@click.option("-o", "--output", type=_PATH, help="Write the final state to this file instead of standard output.")
@click.option("-s", "--stream", is_flag=True, help="Write every event as one line of JSON to standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress. The answer and errors are always shown.")
@click.option("-v", "--verbose", count=True, help="Show progress also where there is no terminal; with --stream: all events.")
@click.option("-f", "--overlay", "overlays", type=_PATH, multiple=True, help="Merge this YAML file onto the workflow. Repeatable.")
@click.option("--dump-merged", is_flag=True, help="Print the merged workflow as YAML and stop.")
@click.option("--gguf", type=_PATH, help="The model file to use for every LLM node.")
@click.option("--backend", type=click.Choice(["local", "api", "auto"]), default="auto", show_default=True, help="Where LLM nodes run.")
@click.option("--secrets", "secrets_text", metavar="JSON|@FILE", help="Values for {{ secrets.name }}; never shown.")
@click.option("--secrets-env", "secrets_prefix", metavar="PREFIX", help="Take secrets from environment variables that start so.")
@click.option("-c", "--checkpoint-dir", type=_PATH, help="Keep the state here at every interrupt.")
@click.option("--interrupt-before", multiple=True, metavar="NODES", help="Stop before these nodes (comma list).")
@click.option("--interrupt-after", multiple=True, metavar="NODES", help="Stop after these nodes (comma list).")
@click.option("--auto-continue", is_flag=True, help="Go on at every interrupt.")
@click.option("--entry-point", metavar="NODE", help="Start at this node.")
@click.option("--exit-point", metavar="NODE", help="End when this node would be next.")
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
    """Run the workflow FILE and print its final state as JSON.

    \b
    tea run hello.yaml --input '{"name": "Ada"}'
    tea run hello.yaml --input @state.json --output result.json
    """  # noqa: D301 - the backspace is click's mark for text that keeps its lines
    if interactive and options["stream"]:
        raise click.UsageError("--interactive and --stream cannot be used together.")
    if interactive:
        raise click.UsageError(f"The option --interactive {_LATER}; at an interrupt a run in a terminal asks anyway.")
    from the_edge_agent.cli.session import CommandLine, Session

    return Session(CommandLine(**options), console).run()
