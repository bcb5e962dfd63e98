"""What a workflow needs beside its own file, and whether an engine has it.

Subgraphs, overlays and Python files go into the image in the folders they have to each other, so that the paths between them stay right.
"""

from __future__ import annotations

import ast
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from the_edge_agent.errors import Problem, UsageError
from the_edge_agent.image.layout import MODULES, WORKFLOW
from the_edge_agent.image.writer import SmallFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from the_edge_agent.actions.survey import Survey
    from the_edge_agent.errors import Spot
    from the_edge_agent.image.squashfs import Squashfs
    from the_edge_agent.workflow.model import Workflow

_ENDINGS = (".py", ".so")


@dataclass(frozen=True, slots=True)
class Closure:
    """Every file that the workflow needs beside models. Names are paths below the folder of workflows inside; ``files``: name → where it lies."""

    workflow: str
    overlays: tuple[str, ...]
    actions_files: tuple[str, ...]
    files: Mapping[str, Path]

    def contents(self) -> list[SmallFile]:
        """The files, read.

        Raises:
            UsageError: one of them cannot be read.
        """
        return [SmallFile(f"{WORKFLOW}/{name}", _read(place)) for name, place in sorted(self.files.items())]


def gather(workflow: Workflow, path: Path, overlays: Sequence[Path] = (), actions_files: Sequence[Path] = ()) -> Closure:
    """What the workflow read from the relative ``path`` needs, in the folders that the files have to each other.

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
    wanted = [path, *overlays, *actions_files, *(inner for inner, _ in named)]
    places = {one: Path(os.path.abspath(one)) for one in wanted}  # noqa: PTH100 - resolve() would follow the links that paths between files go through
    base = Path(os.path.commonpath([place.parent for place in places.values()]))
    inside = {one: place.relative_to(base).as_posix() for one, place in places.items()}
    return Closure(
        inside[path],
        tuple(inside[one] for one in overlays),
        tuple(inside[one] for one in actions_files),
        {inside[one]: places[one] for one in wanted},
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise UsageError(f"cannot read {path}: {(problem.strerror or str(problem)).lower()}") from problem


def missing(survey: Survey, actions_files: Sequence[Path], engine: Squashfs, features: Sequence[str]) -> tuple[Problem, ...]:
    """What code in the workflow needs and the engine does not have: languages and Python packages."""
    problems = []
    here = _modules(engine)
    for found in survey.code:
        code, node = found.code, found.node.name
        if code.language not in features:
            message = f"node '{node}' is written in {code.language}, which the engine does not have (it has: {', '.join(features)})"
            problems.append(Problem("NOT_IN_ENGINE", message, code.spot, node, hint="name an engine that has it: --engine FILE.AppImage"))
        elif code.language == "python":
            problems += [_absent(name, code.spot, node) for name in _imported(code.text) if name not in here]
    for one in survey.imports:
        if one.package is not None and one.package.partition(".")[0] not in here:
            problems.append(_absent(one.package, one.spot, None))
        if one.path is not None:
            problems += [_absent(name, one.spot, None) for name in _imported(_text(one.path)) if name not in here]
    for file in actions_files:
        problems += [_absent(f"{name} (of {file})", None, None) for name in _imported(_text(file)) if name not in here]
    return tuple(dict.fromkeys(problems))


def _absent(name: str, spot: Spot | None, node: str | None) -> Problem:
    message = f"the Python package {name} is not in the engine"
    return Problem(
        "NOT_IN_ENGINE", message, spot, node, hint="do without it: an image holds the standard library and what tea itself needs"
    )


def _text(path: Path) -> str:
    return _read(path).decode("utf-8", "replace")


def _imported(code: str) -> Iterator[str]:
    """The top-level modules that ``code`` imports; an import that the code itself is prepared to see fail does not count."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return
    guarded = {
        inner for node in ast.walk(tree) if isinstance(node, ast.Try) and node.handlers for child in node.body for inner in ast.walk(child)
    }
    for node in ast.walk(tree):
        if node in guarded:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _modules(engine: Squashfs) -> frozenset[str]:
    """The modules an engine can import, by the names of its files; the standard library is this Python's."""
    folder = engine.find(MODULES)
    names = [entry.name.decode() for entry in engine.entries(folder)] if folder else []
    found = (name.partition(".")[0] for name in names if "." not in name or name.endswith(_ENDINGS))
    return frozenset(found) | sys.stdlib_module_names
