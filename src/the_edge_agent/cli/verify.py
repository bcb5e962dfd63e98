"""``tea verify``: whether an image is what it was when it was built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from the_edge_agent.cli.console import Console
    from the_edge_agent.image.verify import Verdict


@click.command(name="verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_obj
def command(console: Console, /, *, file: Path, as_json: bool) -> int:
    """Read the image FILE and check every byte of it against the digests it holds, and its parts against what they have to be.

    Exit code 8 when it is damaged. Nothing of it is run. That the digests are those its builder meant is not checked: whoever can
    change the file can change them too. Compare with a published SHA-256 where that matters.
    """
    from the_edge_agent.cli.meter import meter
    from the_edge_agent.image.verify import verify

    with meter(console, f"reading {file.name}") as progress:
        verdict = verify(file, progress=progress)
    problem = verdict.damaged()
    if as_json:
        click.echo(json.dumps(_finding(verdict), indent=2, ensure_ascii=False))
    elif problem is None:
        click.echo("\n".join(_lines(verdict)))
    if problem is None:
        return 0
    if as_json:
        return problem.exit_code
    raise problem


def _finding(verdict: Verdict) -> dict[str, object]:
    manifest = verdict.manifest
    parts = [{"name": part.name, "offset": part.offset, "size": part.size, "sha256": part.sha256} for part in manifest.parts]
    about = {"name": manifest.name, "version": manifest.version, "architecture": manifest.architecture, "features": list(manifest.features)}
    return {
        "file": str(verdict.path),
        "ok": not verdict.problems,
        **about,
        "workflow": manifest.workflow,
        "parts": parts,
        "problems": verdict.problems,
    }


def _lines(verdict: Verdict) -> list[str]:
    manifest = verdict.manifest
    width = max(len(part.name) for part in manifest.parts)
    lines = [
        f"OK: {verdict.path} ({manifest.name}, tea {manifest.version}, {manifest.architecture}, {verdict.elves} programs and libraries)"
    ]
    return [*lines, *(f"  {part.name:<{width}}  {part.size:>14,}  {part.sha256}" for part in manifest.parts)]
