"""A workflow as the rest of the program sees it: immutable, every spelling resolved, one class a node kind.

Nothing here knows YAML, Jinja or running. Templates and conditions are compiled objects behind the
protocols :class:`Value` and :class:`Condition`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import pathlib

    from the_edge_agent.errors import Spot

START = "__start__"
END = "__end__"

Json = Any
Context = Mapping[str, Any]
Path = tuple[str | int, ...]
"""Keys and indexes that lead to a value inside data."""


class Value(Protocol):
    """Data with templates in it, compiled once."""

    def render(self, context: Context) -> Json:
        """The data with every template replaced; raises :class:`~the_edge_agent.errors.NodeFailed` naming key and expression."""


class Condition(Protocol):
    """A truth about the state."""

    @property
    def source(self) -> str:
        """The text as written."""

    def holds(self, context: Context) -> bool:
        """Whether it is true now; raises :class:`~the_edge_agent.errors.NodeFailed` when it cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where a result goes: the whole of it under ``key``, or one template a field (exactly one of the two is set)."""

    key: str | None = None
    fields: tuple[tuple[str, Value], ...] | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """A node that does nothing; execution passes through."""


@dataclass(frozen=True, slots=True)
class Code:
    """A ``run:`` block. ``result_key`` is set for ``run: {type: expression}``: the value goes under this key."""

    language: str
    text: str
    spot: Spot | None = None
    result_key: str | None = None
    variables: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Function:
    """A Python callable taking the state (graphs built in code)."""

    call: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Action:
    """``uses``: ``literals`` holds the parameters as written, ``parameters`` each compiled, ``place`` finds what lies at a path in them."""

    name: str
    literals: Mapping[str, Json]
    parameters: Mapping[str, Value]
    spot: Spot | None = None
    place: Callable[[Path], Spot | None] = lambda _: None

    def rendered(self, context: Context, deferred: Collection[str] = ()) -> dict[str, Any]:
        """The parameters for a call; those named in ``deferred`` stay a :class:`Value`, for the action to render.

        Raises :class:`~the_edge_agent.errors.NodeFailed` as :meth:`Value.render`.
        """
        return {name: value if name in deferred else value.render(context) for name, value in self.parameters.items()}


@dataclass(frozen=True, slots=True)
class Steps:
    """Nodes run one after another on a working copy of the state; the result is that copy."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Subgraph:
    """Another workflow, run on ``input`` (or on the whole state)."""

    workflow: Workflow
    input: Value | None = None


@dataclass(frozen=True, slots=True)
class WhileLoop:
    """Nodes run again and again while ``condition`` holds, at most ``max_iterations`` times."""

    condition: Condition
    max_iterations: int
    body: tuple[Node, ...]
    on_limit: Literal["continue", "error"] = "continue"


@dataclass(frozen=True, slots=True)
class DynamicParallel:
    """One branch per item; ``body`` is what a branch does."""

    items: Value
    body: Action | Steps | Subgraph
    fan_in: str
    item_var: str = "item"
    index_var: str = "index"
    output: Output | None = None
    """Of ``action: {output: …}``: shapes each branch's result."""
    max_concurrency: Value | None = None
    fail_fast: bool = False


@dataclass(frozen=True, slots=True)
class Matrix:
    """One branch per combination of the axes' values, the first axis slowest."""

    axes: tuple[tuple[str, Value], ...]
    body: Body
    fan_in: str | None = None
    output: Output | None = None
    max_concurrency: Value | None = None
    fail_fast: bool = False


@dataclass(frozen=True, slots=True)
class ParallelEach:
    """One branch per item, each running the node's own body."""

    items: Value
    body: Body
    fan_in: str | None = None
    output: Output | None = None
    max_concurrency: Value | None = None
    fail_fast: bool = False


Body = Nothing | Code | Function | Action | Steps
Kind = Nothing | Code | Function | Action | Steps | Subgraph | WhileLoop | DynamicParallel | Matrix | ParallelEach
FanOut = DynamicParallel | Matrix | ParallelEach


@dataclass(frozen=True, slots=True)
class ErrorPolicy:
    """What happens when a node fails.

    ``retry`` tries again after ``delay · multiplier^n`` seconds (at most ``max_delay``), for the
    error class names in ``retryable`` (``None``: those that pass by themselves, ``("*",)``: all).
    ``then`` is what happens when no try is left: ``raise`` fails the run, ``graceful`` stores the
    error under ``__error__`` and goes on, at ``fallback`` if there is one.
    """

    retries: int = 0
    delay: float = 1.0
    multiplier: float = 2.0
    max_delay: float = 60.0
    jitter: float = 0.1
    retryable: tuple[str, ...] | None = None
    then: Literal["raise", "graceful"] = "raise"
    fallback: str | None = None
    capture_traceback: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One node: what it does (``kind``) and how the flow treats it.

    ``collect`` on a fan-in node: failed branches are handed to it instead of failing the run.
    """

    name: str
    kind: Kind
    spot: Spot | None = None
    output: Output | None = None
    on_error: ErrorPolicy | None = None
    timeout: float | None = None
    interrupt: frozenset[Literal["before", "after"]] = frozenset()
    fan_in: bool = False
    collect: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way on: to ``target`` if ``condition`` holds (``None``: always)."""

    target: str
    condition: Condition | None = None
    spot: Spot | None = None


@dataclass(frozen=True, slots=True)
class Fan:
    """Static parallelism: ``branches`` start together and meet before ``join``."""

    branches: tuple[str, ...]
    join: str
    spot: Spot | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """How a node is left: rules in file order, the first that holds wins; ``fan`` starts branches besides.

    ``choose`` (graphs built in code) takes the place of the rules: context → target.
    """

    rules: tuple[Rule, ...] = ()
    fan: Fan | None = None
    choose: Callable[[Context], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """``visits``: how often one node of the main flow or of a branch may run; ``workers``: branches at the same time."""

    visits: int = 1000
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """A Python module with custom actions: a ``path`` (resolved against the naming file) or an importable ``package``."""

    path: pathlib.Path | None
    package: str | None
    namespace: str
    spot: Spot | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    """A checked workflow. ``document`` is the merged file as plain data; ``routes`` has ``START`` and every node."""

    name: str
    nodes: Mapping[str, Node]
    routes: Mapping[str, Route]
    path: pathlib.Path | None = None
    description: str = ""
    initial_state: Mapping[str, Json] = field(default_factory=dict)
    variables: Mapping[str, Json] = field(default_factory=dict)
    data: Mapping[str, Json] = field(default_factory=dict)
    settings: Mapping[str, Json] = field(default_factory=dict)
    config: Mapping[str, Json] = field(default_factory=dict)
    imports: tuple[Import, ...] = ()
    limits: Limits = field(default_factory=Limits)
    document: Mapping[str, Json] = field(default_factory=dict)

    def graphs(self) -> tuple[Workflow, ...]:
        """This workflow and every subgraph in it, each once, outer before inner."""
        found = {id(self): self}
        waiting = [self]
        while waiting:
            inner = [kind.workflow for _, kind in own(waiting.pop()) if isinstance(kind, Subgraph) and id(kind.workflow) not in found]
            found.update((id(graph), graph) for graph in inner)
            waiting += inner
        return tuple(found.values())

    def actions(self) -> tuple[tuple[Node, Action], ...]:
        """Every ``uses`` in the workflow, nested ones and subgraphs included, with the node that holds it."""
        return tuple((node, kind) for node, kind in walk(self) if isinstance(kind, Action))


def own(workflow: Workflow) -> tuple[tuple[Node, Kind], ...]:
    """Every kind in the workflow itself, outer before inner, with the node that holds it; subgraphs are named, not entered."""
    found: list[tuple[Node, Kind]] = []

    def visit(node: Node, kind: Kind) -> None:
        found.append((node, kind))
        if isinstance(kind, Steps):
            for step in kind.nodes:
                visit(step, step.kind)
        elif isinstance(kind, WhileLoop):
            for inner in kind.body:
                visit(inner, inner.kind)
        elif isinstance(kind, DynamicParallel | Matrix | ParallelEach):
            visit(node, kind.body)

    for node in workflow.nodes.values():
        visit(node, node.kind)
    return tuple(found)


def walk(workflow: Workflow) -> tuple[tuple[Node, Kind], ...]:
    """Every kind in the workflow and in its subgraphs, each once, with the node that holds it."""
    return tuple(pair for graph in workflow.graphs() for pair in own(graph))
