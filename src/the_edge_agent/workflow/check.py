"""The whole graph: names that must exist, nodes nothing leads to, branches that run into each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from the_edge_agent.errors import Problem, Spot
from the_edge_agent.workflow.model import END, START, DynamicParallel, Matrix, Node, ParallelEach, Route, Subgraph, Workflow, walk
from the_edge_agent.workflow.nodes import spot_finder
from the_edge_agent.workflow.routes import undefined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from the_edge_agent.workflow.source import Map, Report


def workflow(found: Workflow, tree: Map, report: Report) -> None:
    """Report what is wrong with ``found`` as a graph; ``tree`` is the file it was read from."""
    known = frozenset(found.nodes)
    for node in found.nodes.values():
        _targets(node, known, report)
    _interrupts(found, tree, known, report)
    for start, route in found.routes.items():
        if route.fan is not None:
            _branches(found, start, route, report)
    _collecting(found, report)
    _reachable(found, report)
    if found.settings.get("allow_cycles") is False:
        _acyclic(found, report)


def successors(found: Workflow, name: str) -> Iterator[str]:
    """The nodes that may come directly after ``name``."""
    route = found.routes.get(name, Route())
    yield from (rule.target for rule in route.rules)
    if route.fan is not None:
        yield from route.fan.branches
        yield route.fan.join
    node = found.nodes.get(name)
    if node is not None and node.on_error is not None and node.on_error.fallback:
        yield node.on_error.fallback


def _targets(node: Node, known: frozenset[str], report: Report) -> None:
    kind = node.kind
    if isinstance(kind, DynamicParallel | Matrix | ParallelEach) and kind.fan_in and kind.fan_in not in known:
        code = "DYN_PARALLEL_FAN_IN_UNDEFINED" if isinstance(kind, DynamicParallel) else "PARALLEL_FAN_IN_UNDEFINED"
        report(undefined(code, kind.fan_in, known, node.spot, node.name))
    if isinstance(kind, DynamicParallel) and isinstance(kind.body, Subgraph):
        _unpausable(node, kind.body.workflow, report)
    fallback = node.on_error.fallback if node.on_error else None
    if fallback and fallback not in known and fallback != END:
        report(undefined("FALLBACK_UNDEFINED", fallback, known, node.spot, node.name))


def _unpausable(node: Node, inner: Workflow, report: Report) -> None:
    """A subgraph runs in branches, where a run cannot be paused."""
    paused = [name for name, each in inner.nodes.items() if each.interrupt or _named(inner.config, name)]
    if paused:
        message = f"the subgraph of '{node.name}' interrupts at '{paused[0]}', but branches cannot be paused"
        report(Problem("INTERRUPT_IN_BRANCH", message, inner.nodes[paused[0]].spot, node=node.name, hint="interrupt in the outer workflow"))


def _interrupts(found: Workflow, tree: Map, known: frozenset[str], report: Report) -> None:
    for key in ("interrupt_before", "interrupt_after"):
        names = found.config.get(key)
        for i, name in enumerate([names] if isinstance(names, str) else names or ()):
            if isinstance(name, str) and name not in known:
                report(undefined("INTERRUPT_UNDEFINED", name, known, spot_finder(tree)(("config", key, i))))


def reach(found: Workflow, start: str, stops: frozenset[str]) -> dict[str, None]:
    """The nodes that can run after ``start`` (itself included) before one of ``stops``, in the order they are found."""
    seen: dict[str, None] = {}
    todo = [start]
    while todo:
        name = todo.pop()
        if name in seen or name in stops or name == END or (name not in found.nodes and name != START):
            continue
        seen[name] = None
        todo.extend(successors(found, name))
    return seen


def _branches(found: Workflow, start: str, route: Route, report: Report) -> None:
    fan = route.fan
    if fan is None:
        return
    for branch in fan.branches:
        inside = reach(found, branch, frozenset({fan.join}))
        for sibling in fan.branches:
            if sibling != branch and sibling in inside:
                report(
                    Problem(
                        "BRANCH_CHAINS",
                        f"the branch '{branch}' of '{start}' also runs '{sibling}', which is another branch",
                        found.nodes[branch].spot,
                        node=branch,
                        hint=f"add the edge {{from: {branch}, to: {fan.join}}}",
                        severity="warning",
                    )
                )
        for name in inside:
            node = found.nodes.get(name)
            if node is not None and (node.interrupt or _named(found.config, name)):
                message = f"'{name}' runs in a branch of '{start}', where a run cannot be paused"
                report(Problem("INTERRUPT_IN_BRANCH", message, node.spot, node=name, hint=f"interrupt before '{fan.join}' instead"))


def _named(config: Mapping[str, object], name: str) -> bool:
    for key in ("interrupt_before", "interrupt_after"):
        names = config.get(key)
        if name == names or (isinstance(names, list) and name in names):
            return True
    return False


def _collecting(found: Workflow, report: Report) -> None:
    """Only a node where branches meet can take failed ones."""
    joins = {route.fan.join for route in found.routes.values() if route.fan is not None}
    joins |= {kind.fan_in for _, kind in walk(found) if isinstance(kind, DynamicParallel | Matrix | ParallelEach) and kind.fan_in}
    for name, node in found.nodes.items():
        if node.collect and name not in joins:
            message = f"'on_error: collect' has no effect here: no branches meet at '{name}'"
            hint = "write it at the node that 'fan_in' names"
            report(Problem("NO_EFFECT", message, node.spot, node=name, hint=hint, severity="warning"))


def _reachable(found: Workflow, report: Report) -> None:
    if not found.nodes:
        return
    reached = reach(found, START, frozenset())
    for name, node in found.nodes.items():
        if name not in reached:
            report(
                Problem(
                    "UNREFERENCED_NODE",
                    f"nothing leads to '{name}'",
                    node.spot,
                    node=name,
                    hint="add an edge to it, or remove it",
                    severity="warning",
                )
            )


def _acyclic(found: Workflow, report: Report) -> None:
    """Report one cycle, by a depth-first walk with an explicit stack."""
    state: dict[str, int] = {}
    stack: list[tuple[str, Iterator[str]]] = [(START, successors(found, START))]
    while stack:
        name, rest = stack[-1]
        state[name] = 1
        following = next((target for target in rest if target in found.nodes and state.get(target) != 2), None)  # noqa: PLR2004 - 2: done
        if following is None:
            state[name] = 2
            stack.pop()
        elif state.get(following) == 1:
            report(
                Problem(
                    "CYCLE",
                    f"'{name}' leads back to '{following}'",
                    _spot(found, name),
                    node=name,
                    hint="remove settings.allow_cycles: false",
                )
            )
            return
        else:
            stack.append((following, successors(found, following)))


def _spot(found: Workflow, name: str) -> Spot | None:
    node = found.nodes.get(name)
    return node.spot if node else None
