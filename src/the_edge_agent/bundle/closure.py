"""The files that a workflow needs beside its own, in the folders that they have to each other, so that the paths between them stay right.

Subgraphs, overlays, Python files and modules beside them; the files that nodes read by a path that is written down; and what the
workflow's ``bundle: {include: […]}`` names. What a node would read and nobody can find is refused.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatch
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from the_edge_agent.actions.needs import templated
from the_edge_agent.errors import Problem, UsageError
from the_edge_agent.image.layout import WORKFLOW
from the_edge_agent.image.writer import SmallFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from the_edge_agent.actions.survey import Survey, Use
    from the_edge_agent.errors import Spot
    from the_edge_agent.workflow.model import Workflow


@dataclass(frozen=True, slots=True)
class Closure:
    """Every file that the workflow needs beside models. Names are paths below the folder of workflows inside; ``files``: name → where it lies.

    ``folders`` are those that the paths in nodes count from.
    """

    workflow: str
    overlays: tuple[str, ...]
    actions_files: tuple[str, ...]
    folders: tuple[str, ...]
    files: Mapping[str, Path]

    def contents(self) -> list[SmallFile]:
        """The files, read.

        Raises:
            UsageError: one of them cannot be read.
        """
        return [SmallFile(f"{WORKFLOW}/{name}", read(place)) for name, place in sorted(self.files.items())]


@dataclass(frozen=True, slots=True)
class Data:
    """The files that nodes read, the ``folders`` that their paths count from, and what is wrong with the others."""

    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    problems: tuple[Problem, ...]


def gather(
    workflow: Workflow,
    path: Path,
    overlays: Sequence[Path] = (),
    actions_files: Sequence[Path] = (),
    *,
    modules: Iterable[Path] = (),
    data: Data | None = None,
) -> Closure:
    """What the workflow read from the relative ``path`` needs; ``modules`` and ``data`` are found by others.

    Raises:
        UsageError: a file is named by an absolute path, which means nothing on another machine.
    """
    named: list[tuple[Path, Spot | None]] = [(graph.path, None) for graph in workflow.graphs() if graph.path is not None]
    named += [(one.path, one.spot) for graph in workflow.graphs() for one in graph.imports if one.path is not None]
    for inner, spot in named:
        if inner.is_absolute():
            raise UsageError(
                f"the workflow names {inner} by an absolute path, which means nothing on another machine",
                hint="name it relative to the file that names it",
                spot=spot,
            )
    folders = data.folders if data else ()
    wanted = [path, *overlays, *actions_files, *(inner for inner, _ in named), *modules, *(data.files if data else ())]
    places = {one: _absolute(one) for one in wanted}
    base = Path(os.path.commonpath([*(place.parent for place in places.values()), *folders]))
    inside = {one: place.relative_to(base).as_posix() for one, place in places.items()}
    return Closure(
        inside[path],
        tuple(inside[one] for one in overlays),
        tuple(inside[one] for one in actions_files),
        tuple(folder.relative_to(base).as_posix() for folder in folders),
        {inside[one]: places[one] for one in wanted},
    )


def data(survey: Survey, path: Path) -> Data:
    """The files that the nodes of the workflow at ``path`` read, and those that it names under ``bundle``.

    A relative path counts from the working directory, and where that has no such file from the workflow's folder.
    """
    home = _absolute(path).parent
    places = tuple(dict.fromkeys((Path.cwd(), home)))
    written = {os.path.normpath(name) for use in survey.uses if _access(use) == "writes" for _, name in use.files()}
    files: list[Path] = []
    folders: list[Path] = []
    problems: list[Problem] = []
    for graph in survey.workflow.graphs():
        own = home if graph is survey.workflow or graph.path is None else _absolute(graph.path).parent
        for pattern in _patterns(graph, "include"):
            found = _matching(own, pattern)
            files += found
            folders += [own] if found else []
            if not found:
                problems.append(_problem(f"bundle.include names {pattern}, and there is no such file", None, "correct the pattern"))
    excluded = [pattern for graph in survey.workflow.graphs() for pattern in _patterns(graph, "exclude")]
    for use in survey.uses:
        for key, name in use.files() if _access(use) != "writes" else ():
            if templated(name) or os.path.normpath(name) in written or any(fnmatch(name, pattern) for pattern in excluded):
                continue
            place = None if name.startswith(("/", "~")) else next((place for place in places if (place / name).exists()), None)
            if place is not None and os.path.normpath(name) != ".":
                folders.append(place)
                files += [_absolute(place / name)] if (place / name).is_file() else _matching(place / name, "**")
            elif _access(use) == "reads":
                problems.append(_unreadable(use, key, name))
    return Data(tuple(dict.fromkeys(files)), tuple(dict.fromkeys(folders)), tuple(problems))


def _unreadable(use: Use, key: str, name: str) -> Problem:
    hint = f"put it there, or say that whoever runs the agent brings it: bundle: {{exclude: [{name}]}}"
    if name.startswith(("/", "~")):
        message = f"node '{use.node.name}' reads {name}, a path that means nothing on another machine"
    elif os.path.normpath(name) == ".":
        message = f"node '{use.node.name}' reads the whole working directory"
        hint = "name a folder in it, or say that whoever runs the agent brings it: bundle: {exclude: ['.']}"
    else:
        message = f"node '{use.node.name}' reads {name}, which is not there"
    return Problem("NOT_IN_IMAGE", message, use.place((key,)), use.node.name, hint=hint)


def _problem(message: str, spot: Spot | None, hint: str) -> Problem:
    return Problem("NOT_IN_IMAGE", message, spot, hint=hint)


def _access(use: Use) -> str:
    return use.action.needs.access if use.action else "asks"


def _patterns(graph: Workflow, key: str) -> Iterator[str]:
    bundle = graph.document.get("bundle")
    named = bundle.get(key) if isinstance(bundle, dict) else None
    yield from (str(pattern) for pattern in named or ())


def _matching(folder: Path, pattern: str) -> list[Path]:
    """The files below ``folder`` that ``pattern`` fits, hidden ones and byte code left out."""
    # pathlib leaves the files out of data/** before Python 3.13, and takes hidden ones.
    found = (folder / name for name in sorted(glob(pattern, root_dir=folder, recursive=True)))  # noqa: PTH207 - see above
    return [_absolute(path) for path in found if path.is_file() and "__pycache__" not in path.parts]


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow the links that paths between files go through


def read(path: Path) -> bytes:
    """The content of a file that goes in; raises :class:`UsageError` when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as problem:
        raise UsageError(f"cannot read {path}: {(problem.strerror or str(problem)).lower()}") from problem
