"""The way of a flow from node to node: who is next, which branches start on the way, and where they meet again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine.checkpoint import Checkpoint
from the_edge_agent.engine.fanout import Branch, Group
from the_edge_agent.engine.graph import following, stuck
from the_edge_agent.engine.perform import perform
from the_edge_agent.engine.scope import NOTHING
from the_edge_agent.engine.state import State, copy
from the_edge_agent.errors import LimitReached, NodeFailed
from the_edge_agent.workflow.model import END, START, Fan, Node, Route

if TYPE_CHECKING:
    from the_edge_agent.engine.flow import Flow

_NO_ROUTE = Route()


def walk(flow: Flow, start: str = START, stops: frozenset[str] = frozenset(), resume: Checkpoint | None = None) -> None:
    """Go on from ``start`` until the next node would be one of ``stops`` or ``END``.

    ``resume`` takes the place of ``start``: before its node without being interrupted there again, or behind it without
    running it again. Raises the error of the first node that fails for good; branches that are under way are abandoned.
    """
    way = _Way(flow, stops)
    try:
        way.go(start, resume)
    except BaseException as error:
        for _, group in way.groups:
            group.abandon(error)
        raise


class _Way:
    """The way of ``flow`` so far: ``groups`` are branches under way, with the fan they are of."""

    __slots__ = ("after", "before", "flow", "groups", "stops", "visits")

    def __init__(self, flow: Flow, stops: frozenset[str]) -> None:
        self.flow = flow
        self.stops = stops
        self.groups: list[tuple[Fan, Group]] = []
        self.visits: dict[str, int] = {}
        self.before, self.after = flow.run.interrupts(flow.workflow)

    def go(self, start: str, resume: Checkpoint | None) -> None:
        current, nodes = start, self.flow.workflow.nodes
        answered = False
        if resume is not None:
            answered = resume.when == "before"
            current = resume.node if answered else resume.jump or self.next(resume.node, resume.result)
        while True:
            if self.groups and (current == END or current in self.stops or any(fan.join == current for fan, _ in self.groups)):
                current = self.join(current)
            if current in self.stops or current == END:
                return
            jump, result = (None, NOTHING) if current == START else self.visit(nodes[current], answered=answered)
            answered = False
            current = jump or self.next(current, result)

    def next(self, name: str, result: Any) -> str:
        """Where the flow goes after ``name``; starts the branches that leave it."""
        flow = self.flow
        route = flow.workflow.routes.get(name, _NO_ROUTE)
        if route.fan is not None:
            self.groups.append((route.fan, self.start(name, route.fan)))
            if not route.rules:
                return route.fan.join
        target = following(name, route, flow.context(result=None if result is NOTHING else result))
        if target is not None:
            if target != END and target not in flow.workflow.nodes:
                raise NodeFailed(f"there is no node '{target}' to go to", error_type="NoRoute", node=name)
            return target
        if not self.groups:
            raise stuck(name, route)
        return self.groups[-1][0].join

    def start(self, name: str, fan: Fan) -> Group:
        """Start the branches of ``fan``, each on its way to where they meet."""
        cancellation = Cancellation(self.flow.cancellation)
        stops = self.stops | {fan.join}

        def to(target: str) -> Branch:
            def work(flow: Flow) -> State:
                walk(flow, target, stops)
                return flow.state

            return Branch(target, self.flow.fork(target, cancellation), work)

        return Group(self.flow, name, [to(target) for target in fan.branches], cancellation)

    def join(self, current: str) -> str:
        """Wait for the branches that meet at ``current`` and hand their results to that node; returns its name.

        Where none meet (at the end of the flow or of its branch), those started last are waited for.
        """
        join = current if any(fan.join == current for fan, _ in self.groups) else self.groups[-1][0].join
        collect = self.flow.workflow.nodes[join].collect
        results = []
        for pair in [pair for pair in self.groups if pair[0].join == join]:
            results += pair[1].results(collect=collect)
            self.groups.remove(pair)
        self.flow.state["parallel_results"] = results
        return join

    def visit(self, node: Node, *, answered: bool) -> tuple[str | None, Any]:
        """Run one node of the graph. Returns where its error policy sends the flow (``None``: on) and its result.

        ``answered``: the interrupt before the node was met before this run.
        """
        flow, name = self.flow, node.name
        count = self.visits.get(name, 0) + 1
        self.visits[name] = count
        limit = flow.workflow.limits.visits
        if count > limit:
            raise LimitReached(
                f"node '{name}' was to run for the {count}th time, the limit is {limit} visits of one node",
                hint="raise settings.max_iterations, or check the condition that ends the loop",
                node=name,
                spot=node.spot,
            )
        if flow.cancellation.requested:
            raise Cancelled
        if name in self.before and not answered:
            self.interrupt(node, Checkpoint(name, "before", copy(flow.state)))
        target, result = perform(flow, node)
        if name in self.after:
            seen = None if result is NOTHING else result
            self.interrupt(node, Checkpoint(name, "after", copy(flow.state), seen, target))
        return target, result

    def interrupt(self, node: Node, checkpoint: Checkpoint) -> None:
        """Stop at ``checkpoint``, or go on."""
        self.flow.run.interrupt(self.flow, node, checkpoint, branches=bool(self.groups))
