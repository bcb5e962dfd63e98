"""A graph built in code: the same workflow a file gives, with Python functions as nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from the_edge_agent.errors import Problem, WorkflowInvalid
from the_edge_agent.workflow.model import END, START, Fan, Function, Limits, Node, Route, Rule, Workflow

Step = Callable[[dict[str, Any]], Mapping[str, Any] | None]


class StateGraph:
    """Collects nodes and edges; :meth:`workflow` gives the finished graph.

    A node function takes the state and returns the updates (or ``None``). Nodes follow the edges; a node
    without any leads to ``END``::

        graph = StateGraph("count")
        graph.add_node("add", lambda state: {"n": state["n"] + 1})
        graph.add_edge(START, "add")
        graph.add_choice("add", lambda state: "add" if state["n"] < 3 else END)
        final = Agent(graph.workflow()).invoke({"n": 0})
    """

    def __init__(self, name: str = "graph") -> None:
        self._name = name
        self._nodes: dict[str, Node] = {}
        self._rules: dict[str, list[Rule]] = {}
        self._fans: dict[str, Fan] = {}
        self._choices: dict[str, Callable[[dict[str, Any]], str]] = {}

    def add_node(self, name: str, step: Step, *, timeout: float | None = None, collect: bool = False) -> None:
        """Add a node. ``timeout`` is in seconds; ``collect`` lets a fan-in see failed branches."""
        if name in self._nodes or name in (START, END):
            raise WorkflowInvalid((Problem("DUPLICATE_NODE", f"duplicate node name '{name}'"),))
        self._nodes[name] = Node(name, Function(step), timeout=timeout, collect=collect)

    def add_edge(self, source: str, target: str) -> None:
        """``target`` follows ``source``."""
        self._rules.setdefault(source, []).append(Rule(target))

    def add_choice(self, source: str, choose: Callable[[dict[str, Any]], str]) -> None:
        """After ``source``, ``choose(state)`` names the next node; takes the place of its edges."""
        self._choices[source] = choose

    def add_branches(self, source: str, branches: Sequence[str], *, join: str) -> None:
        """After ``source``, ``branches`` run side by side on copies of the state and meet at ``join``."""
        self._fans[source] = Fan(tuple(branches), join)

    def workflow(self, *, max_visits: int = 1000, workers: int | None = None) -> Workflow:
        """The graph as a workflow.

        Raises:
            WorkflowInvalid: an edge names a node that does not exist, or nothing leaves ``START``.
        """
        routes = {name: self._route(name) for name in (START, *self._nodes)}
        problems = [
            Problem("EDGE_TO_UNDEFINED", f"there is no node '{name}'", node=source)
            for source, route in routes.items()
            for name in _targets(route)
            if name not in self._nodes and name != END
        ]
        problems += [
            Problem("PARALLEL_FAN_IN_UNDEFINED", "branches meet at a node, not at END", node=source, hint="add a node for their results")
            for source, fan in self._fans.items()
            if fan.join == END
        ]
        problems += [Problem("EDGE_FROM_UNDEFINED", f"there is no node '{name}'") for name in self._sources() if name not in routes]
        if not _targets(routes[START]) and START not in self._choices:
            problems.append(Problem("MISSING_FIELD", "nothing leaves START", hint="graph.add_edge(START, 'first node')"))
        if problems:
            raise WorkflowInvalid(tuple(problems))
        return Workflow(name=self._name, nodes=dict(self._nodes), routes=routes, limits=Limits(max_visits, workers))

    def _sources(self) -> set[str]:
        return {*self._rules, *self._fans, *self._choices}

    def _route(self, name: str) -> Route:
        choose, fan = self._choices.get(name), self._fans.get(name)
        rules = tuple(self._rules.get(name, ()))
        if not rules and fan is None and name != START:
            rules = (Rule(END),)
        return Route(rules, fan, (lambda context: choose(context["state"])) if choose else None)


def _targets(route: Route) -> list[str]:
    fan = route.fan
    return [*(rule.target for rule in route.rules), *(fan.branches if fan else ()), *([fan.join] if fan else [])]
