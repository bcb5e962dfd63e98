"""A workflow file (and its overlays) → an immutable :class:`Workflow` and everything wrong with it, at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from the_edge_agent import directories
from the_edge_agent.errors import Problem, Spot, UsageError
from the_edge_agent.workflow import check
from the_edge_agent.workflow.dialect import WORKFLOW
from the_edge_agent.workflow.model import Import, Limits, Node, Workflow
from the_edge_agent.workflow.nodes import NodeReader, first, from_mapping, number, text
from the_edge_agent.workflow.overlay import overlay
from the_edge_agent.workflow.routes import routes
from the_edge_agent.workflow.source import Map, Report, Scalar, Seq, Tree, compose, plain, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_REMOTE = ("s3://", "gs://", "az://", "http://", "https://", "github://", "gitlab://", "hf://")


def merged(path: Path, overlays: Sequence[Path], report: Report) -> Tree | None:
    """The tree of the file at ``path`` with ``overlays`` laid onto it, in order.

    Raises:
        UsageError: one of the files cannot be read.
    """
    tree: Tree | None = None
    for i, file in enumerate((path, *overlays)):
        layer = compose(read(file), report)
        if layer is None:
            return None
        tree = layer if i == 0 or tree is None else overlay(tree, layer)
    return tree


def parse(path: Path, overlays: Sequence[Path] = ()) -> tuple[Workflow | None, tuple[Problem, ...]]:
    """The workflow at ``path`` and everything wrong with it, in file order.

    A workflow with errors comes back as far as it could be read, so that more can be checked; it must not be
    run. ``None`` when there is nothing to look at.

    Raises:
        UsageError: a file cannot be read.
    """
    problems: list[Problem] = []
    found = _File(path, (path.resolve(),), problems.append).workflow(overlays)
    return found, in_order(problems)


def in_order(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """``problems`` in file order, each once; nodes without a way to them are only worth a word when the ways are right."""
    unique = dict.fromkeys(problems)
    if any(problem.severity == "error" for problem in unique):
        unique = {problem: None for problem in unique if problem.code != "UNREFERENCED_NODE"}
    return tuple(sorted(unique, key=_place))


def _place(problem: Problem) -> tuple[str, int, int]:
    spot = problem.spot
    return (spot.source.name, spot.line, spot.column) if spot else ("", 0, 0)


@dataclass(frozen=True, slots=True)
class _File:
    """One file being parsed; ``stack`` is the chain of subgraphs that led here."""

    path: Path
    stack: tuple[Path, ...]
    report: Report

    def workflow(self, overlays: Sequence[Path] = ()) -> Workflow | None:
        tree = merged(self.path, overlays, self.report)
        if tree is None:
            return None
        if not isinstance(tree, Map):
            what = "is empty" if isinstance(tree, Scalar) and tree.value is None else "is not a mapping"
            self.report(
                Problem(
                    "INVALID_ROOT",
                    f"a workflow is a YAML mapping with 'nodes', this file {what}",
                    tree.spot,
                    hint="start with 'name:' and 'nodes:'",
                )
            )
            return None
        WORKFLOW.check(tree, "", self.report)
        return self._workflow(tree)

    def _workflow(self, tree: Map) -> Workflow:
        variables = _mapping(tree, "variables")
        settings = tree.items.get("settings")
        settings_tree = settings if isinstance(settings, Map) else Map({}, tree.spot)
        nodes = self._nodes(tree, settings_tree, variables)
        gotos = self._gotos(tree)
        workflow = Workflow(
            name=text(tree, "name") or self.path.stem,
            nodes=nodes,
            routes=routes(tuple(nodes), gotos, tree.items.get("edges"), self.report),
            path=self.path,
            description=text(tree, "description") or "",
            initial_state=_mapping(tree, "initial_state"),
            variables=variables,
            data=_mapping(tree, "data"),
            settings=plain(settings_tree),
            config=_mapping(tree, "config"),
            imports=self._imports(tree.items.get("imports")),
            limits=_limits(settings_tree),
            document=plain(tree),
        )
        check.workflow(workflow, tree, self.report)
        return workflow

    def _nodes(self, tree: Map, settings: Map, variables: Mapping[str, Any]) -> dict[str, Node]:
        handling = settings.items.get("error_handling")
        policy = from_mapping(handling) if isinstance(handling, Map) else None
        reader = NodeReader(self.report, variables, policy, self._subgraph)
        nodes: dict[str, Node] = {}
        listed = tree.items.get("nodes")
        for item in listed.items if isinstance(listed, Seq) else ():
            name = text(item, "name") if isinstance(item, Map) else None
            if name is None or not isinstance(item, Map):
                continue
            if name in nodes:
                before = nodes[name].spot
                where = f", first at line {before.line}" if before else ""
                self.report(
                    Problem(
                        "DUPLICATE_NODE",
                        f"duplicate node name '{name}'{where}",
                        item.items["name"].spot,
                        node=name,
                        hint="rename one of the two",
                    )
                )
            elif name.startswith("__"):
                self.report(
                    Problem(
                        "RESERVED_NAME",
                        f"'{name}' is a reserved name",
                        item.items["name"].spot,
                        node=name,
                        hint="node names do not start with '__'",
                    )
                )
            else:
                nodes[name] = reader.read(item, name)
        return nodes

    def _gotos(self, tree: Map) -> dict[str, Tree]:
        listed = tree.items.get("nodes")
        maps = [item for item in listed.items if isinstance(item, Map)] if isinstance(listed, Seq) else []
        return {name: item.items["goto"] for item in maps if "goto" in item.items and (name := text(item, "name"))}

    def _imports(self, tree: Tree | None) -> tuple[Import, ...]:
        found = []
        for item in tree.items if isinstance(tree, Seq) else ():
            if isinstance(item, Map) and first(item, "path", "package") is not None:
                path = text(item, "path")
                where = (self.path.parent / path) if path else None
                found.append(Import(where, text(item, "package"), text(item, "namespace") or "", item.spot))
        return tuple(found)

    def _subgraph(self, name: str, spot: Spot, report: Report) -> Workflow | None:
        if name.startswith(_REMOTE):
            report(Problem("OUT_OF_SCOPE", f"remote subgraphs are not supported: {name}", spot, hint="download it and name the file"))
            return None
        if "{{" in name:
            report(Problem("BAD_TEMPLATE", "the path of a subgraph cannot be a template", spot, hint="write the path of the file"))
            return None
        path = self.path.parent / directories.expanded(name)
        if path.resolve() in self.stack:
            report(Problem("SUBGRAPH_CYCLE", f"the subgraph {name} contains itself", spot))
            return None
        try:
            return _File(path, (*self.stack, path.resolve()), self.report).workflow()
        except UsageError as error:
            report(Problem("SUBGRAPH_MISSING", error.message, spot, hint=error.hint))
            return None


def _mapping(tree: Map, key: str) -> dict[str, Any]:
    value = tree.items.get(key)
    return plain(value) if isinstance(value, Map) else {}


def _limits(settings: Map) -> Limits:
    parallel = settings.items.get("parallel")
    workers = number(parallel, "max_workers") if isinstance(parallel, Map) else None
    return Limits(visits=int(number(settings, "max_iterations") or 1000), workers=int(workers) if workers else None)
