"""``tea inspect``: what a workflow consists of, which models it asks and what code it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from the_edge_agent.errors import WorkflowInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from the_edge_agent.actions.needs import Question
    from the_edge_agent.actions.survey import Survey, Use
    from the_edge_agent.workflow.model import Node, Workflow

_PATH = click.Path(path_type=Path)
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
    from the_edge_agent.agent import survey

    found, problems = survey(file, **sources)
    if found is None:
        raise WorkflowInvalid(problems)
    if form == "json":
        click.echo(json.dumps(dict(found.workflow.document), indent=2, ensure_ascii=False))
    elif form == "text":
        click.echo("\n".join(_page(found)))
    else:
        from the_edge_agent.cli import drawing

        click.echo(drawing.dot(found.workflow) if form == "dot" else drawing.mermaid(found.workflow))


def _page(survey: Survey) -> Iterator[str]:
    workflow = survey.workflow
    yield f"workflow: {workflow.name}"
    if workflow.description:
        yield f"  {workflow.description}"
    if workflow.initial_state:
        yield f"initial state: {json.dumps(dict(workflow.initial_state), ensure_ascii=False)}"
    yield from _graph(workflow)
    yield from _listed("models", (f"{_whose(use)}: {_named(use, question)}" for use in survey.uses for question in use.questions()))
    yield from _listed("files", (f"{_whose(use)}: {name} {path}" for use in survey.uses for name, path in use.files()))
    yield from _listed("network", (f"{_whose(use)}: {_address(use)}" for use in survey.uses if use.action and use.action.needs.network))
    yield from _code(survey)


def _listed(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A section with ``lines``, each once; nothing where there are none."""
    found = tuple(dict.fromkeys(lines))
    if found:
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in found)


def _whose(use: Use) -> str:
    callers = []
    caller = use.by
    while caller is not None:
        callers.append(f" by {caller.known}")
        caller = caller.by
    return f"{use.node.name} ({use.known}{''.join(callers)})"


def _address(use: Use) -> str:
    url = use.parameters.get("url")
    return url if isinstance(url, str) else "an address that is known when the node runs"


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


def _named(use: Use, question: Question) -> str:
    """What names the model, on the node or in the settings, whose keys for answers say nothing about embeddings."""
    llm = use.workflow.settings.get("llm")
    defaults = {key: llm.get(key) for key in _MODEL_SETTINGS} if isinstance(llm, dict) else {}
    own = {key: question.parameters.get(key) for key in _MODEL_SETTINGS}
    if question.embeds:
        model = llm.get("embedding_model") if isinstance(llm, dict) else None
        said = model or any(own.values())
        defaults = {**defaults, "model": model, "model_path": None} if said else {}
    values = {key: own[key] or defaults.get(key) for key in _MODEL_SETTINGS}
    named = ", ".join(f"{key} {value}" for key, value in values.items() if value)
    unnamed = "the built-in embedding model" if question.embeds else "the first local model found (tea doctor lists them)"
    return named or unnamed


def _code(survey: Survey) -> Iterator[str]:
    yield ""
    if not survey.code and not survey.imports:
        yield "code: none"
        return
    yield "code:"
    for imported in survey.imports:
        yield f"  imports {imported.path or imported.package}" + (f" as {imported.namespace}" if imported.namespace else "")
    for graph in survey.workflow.graphs():
        if _is_open(survey, graph):
            yield f"  Prolog blocks of {graph.name} run without a sandbox: they can use files, programs and the network"
    for found in survey.code:
        code, place = found.code, f", {found.code.spot}" if found.code.spot else ""
        holder = found.node.name if found.use is None else _whose(found.use)
        yield f"  {holder} ({code.language}{place}):"
        yield from (f"    | {line}" for line in code.text.rstrip().splitlines())


def _is_open(survey: Survey, workflow: Workflow) -> bool:
    """Whether ``workflow`` has Prolog blocks and opts out of their sandbox."""
    if (workflow.settings.get("prolog") or {}).get("sandbox", True):
        return False
    return any(found.workflow is workflow and found.code.language == "prolog" for found in survey.code)
