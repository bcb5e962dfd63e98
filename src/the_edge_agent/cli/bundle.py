"""``tea bundle``: a workflow, its model and the engine in one file; in the source tree also the images that are released."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from the_edge_agent.appimage.manifest import Manifest
    from the_edge_agent.cli.console import Console

_PATH = click.Path(path_type=Path)
_RELEASE_ONLY = ("variant", "arch", "runtime", "work", "level")


@click.command(name="bundle", short_help="Put a workflow, its model and tea into one file.")
@click.argument("file", type=_PATH, required=False)
@click.option("-m", "--model", "models", multiple=True, metavar="PATH|NAME", help="A model to put in. Repeatable.")
@click.option("-o", "--output", type=_PATH, help="The file to write.  [default: WORKFLOW.AppImage]")
@click.option(
    "-f", "--overlay", "overlays", type=_PATH, multiple=True, help="Merge this YAML file onto the workflow when it runs. Repeatable."
)
@click.option("--actions-file", "actions_files", type=_PATH, multiple=True, help="A Python file with custom actions. Repeatable.")
@click.option("--engine", type=_PATH, help="The AppImage of tea to build on.")
@click.option("--variant", metavar="NAME", help="Build this released image instead, in the source tree.")
@click.option("--arch", type=click.Choice(["x86_64", "aarch64"]), help="With --variant: the architecture.  [default: this machine's]")
@click.option("--runtime", type=_PATH, help="With --variant: the folder the runtime was built into.")
@click.option("--work", type=_PATH, help="With --variant: the folder to keep packages and engines in.")
@click.option("--level", type=click.IntRange(1, 22), help="With --variant: how hard the engine is compressed.")
@click.option("--update-lock", is_flag=True, help="Pin the newest packages an engine consists of, in the source tree.")
@click.pass_obj
def command(console: Console, /, *, file: Path | None, variant: str | None, update_lock: bool, **options: Any) -> int:
    """Put the workflow FILE, what it names, its model and tea into one file that runs it when it is started.

    \b
    tea bundle agent.yaml --model gemma-3-1b-it-Q8_0 -o my-agent.AppImage
    ./my-agent.AppImage --input '{"question": "Why?"}'
    ./my-agent.AppImage tea doctor

    A single --model answers every LLM node, as --gguf does for `tea run`; with several, nodes name theirs. The engine is the AppImage
    that tea runs from, the one of --engine, or one in the folder `engines` beside the models; nothing is compiled, packed or downloaded.
    """  # noqa: D301 - the backspace is click's mark for text that keeps its lines
    if sum((file is not None, variant is not None, update_lock)) != 1:
        raise click.UsageError("Name either a workflow, or --variant, or --update-lock.")
    if update_lock:
        return _update_lock(console, options["work"])
    if variant is not None:
        return _release(console, variant, options)
    given = [f"--{name}" for name in _RELEASE_ONLY if options.get(name) is not None]
    if given:
        raise click.UsageError(f"{', '.join(given)}: only with --variant.")
    from the_edge_agent.cli.packing import Request, pack

    assert file is not None  # noqa: S101 - one of the three is given, and it is not one of the others
    target = options["output"] or Path(f"{file.stem}.AppImage")
    request = Request(file, target, options["models"], options["overlays"], options["actions_files"], options["engine"])
    manifest = pack(request, console)
    _tell(console, target, manifest)
    return 0


def _release(console: Console, name: str, options: dict[str, Any]) -> int:
    import os

    from the_edge_agent.appimage import engine as engines
    from the_edge_agent.appimage import image, variants
    from the_edge_agent.appimage.verify import verify
    from the_edge_agent.models import embedded, find

    table = variants.table()
    if name not in table:
        raise UsageError(f"there is no variant {name}", hint=f"there are: {', '.join(table)}")
    wanted = table[name]
    architecture = options["arch"] or platform.machine()
    root = variants.source_tree()
    work = options["work"] or root / "build" / "appimage"
    if options["engine"]:
        engine = image.open_engine(options["engine"])
    else:
        runtime = options["runtime"] or root / "runtime" / "build"
        level = options["level"] or engines.LEVEL
        engine = variants.build_engine(llm=wanted.llm, architecture=architecture, runtime=runtime, work=work, level=level)
    target = options["output"] or Path(wanted.file_name(engine.manifest.architecture))
    given = {path.name: path for path in map(Path, options["models"]) if embedded.exists(path)}
    manifest = variants.write(wanted, engine, target, lambda file_name: given.get(file_name) or find.by_name(file_name, os.environ))
    problem = verify(target).damaged()
    if problem is not None:
        raise problem
    _tell(console, target, manifest)
    return 0


def _update_lock(console: Console, work: Path | None) -> int:
    import tomllib

    from the_edge_agent.appimage import payload, variants

    root = variants.source_tree()
    document = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project = document["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["llm-local"], *document["dependency-groups"]["image"]]
    recipe = payload.read_recipe(root / variants.RECIPE)
    for written in payload.update_lock(recipe, requirements, root / "requirements.lock", work or root / "build" / "appimage"):
        console.line(f"wrote {written}")
    return 0


def _tell(console: Console, target: Path, manifest: Manifest) -> None:
    from the_edge_agent.cli.console import printable

    size = target.stat().st_size
    console.line(printable(f"{target}: {size:,} bytes, {manifest.architecture}, tea {manifest.version} ({', '.join(manifest.features)})"))
    for part in manifest.models:
        console.line(printable(f"  {part.name}: {part.size:,} bytes at {part.offset:,}"))
    if manifest.workflow:
        console.line(printable(f"  starts {manifest.workflow}"))
