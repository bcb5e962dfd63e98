"""A workflow's graph as arrows, and the arrows as DOT or Mermaid text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from the_edge_agent.workflow import model
from the_edge_agent.workflow.model import END, START

if TYPE_CHECKING:
    from collections.abc import Iterator

    from the_edge_agent.workflow.model import Fan, Kind, Node, Workflow

Style = Literal["plain", "parallel", "join", "error"]


@dataclass(frozen=True, slots=True)
class Arrow:
    """One way on; ``label`` is the condition, or what kind of way it is."""

    source: str
    target: str
    label: str = ""
    style: Style = "plain"


def arrows(workflow: Workflow) -> tuple[Arrow, ...]:
    """Every way the flow can take, in file order: rules, branches, joins, and the fallbacks of ``on_error``."""
    found: dict[Arrow, None] = {}
    for source in (START, *workflow.nodes):
        for arrow in _from(workflow, source):
            found.setdefault(arrow)
    return tuple(found)


def _from(workflow: Workflow, source: str) -> Iterator[Arrow]:
    route, node = workflow.routes.get(source), workflow.nodes.get(source)
    special = tuple(_of_node(node)) if node is not None else ()
    if route is not None:
        if route.fan is not None:
            for branch in route.fan.branches:
                yield Arrow(source, branch, "parallel", "parallel")
            for tail in _tails(workflow, route.fan):
                yield Arrow(tail, route.fan.join, "join", "join")
        joins = {arrow.target for arrow in special if arrow.style == "join"}
        for rule in route.rules:
            if rule.target not in joins:
                yield Arrow(source, rule.target, rule.condition.source if rule.condition else "")
    yield from special


def _of_node(node: Node) -> Iterator[Arrow]:
    if isinstance(node.kind, model.DynamicParallel | model.Matrix | model.ParallelEach) and node.kind.fan_in:
        yield Arrow(node.name, node.kind.fan_in, "join", "join")
    if node.on_error is not None and node.on_error.fallback:
        yield Arrow(node.name, node.on_error.fallback, "on error", "error")


def _tails(workflow: Workflow, fan: Fan) -> Iterator[str]:
    """The last nodes of each branch: those from which no rule of their own leads on."""
    seen: set[str] = {fan.join, END}
    waiting = [branch for branch in reversed(fan.branches) if branch not in seen]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        route = workflow.routes.get(name)
        if route is None or (not route.rules and route.fan is None):
            yield name
        else:
            onward = [rule.target for rule in route.rules] + ([route.fan.join] if route.fan else [])
            waiting += [target for target in reversed(onward) if target not in seen]


_DOT_STYLES = {"plain": "", "parallel": ' style="bold"', "join": ' style="dashed"', "error": ' style="dotted" color="red"'}
_MERMAID_LINES = {"plain": "-->", "parallel": "==>", "join": "-.->", "error": "-.->"}


def kind_name(kind: Kind) -> str:  # noqa: PLR0911 - one line a kind
    """What a node does, in a few words."""
    match kind:
        case model.Nothing():
            return "does nothing"
        case model.Code():
            return f"{kind.language} code"
        case model.Action():
            return f"uses {kind.name}"
        case model.Steps():
            return f"{len(kind.nodes)} steps"
        case model.Subgraph():
            return f"subgraph {kind.workflow.name}"
        case model.WhileLoop():
            return f"loop while {kind.condition.source}, at most {kind.max_iterations} times"
        case model.DynamicParallel() | model.ParallelEach():
            return f"one branch an item: {kind_name(kind.body)}"
        case model.Matrix():
            return f"one branch a combination: {kind_name(kind.body)}"
    return "Python function"


def _caption(node: Node) -> str:
    return f"{node.name}\n{kind_name(node.kind)}"


def dot(workflow: Workflow) -> str:
    """The graph for Graphviz."""
    lines = [f"digraph {_dot_text(workflow.name)} {{", "  node [shape=box];"]
    lines += [f"  {_dot_text(end)} [shape=circle];" for end in (START, END)]
    lines += [f"  {_dot_text(node.name)} [label={_dot_text(_caption(node))}];" for node in workflow.nodes.values()]
    for arrow in arrows(workflow):
        label = f" label={_dot_text(arrow.label)}" if arrow.label else ""
        attributes = (label + _DOT_STYLES[arrow.style]).strip()
        lines.append(f"  {_dot_text(arrow.source)} -> {_dot_text(arrow.target)}" + (f" [{attributes}];" if attributes else ";"))
    return "\n".join([*lines, "}"])


def mermaid(workflow: Workflow) -> str:
    """The graph for Mermaid."""
    ids = {START: "start", END: "finish"} | {name: f"n{number}" for number, name in enumerate(workflow.nodes, 1)}
    lines = ["flowchart TD", '  start(["start"])', '  finish(["end"])']
    lines += [
        f'  {ids[node.name]}["{_mermaid_text(node.name)}<br/>{_mermaid_text(kind_name(node.kind))}"]' for node in workflow.nodes.values()
    ]
    for arrow in arrows(workflow):
        label = f'|"{_mermaid_text(arrow.label)}"|' if arrow.label else ""
        lines.append(f"  {ids[arrow.source]} {_MERMAID_LINES[arrow.style]}{label} {ids[arrow.target]}")
    return "\n".join(lines)


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _mermaid_text(text: str) -> str:
    """Mermaid reads ``#…;`` as a character and has no other escape."""
    special = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "\n": " ", "|": "#124;"}
    return "".join(special.get(character, character) for character in text)
