"""``tea validate``: everything that is wrong with workflows, before they run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from the_edge_agent.cli.report import count, report_problems
from the_edge_agent.errors import WorkflowInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from the_edge_agent.cli.console import Console
    from the_edge_agent.errors import Problem
    from the_edge_agent.workflow.model import Workflow

_PATH = click.Path(path_type=Path)


@click.command(name="validate")
@click.argument("files", nargs=-1, required=True, type=_PATH)
@click.option("--strict", is_flag=True, help="Look closer, and let warnings fail too.")
@click.option("--detailed", is_flag=True, help="List nodes and edges.")
@click.option("-f", "--overlay", "overlays", type=_PATH, multiple=True, help="Merge this YAML file onto each workflow. Repeatable.")
@click.option(
    "--actions-module", "actions_modules", multiple=True, metavar="MODULE", help="An importable module with custom actions. Repeatable."
)
@click.option("--actions-file", "actions_files", type=_PATH, multiple=True, help="A Python file with custom actions. Repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_obj
def command(console: Console, /, *, files: tuple[Path, ...], strict: bool, detailed: bool, as_json: bool, **sources: Any) -> int:
    """Check the workflow FILES without running them.

    Problems go to standard error; exit code 3 when there is one.
    """
    from the_edge_agent.agent import read

    checks = []
    for path in files:
        check = Check(path, *read(path, **sources), strict=strict)
        checks.append(check)
        if not as_json:
            # At once: a later file that cannot be read must not take this one's findings with it.
            check.tell(console, detailed=detailed)
    if as_json:
        click.echo(json.dumps([check.finding() for check in checks], indent=2, ensure_ascii=False))
    return 0 if all(check.ok for check in checks) else WorkflowInvalid.exit_code


@dataclass(frozen=True, slots=True)
class Check:
    """What the check of one file found."""

    path: Path
    workflow: Workflow | None
    problems: tuple[Problem, ...]
    strict: bool

    @property
    def ok(self) -> bool:
        """No errors, and with ``strict`` no warnings either."""
        return self.workflow is not None and not any(self.strict or problem.severity == "error" for problem in self.problems)

    def tell(self, console: Console, *, detailed: bool) -> None:
        """Print the verdict: problems and ``FAIL`` on standard error, ``OK`` on standard output."""
        report_problems(self.problems, console)
        if self.workflow is None or not self.ok:
            console.line(f"FAIL: {self.path} ({count(self.problems)})")
            return
        if detailed:
            click.echo("\n".join(_details(self.workflow)))
        nodes, edges = len(self.workflow.nodes), len(_edges(self.workflow))
        click.echo(f"OK: {self.path} ({nodes} nodes, {edges} edges) [structural checks only — run blocks not executed]")

    def finding(self) -> dict[str, Any]:
        """The same for machines."""
        found: dict[str, Any] = {"file": str(self.path), "ok": self.ok}
        if self.workflow is not None:
            found |= {"name": self.workflow.name, "nodes": len(self.workflow.nodes), "edges": len(_edges(self.workflow))}
        return {**found, "problems": [_plain(problem) for problem in self.problems]}


def _details(workflow: Workflow) -> list[str]:
    lines = [f"Workflow: {workflow.name}"]
    if workflow.description:
        lines.append(f"Description: {workflow.description}")
    edges = _edges(workflow)
    lines += ["", f"Nodes: {len(workflow.nodes)}", *(f"  - {node}" for node in _nodes(workflow))]
    return [*lines, "", f"Edges: {len(edges)}", *(f"  - {edge}" for edge in edges), ""]


def _nodes(workflow: Workflow) -> list[str]:
    """Each node's name, and what it uses or which type it has where that is written down."""
    written = {node.get("name"): node for node in workflow.document.get("nodes", ()) if isinstance(node, dict)}
    lines = []
    for name in workflow.nodes:
        node = written.get(name, {})
        key = next((key for key in ("uses", "action", "type") if isinstance(node.get(key), str)), None)
        lines.append(f"{name} ({key}: {node[key]})" if key else name)
    return lines


def _edges(workflow: Workflow) -> list[str]:
    """The entries under ``edges`` as written; ways on that follow from the order of nodes or from ``goto`` are none."""
    entries = workflow.document.get("edges") or ()
    return [_edge(entry) for entry in entries if isinstance(entry, dict)]


def _edge(entry: Mapping[str, Any]) -> str:
    target = entry.get("to") or entry.get("targets") or entry.get("parallel")
    if isinstance(target, dict):
        target = list(target.values())
    shown = ", ".join(str(each) for each in target) if isinstance(target, list) else str(target)
    return f"{entry.get('from', '__start__')} -> {shown}"


def _plain(problem: Problem) -> dict[str, Any]:
    found: dict[str, Any] = {"severity": problem.severity, "code": problem.code, "message": problem.message}
    if problem.spot is not None:
        found |= {"file": problem.spot.source.name, "line": problem.spot.line, "column": problem.spot.column}
    return {**found, **({"node": problem.node} if problem.node else {}), **({"hint": problem.hint} if problem.hint else {})}
