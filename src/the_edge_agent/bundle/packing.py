"""A workflow and what it needs → one file: which engine, which models, and whether everything is there."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from the_edge_agent import __version__, directories
from the_edge_agent.actions.interface import interface
from the_edge_agent.actions.preflight import choices
from the_edge_agent.agent import survey
from the_edge_agent.bundle import closure, code, desktop
from the_edge_agent.bundle.start import Start
from the_edge_agent.errors import ModelUnavailable, Refused, UsageError, WorkflowInvalid
from the_edge_agent.image.engine import open_engine, reading
from the_edge_agent.image.layout import BUNDLE, WORKFLOW
from the_edge_agent.image.squashfs import Squashfs
from the_edge_agent.image.verify import verify
from the_edge_agent.image.writer import Model, SmallFile, open_model, untold, write_bundle
from the_edge_agent.llm.options import LlmOptions
from the_edge_agent.models import INSIDE, SUFFIX, builtin, catalogue, embedded, find, header
from the_edge_agent.writing import destroyed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from the_edge_agent.actions.survey import Survey
    from the_edge_agent.bundle.closure import Closure
    from the_edge_agent.errors import Problem
    from the_edge_agent.image.engine import Engine
    from the_edge_agent.image.manifest import Manifest
    from the_edge_agent.image.writer import Progress
    from the_edge_agent.models.header import Header


@dataclass(frozen=True, slots=True)
class Request:
    """What ``tea bundle FILE`` was asked for; see there."""

    file: Path
    target: Path
    models: tuple[str, ...]
    overlays: tuple[Path, ...]
    actions_files: tuple[Path, ...]
    engine: Path | None
    requirements: Path | None = None
    unknown_licences: bool = False


def pack(request: Request, *, warn: Callable[[Sequence[Problem]], None], progress: Progress = untold) -> Manifest:
    """Write the image that ``request`` asks for and read it back; ``warn`` is told what the workflow's warnings are, before that.

    ``progress`` is told how many bytes of how many are written.

    Raises:
        WorkflowInvalid: the workflow has errors, or needs what the engine does not have.
        ModelUnavailable: a model is missing, or no intact GGUF; the image would not work without a network or another file.
        Refused: nobody knows under which licence a model stands.
        UsageError: a file cannot be read, there is no engine, the image cannot be written, or it would take the place of what goes into it.
    """
    # Relative, so that an absolute path further in was written there.
    path = Path(os.path.relpath(request.file))
    found, problems = survey(path, overlays=request.overlays, actions_files=request.actions_files)
    if found is None:
        raise WorkflowInvalid(problems)
    warn(problems)
    engine = find_engine(request.engine)
    models, gguf = _models(request, found, engine)
    if not request.unknown_licences:
        _check_licences(models)
    files = _files(request, path, found, engine, gguf)
    _keep_inputs(request.target, [*files.sources, engine.path, *(model.region.file for model in models)])
    manifest = write_bundle(
        request.target,
        engine,
        name=found.workflow.name,
        models=models,
        files=files.files,
        without=files.without,
        workflow=files.workflow,
        progress=progress,
    )
    # The bytes were compared while they were written; what is left is whether they are what an image has to be.
    problem = verify(request.target, bytes_too=False).damaged()
    if problem is not None:
        request.target.unlink()
        raise problem
    return manifest


@dataclass(frozen=True, slots=True)
class _Files:
    """What goes in beside models: ``files`` by their paths inside, read from ``sources``; the engine's at ``without`` go; ``workflow`` is run."""

    files: list[SmallFile]
    sources: list[Path]
    without: tuple[str, ...]
    workflow: str


def _files(request: Request, path: Path, survey: Survey, engine: Engine, gguf: str | None) -> _Files:
    """Everything that the workflow needs; raises :class:`WorkflowInvalid` with all that is not to be had."""
    with reading(engine.path) as file, TemporaryDirectory() as folder:
        base = Squashfs(file, engine.start, engine.start + engine.size, superblock=engine.superblock)
        wheels = Path(folder) if request.requirements else None
        if request.requirements:
            code.install(request.requirements, code.python_version(base), Path(folder))
        python = code.imports(survey, request.actions_files, base, wheels)
        data = closure.data(survey, path)
        absent = (*code.unknown_languages(survey, engine.manifest.features), *python.problems, *data.problems)
        if absent:
            raise WorkflowInvalid(tuple(dict.fromkeys(absent)), hint="the image would not run where only its own files are")
        gathered = closure.gather(survey.workflow, path, request.overlays, request.actions_files, modules=sorted(python.beside), data=data)
        packages = [SmallFile(name, closure.read(place)) for name, place in code.contents(python).items()]
        shown = desktop.appearance(survey.workflow, base)
    start = SmallFile(BUNDLE, _start(survey, gathered, gguf).encoded())
    return _Files(
        sorted([start, *gathered.contents(), *packages, *shown.files], key=lambda file: file.path),
        [*gathered.files.values(), *([request.requirements] if request.requirements else ())],
        shown.replaced,
        f"{WORKFLOW}/{gathered.workflow}",
    )


def _check_licences(models: Sequence[Model]) -> None:
    """Raise :class:`Refused` for a model of which nobody says under which licence it stands: an image is made to be passed on."""
    for model in models:
        if catalogue.known(model.name) is None and not header.read_region(Path(model.name), model.region).text("general.license"):
            raise Refused(
                f"nobody says under which licence the model {model.name} stands, and an image is made to be passed on",
                hint="if you may pass it on: --accept-unknown-license",
            )


def _keep_inputs(target: Path, inputs: Sequence[Path]) -> None:
    lost = destroyed(target, inputs)
    if lost is not None:
        raise UsageError(f"-o {target} is {lost}, which goes into the image and would be lost", hint="name another file with -o")


def _start(survey: Survey, gathered: Closure, gguf: str | None) -> Start:
    workflow, known = survey.workflow, interface(survey)
    version = workflow.document.get("version")
    return Start(
        name=workflow.name,
        description=workflow.description,
        version="" if version is None else str(version),
        workflow=gathered.workflow,
        overlays=gathered.overlays,
        actions_files=gathered.actions_files,
        folders=gathered.folders,
        gguf=gguf,
        inputs=known.inputs,
        outputs=known.outputs,
    )


def find_engine(named: Path | None) -> Engine:
    """The engine to build on: the one that was named, else the image this program runs from, else one that is kept in the folder ``engines`` beside the models.

    Raises:
        UsageError: there is none.
        ImageDamaged: the file is no image of tea.
    """
    if named is not None:
        return open_engine(named)
    own = embedded.image()
    if own is not None:
        return open_engine(own)
    folder = directories.data() / "engines"
    for name in ("tea-python-llm", "tea-python"):
        kept = folder / f"{name}-{__version__}-{platform.machine()}.AppImage"
        if kept.is_file():
            return open_engine(kept)
    raise UsageError(
        "there is no engine to build on",
        hint=f"name an AppImage of tea: --engine FILE.AppImage, or keep it as {folder / f'tea-python-llm-{__version__}-{platform.machine()}.AppImage'}",
    )


def _models(request: Request, survey: Survey, engine: Engine) -> tuple[list[Model], str | None]:
    """The models to put in, and the one that answers every node, if there is one such.

    Everything that the workflow would ask is decided as it will be inside the image: with its models and no others.
    """
    available = {}
    for part in engine.manifest.models:
        name = part.name.rpartition("/")[2]
        available[name] = Model(name, embedded.Region(engine.path, part.offset, part.size))
    chosen = [_named(name, available) for name in request.models]
    if len({one.name for one in chosen}) != len(chosen):
        raise UsageError("two models have the same file name", hint="rename one of them")
    gguf = chosen[0].name if len(chosen) == 1 else None
    for path in (builtin.path(), builtin.embedding_path()):
        if path.name not in available and embedded.exists(path):
            available[path.name] = open_model(path)
    available |= {one.name: one for one in chosen}
    used = _used(survey, _Planned(request.target.absolute(), available), gguf)
    if (chosen or used) and "llm-local" not in engine.manifest.features:
        raise UsageError(
            f"the engine {engine.path} cannot run models", hint="name one that can: --engine tea-python-llm-VERSION-ARCH.AppImage"
        )
    names = [one.name for one in chosen]
    return [available[name] for name in [*names, *sorted(used - set(names))]], gguf


def _named(name: str, available: dict[str, Model]) -> Model:
    """The model that ``--model`` names: a file, one in the engine's image, or one that is installed, by whatever name."""
    path = directories.expanded(name)
    if find.HERE.exists(path):
        return open_model(path)
    entry = catalogue.named(name)
    for file_name in (name if name.lower().endswith(SUFFIX) else name + SUFFIX, entry.file_name if entry else None):
        if file_name in available:
            return available[file_name]
    found = find.by_any_name(name, "--model names it", os.environ)
    if found is None:
        hint = find.pull_hint(name) or "name a GGUF file, or one that `tea models list` shows"
        raise ModelUnavailable(f"--model: there is no model {name}", hint=hint)
    return replace(open_model(found.path), name=found.name)


class _Planned:
    """The files a workflow asks for where the image is seen at ``root``: its ``models``; what is this machine's will not be in it."""

    def __init__(self, root: Path, models: Mapping[str, Model]) -> None:
        self.root = root
        self.folder = root / INSIDE
        self._models = models

    def exists(self, path: Path) -> bool:
        return self._inside(path) is not None or find.HERE.exists(path)

    def names(self, folder: Path) -> Collection[str]:
        return self._models.keys() if folder == self.folder else find.HERE.names(folder)

    def header(self, path: Path) -> Header:
        model = self._inside(path)
        return header.read_region(path, model.region) if model else find.HERE.header(path)

    def holds(self, path: Path) -> bool:
        """Whether the image will have the model at ``path``, of either kind."""
        model = self._models.get(path.name)
        return model is not None and (self._inside(path) is model or model.region == (embedded.region(path) or embedded.whole(path)))

    def _inside(self, path: Path) -> Model | None:
        return self._models.get(path.name) if os.path.normpath(path.parent) == os.path.normpath(self.folder) else None


def _used(survey: Survey, files: _Planned, gguf: str | None) -> set[str]:
    """The names of the models that the workflow's nodes will ask inside the image.

    Raises:
        ModelUnavailable: a node would ask a model that is not in it.
    """
    environ = {name: value for name, value in os.environ.items() if name != find.VARIABLE} | {embedded.ROOT: str(files.root)}
    options = LlmOptions(gguf=files.folder / gguf if gguf else None)
    used = set()
    for use, _, choice in choices(survey, options, environ, files):
        if choice.path is None:
            continue
        if not files.holds(choice.path):
            raise ModelUnavailable(
                f"the workflow asks the model {choice.path}, which will not be in the image",
                hint=f"put it in and let every node use it: --model {choice.path}",
                node=use.node.name,
                spot=use.spot,
            )
        used.add(choice.path.name)
    return used
