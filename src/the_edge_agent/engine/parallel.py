"""Branches: deep copies of the state, run side by side, results in branch order."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine import events
from the_edge_agent.engine.failure import FINAL, error_type
from the_edge_agent.engine.state import BranchResult, State, copy
from the_edge_agent.engine.threads import STOPPABLE, Stopped, stop
from the_edge_agent.errors import NodeFailed, Paused, TeaError
from the_edge_agent.workflow.model import Action, DynamicParallel, FanOut, Matrix, Node, ParallelEach, Subgraph, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from the_edge_agent.engine.flow import Flow

_MOST_WORKERS = 32
_CANCELLED = ("Cancelled due to fail_fast", "Cancelled")


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch to run: ``work`` drives ``flow`` and returns the state of the result."""

    name: str
    flow: Flow
    work: Callable[[Flow], State]
    on_failure: State = field(default_factory=dict)
    """The state of the result when it fails."""


_Future = Future[tuple[BranchResult, TeaError | None]]


class Started:
    """Branches under way. ``results`` waits for them; leaving them behind cancels them."""

    def __init__(self, node: str, branches: Sequence[Branch], *, workers: int, cancellation: Cancellation) -> None:
        self._branches = branches
        self._cancellation = cancellation
        self._node = node
        self._futures: list[_Future] = [Future() for _ in branches]
        self._waiting = deque(zip(self._futures, branches, strict=True))
        # Daemons: a block that does not end must not keep the program alive once nobody waits for it.
        names = [f"tea-{node}_{i}" for i in range(min(workers, len(branches)))]
        self._threads = [threading.Thread(target=self._work, name=name, daemon=True) for name in names]
        for thread in self._threads:
            thread.start()

    def _work(self) -> None:
        """Run branches, until none waits."""
        while self._waiting:
            try:
                future, branch = self._waiting.popleft()
            except IndexError:
                return
            try:
                future.set_result(self._run(branch))
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for the results
                future.set_exception(error)

    def _run(self, branch: Branch) -> tuple[BranchResult, TeaError | None]:
        emit, flow = branch.flow.emit, branch.flow
        started = time.perf_counter()
        if self._cancellation.requested:
            return BranchResult.of(branch.name, branch.on_failure, 0, _CANCELLED), None
        if emit:
            emit(events.BranchStarted(self._node, flow.branch or branch.name))
        failure: TeaError | None = None
        try:
            result = BranchResult.of(branch.name, branch.work(flow), time.perf_counter() - started)
        except Paused:
            raise
        except Cancelled:
            result = BranchResult.of(branch.name, branch.on_failure, time.perf_counter() - started, _CANCELLED)
        except TeaError as error:
            failure = error
            result = BranchResult.of(branch.name, branch.on_failure, time.perf_counter() - started, (error.message, error_type(error)))
        if emit:
            seconds = time.perf_counter() - started
            emit(events.BranchCompleted(self._node, flow.branch or branch.name, result["success"], result["error"], seconds))
        return result, failure

    def results(self, *, collect: bool, fail_fast: bool) -> list[BranchResult]:
        """The results in branch order, once all branches are done.

        Raises:
            TeaError: what the first failed branch (in branch order) raised, unless ``collect``; with it too what is never passed over.
        """
        try:
            self._await(stop_early=fail_fast or not collect)
            done = [future.result() for future in self._futures]
        except Stopped:
            self.abandon()
            for thread in self._threads:
                stop(thread)
            raise
        except BaseException:
            self.abandon()
            raise
        for branch, (_, failure) in zip(self._branches, done, strict=True):
            if failure is not None and (not collect or isinstance(failure, FINAL)):
                failure.branch = failure.branch or branch.flow.branch
                raise failure
        return [result for result, _ in done]

    def _await(self, *, stop_early: bool) -> None:
        """Wait for all; with ``stop_early`` the first failure asks the rest to stop."""
        open_: set[_Future] = set(self._futures)
        while open_:
            done, open_ = wait(open_, STOPPABLE, return_when=FIRST_COMPLETED)
            if stop_early and any(future.result()[1] is not None for future in done):
                self._cancellation.request()

    def abandon(self) -> None:
        """Ask all branches to stop and do not wait for them."""
        self._cancellation.request()
        self._waiting.clear()


def workers(flow: Flow, count: int, wanted: Value | None = None) -> int:
    """How many of ``count`` branches run at the same time.

    Raises:
        NodeFailed: ``wanted`` is a template that gives no whole number of at least 1.
    """
    if wanted is not None:
        given = wanted.render(flow.context())
        number = int(given) if isinstance(given, str) and given.strip().isdigit() else given
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise NodeFailed(
                f"the number of branches at the same time must be a whole number, at least 1, not {given!r}", error_type="ValueError"
            )
        return number
    return flow.workflow.limits.workers or min(_MOST_WORKERS, max(1, count))


def fan_out(flow: Flow, node: Node, kind: FanOut) -> list[BranchResult]:
    """Run a dynamic fan-out node: one branch an item (or combination), results in item order.

    Raises:
        NodeFailed: ``items`` gives no list; TeaError of the first failed branch, unless the fan-in node collects.
    """
    cancellation = Cancellation(flow.cancellation)
    branches = [_branch(flow, node, kind, i, item, cancellation) for i, item in enumerate(_items(flow, kind))]
    if flow.emit:
        names = tuple(branch.flow.branch or branch.name for branch in branches)
        flow.emit(events.FanOutStarted(node.name, names, flow.branch))
    join = flow.workflow.nodes.get(kind.fan_in or "")
    started = Started(node.name, branches, workers=workers(flow, len(branches), kind.max_concurrency), cancellation=cancellation)
    results = started.results(collect=join is not None and join.collect, fail_fast=kind.fail_fast)
    if flow.cancellation.requested:
        raise Cancelled
    return results


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


def _branch(flow: Flow, node: Node, kind: FanOut, index: int, item: Any, cancellation: Cancellation) -> Branch:
    name = f"{node.name}[{index}]"
    inner = flow.fork(name, cancellation)
    # An item often is part of the state: a branch has it as a copy like the rest.
    item = copy(item)
    if isinstance(kind, Matrix):
        inner.state["matrix"] = item
        return Branch(name, inner, _each(node, kind, {"matrix": item}), {"matrix": item})
    if isinstance(kind, ParallelEach):
        inner.state |= {"item": item, "item_index": index}
        return Branch(name, inner, _each(node, kind, {"item": item, "index": index}), {"item": item, "index": index})
    own = {kind.item_var: item, kind.index_var: index}
    inner.state |= own
    return Branch(name, inner, _dynamic(node, kind, own), own)


def _each(node: Node, kind: Matrix | ParallelEach, own: State) -> Callable[[Flow], State]:
    """A branch of matrix or parallel_each: what its body gave, under ``result``."""

    def work(flow: Flow) -> State:
        update = flow.update_of(Node(node.name, kind.body, node.spot, kind.output))
        return {**own, "result": update}

    return work


def _dynamic(node: Node, kind: DynamicParallel, own: State) -> Callable[[Flow], State]:
    def work(flow: Flow) -> State:
        if isinstance(kind.body, Subgraph):
            return {**flow.subgraph(kind.body), **own}
        update = flow.update_of(Node(node.name, kind.body, node.spot, kind.output))
        if isinstance(kind.body, Action):
            return {**update, **own}
        flow.state.update(update)
        return flow.state

    return work
