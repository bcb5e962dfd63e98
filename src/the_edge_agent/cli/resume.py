"""``tea resume``: a run that paused goes on from its checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from the_edge_agent.cli import run

if TYPE_CHECKING:
    from the_edge_agent.cli.console import Console

_RUN_ONLY = frozenset({"file", "entry_point", "dump_merged", "interactive"})
_PATH = click.Path(path_type=Path)


_PARAMETERS: list[click.Parameter] = [
    click.Argument(["checkpoint"], type=_PATH),
    click.Option(["-w", "--workflow", "file"], type=_PATH, required=True, help="The workflow that paused."),
    *(each for each in run.command.params if each.name not in _RUN_ONLY),
]


@click.command(cls=run.RunCommand, name="resume", params=_PARAMETERS)
@click.pass_obj
def command(console: Console, /, *, checkpoint: Path, **options: Any) -> int:
    """Go on from CHECKPOINT, which a run wrote when it paused, and print the final state as JSON.

    A node that had finished does not run again. --input lies over the state of the checkpoint, and later checkpoints
    go to its folder unless --checkpoint-dir names another.

    \b
    tea run approve.yaml --checkpoint-dir kept
    tea resume kept/publish_1700000000000.json -w approve.yaml --input '{"approved": true}'
    """  # noqa: D301 - the backspace is click's mark for text that keeps its lines
    from the_edge_agent.cli.session import CommandLine, Session

    options["checkpoint_dir"] = options["checkpoint_dir"] or checkpoint.parent
    return Session(CommandLine(checkpoint=checkpoint, entry_point=None, dump_merged=False, **options), console).run()
