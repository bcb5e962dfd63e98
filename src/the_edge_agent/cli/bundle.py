"""``tea bundle``: a workflow, its model and the engine in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from the_edge_agent.cli import names

if TYPE_CHECKING:
    from the_edge_agent.cli.console import Console

_PATH = click.Path(path_type=Path)


@click.command(name="bundle", short_help="Put a workflow, its model and tea into one file.")
@click.argument("file", type=_PATH)
@click.option(
    "-m", "--model", "models", multiple=True, metavar="PATH|NAME", shell_complete=names.file_or_here, help="A model to put in. Repeatable."
)
@click.option("-o", "--output", type=_PATH, help="The file to write.  [default: WORKFLOW.AppImage]")
@click.option(
    "-f", "--overlay", "overlays", type=_PATH, multiple=True, help="Merge this YAML file onto the workflow when it runs. Repeatable."
)
@click.option("--actions-file", "actions_files", type=_PATH, multiple=True, help="A Python file with custom actions. Repeatable.")
@click.option("--requirements", type=_PATH, metavar="FILE", help="Put in the pure-Python packages that this file names, as for pip.")
@click.option(
    "--accept-unknown-license", "unknown_licences", is_flag=True, help="Put in models of which nobody says under which licence they stand."
)
@click.option("--engine", type=_PATH, help="The AppImage of tea to build on.")
@click.pass_obj
def command(
    console: Console,
    /,
    *,
    file: Path,
    models: tuple[str, ...],
    output: Path | None,
    overlays: tuple[Path, ...],
    actions_files: tuple[Path, ...],
    requirements: Path | None,
    engine: Path | None,
    unknown_licences: bool,
) -> int:
    """Put the workflow FILE, what it names, its model and tea into one file that runs it when it is started.

    \b
    tea bundle agent.yaml --model gemma-3-1b-it-Q8_0 -o my-agent.AppImage
    ./my-agent.AppImage --input '{"question": "Why?"}'
    ./my-agent.AppImage tea doctor

    A single --model answers every LLM node, as --gguf does for `tea run`; with several, nodes name theirs. The engine is the AppImage
    that tea runs from, the one of --engine, or one in the folder `engines` beside the models; nothing is compiled, packed or downloaded.
    """  # noqa: D301 - the backspace is click's mark for text that keeps its lines
    from the_edge_agent.bundle.packing import Request, pack
    from the_edge_agent.cli.console import printable
    from the_edge_agent.cli.meter import meter
    from the_edge_agent.cli.report import report_problems
    from the_edge_agent.cli.stopping import stoppable

    target = output or Path(f"{file.stem}.AppImage")
    request = Request(file, target, models, overlays, actions_files, engine, requirements, unknown_licences)
    with stoppable(), meter(console, f"writing {target.name}") as progress:
        manifest = pack(request, warn=lambda problems: report_problems(problems, console), progress=progress)
    for line in manifest.summary(target):
        console.line(printable(line))
    return 0
