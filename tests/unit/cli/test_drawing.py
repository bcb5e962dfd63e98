from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from the_edge_agent.cli.drawing import Arrow, arrows, dot, mermaid
from the_edge_agent.workflow.model import END, START, Code, DynamicParallel, ErrorPolicy, Fan, Node, Nothing, Route, Rule, Steps, Workflow

if TYPE_CHECKING:
    from the_edge_agent.workflow.model import Context


@dataclass
class When:
    source: str

    def holds(self, context: Context) -> bool:
        return bool(context)


def workflow() -> Workflow:
    names = ("a", "b", "c", "c2", "join")
    nodes = {name: Node(name, Nothing()) for name in names}
    nodes["join"] = Node("join", Code("python", "return {}"), fan_in=True, on_error=ErrorPolicy(then="graceful", fallback="a"))
    routes = {
        START: Route((Rule("a"),)),
        "a": Route((Rule(END, When('state.x > 1 and state.s == "q"')),), Fan(("b", "c"), "join")),
        "b": Route(),
        "c": Route((Rule("c2"),)),
        "c2": Route(),
        "join": Route((Rule(END),)),
    }
    return Workflow("w", nodes, routes)


def test_every_way_on_is_an_arrow() -> None:
    assert arrows(workflow()) == (
        Arrow(START, "a"),
        Arrow("a", "b", "parallel", "parallel"),
        Arrow("a", "c", "parallel", "parallel"),
        Arrow("b", "join", "join", "join"),
        Arrow("c2", "join", "join", "join"),
        Arrow("a", END, 'state.x > 1 and state.s == "q"'),
        Arrow("c", "c2"),
        Arrow("join", END),
        Arrow("join", "a", "on error", "error"),
    )


def test_dot_quotes_what_conditions_contain() -> None:
    text = dot(workflow())
    assert text.startswith('digraph "w" {')
    assert '"a" -> "__end__" [label="state.x > 1 and state.s == \\"q\\""];' in text
    assert '"c2" -> "join" [label="join" style="dashed"];' in text
    assert '"join" [label="join\\npython code"];' in text


def test_mermaid_quotes_what_conditions_contain() -> None:
    lines = mermaid(workflow()).splitlines()
    assert lines[0] == "flowchart TD"
    assert '  n1 -->|"state.x #gt; 1 and state.s == #quot;q#quot;"| finish' in lines
    assert '  n1 ==>|"parallel"| n2' in lines
    assert '  n4 -.->|"join"| n5' in lines


@dataclass
class Items:
    def render(self, context: Context) -> list[str]:
        return list(context)


def test_a_dynamic_fan_out_joins_once() -> None:
    nodes = {"fan": Node("fan", DynamicParallel(Items(), Steps(()), "end")), "end": Node("end", Nothing(), fan_in=True)}
    routes = {START: Route((Rule("fan"),)), "fan": Route((Rule("end"),)), "end": Route((Rule(END),))}
    assert Arrow("fan", "end", "join", "join") in arrows(Workflow("w", nodes, routes))
    assert Arrow("fan", "end") not in arrows(Workflow("w", nodes, routes))
