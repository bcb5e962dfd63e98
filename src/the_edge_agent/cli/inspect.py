"""``tea inspect``: what a workflow consists of, which models it asks and what code it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from the_edge_agent.errors import WorkflowInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from the_edge_agent.workflow.model import Node, Workflow

_PATH = click.Path(path_type=Path)
_ASKS = ("llm.", "reason.", "plan.", "agent.", "reflection.")
_MODEL_SETTINGS = ("provider", "backend", "model", "model_path", "api_base", "shell_provider")


@click.command(name="inspect")
@click.argument("file", type=_PATH)
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "dot", "mermaid"]), default="text", show_default=True)
@click.option("--overlay", "overlays", type=_PATH, multiple=True, help="Merge this YAML file onto the workflow. Repeatable.")
@click.option(
    "--actions-module", "actions_modules", multiple=True, metavar="MODULE", help="An importable module with custom actions. Repeatable."
)
@click.option("--actions-file", "actions_files", type=_PATH, multiple=True, help="A Python file with custom actions. Repeatable.")
def command(*, file: Path, form: str, **sources: Any) -> None:
    """Show what the workflow FILE consists of; nothing of it is run.

    json is the merged document, dot and mermaid draw the graph.
    """
    from the_edge_agent.agent import read

    workflow, problems = read(file, **sources)
    if workflow is None:
        raise WorkflowInvalid(problems)
    if form == "json":
        click.echo(json.dumps(dict(workflow.document), indent=2, ensure_ascii=False))
    elif form == "text":
        click.echo("\n".join(_page(workflow)))
    else:
        from the_edge_agent.cli import drawing

        click.echo(drawing.dot(workflow) if form == "dot" else drawing.mermaid(workflow))


def _page(workflow: Workflow) -> Iterator[str]:
    yield f"workflow: {workflow.name}"
    if workflow.description:
        yield f"  {workflow.description}"
    if workflow.initial_state:
        yield f"initial state: {json.dumps(dict(workflow.initial_state), ensure_ascii=False)}"
    yield from _graph(workflow)
    yield from _models(workflow)
    yield from _code(workflow)


def _graph(workflow: Workflow) -> Iterator[str]:
    from the_edge_agent.cli.drawing import arrows, kind_name

    yield ""
    yield "nodes:"
    for node in workflow.nodes.values():
        yield f"  {node.name}: {kind_name(node.kind)}{_treatment(node)}"
    yield ""
    yield "edges:"
    for arrow in arrows(workflow):
        yield f"  {arrow.source} -> {arrow.target}" + (f"  [{arrow.label}]" if arrow.label else "")


def _treatment(node: Node) -> str:
    parts = [f"interrupt {when}" for when in sorted(node.interrupt)]
    if node.timeout is not None:
        parts.append(f"at most {node.timeout:g} s")
    if node.on_error is not None:
        parts.append(
            f"on error {node.on_error.fallback or node.on_error.then}"
            + (f" after {node.on_error.retries} retries" if node.on_error.retries else "")
        )
    return f" ({', '.join(parts)})" if parts else ""


def _models(workflow: Workflow) -> Iterator[str]:
    asking = [(node, action) for node, action in workflow.actions() if action.name.startswith(_ASKS)]
    if not asking:
        return
    defaults = workflow.settings.get("llm")
    yield ""
    yield "models:"
    for node, action in asking:
        named = _named({**(defaults if isinstance(defaults, dict) else {}), **action.literals})
        yield f"  {node.name} ({action.name}): {named or 'the first local model found (tea doctor lists them)'}"


def _named(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {settings[key]}" for key in _MODEL_SETTINGS if settings.get(key))


def _code(workflow: Workflow) -> Iterator[str]:
    from the_edge_agent.workflow import model

    yield ""
    blocks = [(node, kind) for node, kind in model.walk(workflow) if isinstance(kind, model.Code)]
    if not blocks and not workflow.imports:
        yield "code: none"
        return
    yield "code:"
    for imported in workflow.imports:
        yield f"  imports {imported.path or imported.package}" + (f" as {imported.namespace}" if imported.namespace else "")
    for graph in workflow.graphs():
        if _is_open(graph):
            yield f"  Prolog blocks of {graph.name} run without a sandbox: they can use files, programs and the network"
    for node, code in blocks:
        yield f"  {node.name} ({code.language}" + (f", {code.spot}):" if code.spot else "):")
        yield from (f"    | {line}" for line in code.text.rstrip().splitlines())


def _is_open(workflow: Workflow) -> bool:
    """Whether ``workflow`` has Prolog blocks and opts out of their sandbox."""
    from the_edge_agent.workflow import model

    if (workflow.settings.get("prolog") or {}).get("sandbox", True):
        return False
    return any(isinstance(kind, model.Code) and kind.language == "prolog" for _, kind in model.walk(workflow))
