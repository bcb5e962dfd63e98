"""How nodes follow one another: ``goto``, ``edges`` and file order → one :class:`Route` a node.

Precedence (for each node): its ``goto``; else its entries in ``edges``; else the next node of the file, the last
one leading to ``END``. ``START`` has a route too: the edges that leave it, else the first node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from the_edge_agent.errors import Problem, Spot
from the_edge_agent.wording import meant
from the_edge_agent.workflow.model import END, START, Condition, Context, Fan, Route, Rule
from the_edge_agent.workflow.source import Map, Report, Scalar, Seq, Tree
from the_edge_agent.workflow.template import compile_condition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Never:
    """A condition written as the constant false."""

    source: str = "false"

    def holds(self, context: Context) -> bool:  # noqa: ARG002 - the protocol's signature
        """Never true."""
        return False


@dataclass(frozen=True, slots=True)
class Negated:
    """True where ``condition`` is not (``condition: …`` with ``when: false``)."""

    condition: Condition

    @property
    def source(self) -> str:
        """The text, with its negation."""
        return f"not ({self.condition.source})"

    def holds(self, context: Context) -> bool:
        """Whether the condition is false now."""
        return not self.condition.holds(context)


@dataclass(slots=True)
class _Edges:
    """The edges that leave one node, as they are collected."""

    rules: list[Rule] = field(default_factory=list)
    branches: list[tuple[str, str, Spot]] = field(default_factory=list)
    listed: list[tuple[tuple[str, ...], str | None, Spot]] = field(default_factory=list)
    first: Spot | None = None


def routes(names: Sequence[str], gotos: Mapping[str, Tree], edges: Tree | None, report: Report) -> dict[str, Route]:
    """The routes of the nodes ``names`` (in file order); reports undefined targets and ignored edges."""
    known = frozenset(names)
    collected = _collect(edges, known, report)
    found: dict[str, Route] = {}
    for i, name in enumerate(names):
        own = collected.get(name)
        if name in gotos:
            found[name] = Route(_goto(name, gotos[name], known, report))
            if own is not None:
                report(
                    Problem("EDGE_IGNORED", f"'{name}' has a goto, so this edge is never taken", own.first, node=name, severity="warning")
                )
        elif own is not None:
            found[name] = _route(name, own, names, collected, report)
        else:
            found[name] = Route((Rule(names[i + 1] if i + 1 < len(names) else END),))
    start = collected.get(START)
    found[START] = _route(START, start, names, collected, report) if start else Route((Rule(names[0]),) if names else ())
    for name, leaving in collected.items():
        fan = found[name].fan if name in found else None
        if leaving.listed and fan is not None:
            # Branches of a list run side by side, so file order must not chain one into the next.
            found.update({branch: Route((Rule(fan.join),)) for branch in fan.branches if branch not in collected and branch not in gotos})
    return found


def _collect(edges: Tree | None, known: frozenset[str], report: Report) -> dict[str, _Edges]:
    collected: dict[str, _Edges] = {}
    for i, edge in enumerate(edges.items if isinstance(edges, Seq) else ()):
        if isinstance(edge, Map):
            _Edge(edge, f"edges[{i}]", known, report).collect(collected)
    return collected


def _text(tree: Map, key: str) -> str | None:
    value = tree.items.get(key)
    return value.value if isinstance(value, Scalar) and isinstance(value.value, str) else None


@dataclass(frozen=True, slots=True)
class _Edge:
    """One entry of ``edges``, being read."""

    tree: Map
    where: str
    known: frozenset[str]
    report: Report

    def collect(self, into: dict[str, _Edges]) -> None:
        """Add what this edge says to the edges of the node it leaves."""
        kind = _text(self.tree, "type")
        source = _text(self.tree, "from") or (START if kind == "entry" else None)
        if source is None:
            if "from" not in self.tree.items:
                self.report(
                    Problem("EDGE_MISSING_FROM", f"'{self.where}' does not say where it leaves", self.tree.spot, hint="add 'from: NODE'")
                )
            return
        if source not in self.known and source != START:
            self._undefined("EDGE_FROM_UNDEFINED", source, "from")
            return
        edges = into.setdefault(source, _Edges())
        edges.first = edges.first or self.tree.spot
        if "parallel" in self.tree.items:
            self._listed(edges)
        elif "targets" in self.tree.items:
            self._switch(edges)
        elif kind == "finish":
            if _text(self.tree, "to") not in (None, END):
                self._no_effect("to", "'type: finish' leads to __end__")
            edges.rules.append(Rule(END, self._condition(), self.tree.spot))
        else:
            self._plain(edges, parallel=kind == "parallel")

    def _plain(self, edges: _Edges, *, parallel: bool) -> None:
        target = _text(self.tree, "to")
        if target is None:
            if "to" not in self.tree.items:
                self.report(
                    Problem("EDGE_MISSING_TO", f"'{self.where}' does not say where it leads", self.tree.spot, hint="add 'to: NODE'")
                )
        elif not self._exists(target, "to", allow_end=not parallel):
            return
        elif parallel:
            self._branch(target, edges)
        else:
            if "fan_in" in self.tree.items:
                self._no_effect("fan_in", "it goes with 'type: parallel'")
            edges.rules.append(Rule(target, self._condition(), self.tree.spot))

    def _branch(self, target: str, edges: _Edges) -> None:
        join = _text(self.tree, "fan_in")
        if join is None:
            message = f"the parallel edge '{self.where}' needs 'fan_in'"
            self.report(
                Problem("PARALLEL_FAN_IN_UNDEFINED", message, self.tree.spot, hint="add 'fan_in: NODE', the node where the branches meet")
            )
        elif join not in self.known:
            self._undefined("PARALLEL_FAN_IN_UNDEFINED", join, "fan_in")
        elif not self._conditional():
            edges.branches.append((target, join, self.tree.spot))

    def _conditional(self) -> bool:
        """Report a condition on a parallel edge; whether there is one."""
        found = self._condition() is not None
        if found:
            hint = "put the condition on an edge to a node before it"
            self.report(Problem("PARALLEL_CONDITION", "a parallel edge has no condition", self.tree.spot, hint=hint))
        return found

    def _no_effect(self, key: str, why: str) -> None:
        self.report(Problem("NO_EFFECT", f"'{key}' has no effect here: {why}", self.tree.keys[key], severity="warning"))

    def _alone(self, form: str, *others: str) -> None:
        """Report the keys among ``others`` that say nothing beside ``form``."""
        for key in others:
            if key in self.tree.items:
                message = f"an edge has either '{form}' or '{key}', not both"
                self.report(Problem("EDGE_AMBIGUOUS", message, self.tree.keys[key], hint="make it two edges"))

    def _listed(self, edges: _Edges) -> None:
        self._alone("parallel", "to", "targets")
        join = _text(self.tree, "fan_in")
        if self._conditional() or (join is not None and not self._exists(join, "fan_in")):
            return
        listed = self.tree.items["parallel"]
        names = [item.value for item in listed.items if isinstance(item, Scalar)] if isinstance(listed, Seq) else []
        known = [self._exists(str(name), "parallel") for name in names]
        if names and all(known):
            edges.listed.append((tuple(str(name) for name in names), join, self.tree.spot))

    def _switch(self, edges: _Edges) -> None:
        """``targets``: the condition's value as text picks the target."""
        targets = self.tree.items["targets"]
        self._alone("targets", "to", "when")
        written = self.tree.items.get("condition")
        if isinstance(written, Map):
            written = written.items.get("value")
        source = str(written.value) if isinstance(written, Scalar) else "state.result"
        inner = source.strip().removeprefix("{{").removesuffix("}}").strip()
        for value, target in targets.items.items() if isinstance(targets, Map) else ():
            if isinstance(target, Scalar) and isinstance(target.value, str) and self._exists(target.value, "targets", allow_end=True):
                # A boolean in the state is True to Jinja and true in YAML: compare without case.
                text = f"(({inner}) | string | lower) == {value.lower()!r}"
                condition = compile_condition(text, key=f"{self.where}.targets", spot=target.spot, report=self.report)
                edges.rules.append(Rule(target.value, condition, target.spot))

    def _condition(self) -> Condition | None:
        when, written = self.tree.items.get("when"), self.tree.items.get("condition")
        if isinstance(written, Map):
            written = written.items.get("value")
        if written is None:
            return self._compile(when, "when")
        condition = self._compile(written, "condition")
        wanted = when.value if isinstance(when, Scalar) else True
        if isinstance(wanted, str) and wanted.strip().lower() in ("true", "false"):
            wanted = wanted.strip().lower() == "true"
        if not isinstance(wanted, bool):
            self.report(
                Problem("BAD_CONDITION", "beside 'condition', 'when' is true or false", self.tree.spot, hint="write one of the two")
            )
            return condition
        if wanted:
            return condition
        return Never() if condition is None else Negated(condition)

    def _compile(self, tree: Tree | None, key: str) -> Condition | None:
        if not isinstance(tree, Scalar) or not isinstance(tree.value, str | bool) or tree.value is True:
            return None
        if tree.value is False:
            return Never()
        return compile_condition(tree.value, key=f"{self.where}.{key}", spot=tree.spot, report=self.report)

    def _exists(self, name: str, key: str, *, allow_end: bool = False) -> bool:
        if name in self.known or (allow_end and name == END):
            return True
        self._undefined("EDGE_TO_UNDEFINED", name, key)
        return False

    def _undefined(self, code: str, name: str, key: str) -> None:
        value = self.tree.items.get(key)
        self.report(undefined(code, name, self.known, value.spot if value else self.tree.spot))


_NEIGHBOURS = 40


@lru_cache(maxsize=8)
def _ordered(names: frozenset[str]) -> list[str]:
    return sorted(names)


def undefined(code: str, name: str, known: frozenset[str], spot: Spot | None, node: str | None = None) -> Problem:
    """The problem of naming a node that does not exist."""
    from bisect import bisect

    names = _ordered(known)
    # Comparing is slow, so a large graph is searched only around where the name would stand.
    place = bisect(names, name)
    near = names[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS]
    hint = meant(name, [*near, START, END], f"nodes: {', '.join(names[:12])}")
    return Problem(code, f"there is no node '{name}'", spot, node=node, hint=hint)


def _goto(name: str, tree: Tree, known: frozenset[str], report: Report) -> tuple[Rule, ...]:
    if isinstance(tree, Scalar) and isinstance(tree.value, str):
        if tree.value not in known and tree.value != END:
            report(undefined("GOTO_UNDEFINED", tree.value, known, tree.spot, name))
        return (Rule(tree.value, None, tree.spot),)
    rules = []
    for i, item in enumerate(tree.items if isinstance(tree, Seq) else ()):
        target = _text(item, "to") if isinstance(item, Map) else None
        if target is None or not isinstance(item, Map):
            continue
        if target not in known and target != END:
            report(undefined("GOTO_UNDEFINED", target, known, item.items["to"].spot, name))
        condition: Condition | None = None
        written = item.items.get("if")
        if isinstance(written, Scalar) and written.value is False:
            condition = Never()
        elif isinstance(written, Scalar) and isinstance(written.value, str):
            condition = compile_condition(written.value, key=f"goto[{i}].if", spot=written.spot, report=report, lenient_text=True)
        rules.append(Rule(target, condition, item.spot))
    return tuple(rules)


def _route(name: str, edges: _Edges, names: Sequence[str], collected: Mapping[str, _Edges], report: Report) -> Route:
    return Route(tuple(edges.rules), _fan(name, edges, names, collected, report))


def _fan(name: str, edges: _Edges, names: Sequence[str], collected: Mapping[str, _Edges], report: Report) -> Fan | None:
    if edges.listed:
        branches, join, spot = edges.listed[0]
        if len(edges.listed) > 1 or edges.branches:
            report(
                Problem(
                    "PARALLEL_TWICE",
                    f"the branches of '{name}' are given twice",
                    edges.listed[-1][2],
                    node=name,
                    hint="list them in one place",
                )
            )
        join = join or _common_successor(branches, names, collected)
        if join is None:
            message = f"the branches {', '.join(branches)} do not lead to one common node"
            report(
                Problem(
                    "PARALLEL_FAN_IN_UNDEFINED", message, spot, node=name, hint="add an edge from each of them to the node where they meet"
                )
            )
            return None
        return Fan(branches, join, spot)
    if not edges.branches:
        return None
    joins = {join for _, join, _ in edges.branches}
    if len(joins) > 1:
        report(
            Problem(
                "PARALLEL_JOINS",
                f"the branches of '{name}' meet at different nodes: {', '.join(sorted(joins))}",
                edges.branches[0][2],
                node=name,
            )
        )
    return Fan(tuple(target for target, _, _ in edges.branches), edges.branches[0][1], edges.branches[0][2])


def _common_successor(branches: Sequence[str], names: Sequence[str], collected: Mapping[str, _Edges]) -> str | None:
    """Where the branches of ``parallel: [a, b]`` meet: the first node that all lead to directly.

    A branch without edges of its own leads to the first node of the file after all branches, so that the
    list works with plain file order too.
    """
    last = max(names.index(branch) for branch in branches)
    after = names[last + 1] if last + 1 < len(names) else None
    successors = [[rule.target for rule in collected[branch].rules] if branch in collected else [after] for branch in branches]
    common = [target for target in successors[0] if target not in (None, END) and all(target in others for others in successors)]
    return common[0] if common else None
