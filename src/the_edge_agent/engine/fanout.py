"""Fan-outs: items, combinations or edges become branches, each on a deep copy of the state; results in branch order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine import events
from the_edge_agent.engine.branches import Jobs
from the_edge_agent.engine.execute import subgraph
from the_edge_agent.engine.failure import FINAL, error_type
from the_edge_agent.engine.flow import Flow
from the_edge_agent.engine.state import BranchResult, State, copy
from the_edge_agent.errors import NodeFailed, Paused, TeaError
from the_edge_agent.workflow.model import Action, DynamicParallel, FanOut, Matrix, Node, ParallelEach, Subgraph, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

Body = Callable[[Flow, Node], Mapping[str, Any]]
"""Runs a node and gives what it changes in the state, without merging it."""

_MOST_WORKERS = 32
_CANCELLED = ("Cancelled due to fail_fast", "Cancelled")


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch to run: ``work`` drives ``flow`` and returns the state of the result, which is ``on_failure`` when it fails."""

    name: str
    flow: Flow
    work: Callable[[Flow], State]
    on_failure: State = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Its name below that of the branch it is in."""
        return self.flow.branch or self.name


class Group:
    """The branches that leave ``node`` together, under way."""

    def __init__(
        self, flow: Flow, node: str, branches: Sequence[Branch], cancellation: Cancellation, *, workers: Value | None = None
    ) -> None:
        if flow.emit:
            flow.emit(events.FanOutStarted(node, tuple(branch.path for branch in branches), flow.branch))
        width = _workers(flow, len(branches), workers)
        self._flow = flow
        self._node = node
        self._branches = branches
        self._cancellation = cancellation
        self._jobs = Jobs(node, [partial(self._run, branch) for branch in branches], cancellation, width=width)

    def _run(self, branch: Branch) -> tuple[BranchResult, TeaError | None]:
        """Run ``branch`` to its end; returns its result and why it failed."""
        emit = branch.flow.emit
        started = time.perf_counter()
        if self._cancellation.requested:
            return BranchResult.of(branch.name, branch.on_failure, 0, _CANCELLED), None
        if emit:
            emit(events.BranchStarted(self._node, branch.path))
        error: TeaError | None = None
        state, reason = branch.on_failure, None
        try:
            state = branch.work(branch.flow)
        except Paused:
            raise
        except Cancelled:
            reason = _CANCELLED
        except TeaError as failure:
            error, reason = failure, (failure.message, error_type(failure))
        seconds = time.perf_counter() - started
        if emit:
            emit(events.BranchCompleted(self._node, branch.path, reason is None, reason and reason[0], seconds))
        return BranchResult.of(branch.name, state, seconds, reason), error

    def results(self, *, collect: bool, fail_fast: bool = False) -> list[BranchResult]:
        """The results in branch order, once all branches are done; a failure that ends the fan-out asks the others to stop.

        Raises:
            TeaError: that of the first failed branch, in branch order; with ``collect`` only what is never passed over.
            Cancelled: the flow was asked to stop.
        """
        ended: list[tuple[BranchResult, TeaError | None] | None] = [None] * len(self._branches)
        with self._jobs:
            for number, outcome in self._jobs.finished():
                ended[number] = outcome
                if outcome[1] is not None and (fail_fast or not collect):
                    self._cancellation.request()
        done = [outcome for outcome in ended if outcome is not None]
        for branch, (_, error) in zip(self._branches, done, strict=True):
            if error is not None and (not collect or isinstance(error, FINAL)):
                error.branch = error.branch or branch.flow.branch
                raise error
        if self._flow.cancellation.requested:
            raise Cancelled
        return [result for result, _ in done]

    def abandon(self, error: BaseException) -> None:
        """Ask all branches to stop, because of ``error``, and do not wait for them."""
        self._jobs.abandon(error)


def fan_out(flow: Flow, node: Node, kind: FanOut, body: Body) -> list[BranchResult]:
    """Run a dynamic fan-out node: one branch an item (or combination), results in item order.

    Raises:
        NodeFailed: ``items`` gives no list; TeaError of the first failed branch, unless the fan-in node collects.
    """
    cancellation = Cancellation(flow.cancellation)

    def branch(index: int, item: Any) -> Branch:
        name = f"{node.name}[{index}]"
        inner = flow.fork(name, cancellation)
        # An item often is part of the state: a branch has it as a copy like the rest.
        given, own = _own(kind, index, copy(item))
        inner.state |= given
        return Branch(name, inner, partial(_work, node, kind, own, body), own)

    branches = [branch(index, item) for index, item in enumerate(_items(flow, kind))]
    join = flow.workflow.nodes.get(kind.fan_in or "")
    group = Group(flow, node.name, branches, cancellation, workers=kind.max_concurrency)
    return group.results(collect=join is not None and join.collect, fail_fast=kind.fail_fast)


def _own(kind: FanOut, index: int, item: Any) -> tuple[State, State]:
    """What a branch has besides the rest: in its state, and in that of its result."""
    if isinstance(kind, Matrix):
        return {"matrix": item}, {"matrix": item}
    if isinstance(kind, ParallelEach):
        return {"item": item, "item_index": index}, {"item": item, "index": index}
    own = {kind.item_var: item, kind.index_var: index}
    return own, own


def _work(node: Node, kind: FanOut, own: State, body: Body, flow: Flow) -> State:
    """What a branch does; returns the state of its result."""
    if isinstance(kind.body, Subgraph):
        return {**subgraph(flow, kind.body), **own}
    update = body(flow, Node(node.name, kind.body, node.spot, kind.output))
    if not isinstance(kind, DynamicParallel):
        return {**own, "result": dict(update)}
    if isinstance(kind.body, Action):
        return {**update, **own}
    flow.state.update(update)
    return flow.state


def _workers(flow: Flow, count: int, wanted: Value | None) -> int:
    """How many of ``count`` branches run at the same time.

    Raises:
        NodeFailed: ``wanted`` is a template that gives no whole number of at least 1.
    """
    if wanted is None:
        return flow.workflow.limits.workers or min(_MOST_WORKERS, max(1, count))
    given = wanted.render(flow.context())
    number = int(given) if isinstance(given, str) and given.strip().isdigit() else given
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise NodeFailed(
            f"the number of branches at the same time must be a whole number, at least 1, not {given!r}", error_type="ValueError"
        )
    return number


def _items(flow: Flow, kind: FanOut) -> list[Any]:
    context = flow.context()
    if isinstance(kind, Matrix):
        axes = [(name, _list(values.render(context), f"strategy.matrix.{name}")) for name, values in kind.axes]
        return [dict(zip([name for name, _ in axes], combination, strict=True)) for combination in product(*(values for _, values in axes))]
    return _list(kind.items.render(context), "items" if isinstance(kind, DynamicParallel) else "parallel_each")


def _list(value: Any, key: str) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return list(value)
    raise NodeFailed(
        f"'{key}' must give a list, not {type(value).__name__} ({value!r:.60})",
        error_type="TypeError",
        hint='write a template that gives a list: "{{ state.list }}"',
    )
