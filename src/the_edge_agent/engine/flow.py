"""One line of control through a graph: the main flow, a branch, or a subgraph. One loop for all of them.

A flow owns one state. :meth:`Flow.walk` goes from node to node; at each one it runs what the node does,
merges what that gave, and asks the node's route where to go. Branches are flows of their own on copies.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine import events, failure
from the_edge_agent.engine.graph import following, stuck
from the_edge_agent.engine.parallel import Branch, Started, fan_out, workers
from the_edge_agent.engine.scope import NOTHING, Scope
from the_edge_agent.engine.state import State, as_json, copy
from the_edge_agent.engine.threads import STOPPABLE, stop
from the_edge_agent.errors import LimitReached, NodeFailed, TeaError
from the_edge_agent.workflow.model import (
    END,
    START,
    Action,
    Code,
    DynamicParallel,
    Fan,
    Function,
    Matrix,
    Node,
    Output,
    ParallelEach,
    Route,
    Steps,
    Subgraph,
    WhileLoop,
    Workflow,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from the_edge_agent.engine.run import Run

_NO_ROUTE = Route()


class Merged(dict[str, Any]):
    """A whole working state (of steps or a loop): its parts were checked when they were merged into it."""


class Flow:
    """One line of control. ``branch`` is ``None`` in the main flow; ``parent`` is the node whose steps or body this flow runs."""

    __slots__ = ("branch", "cancellation", "constants", "emit", "host", "parent", "run", "state", "visits", "workflow")

    def __init__(
        self, run: Run, workflow: Workflow, state: State, *, branch: str | None = None, cancellation: Cancellation | None = None
    ) -> None:
        self.run = run
        self.workflow = workflow
        self.host = run.host_of(workflow)
        self.constants = run.constants_of(workflow)
        self.emit = run.emit
        self.state = state
        self.branch = branch
        self.parent: str | None = None
        self.cancellation = cancellation or run.cancellation
        self.visits: dict[str, int] = {}

    def fork(self, name: str, cancellation: Cancellation) -> Flow:
        """A flow for the branch ``name`` on a deep copy of the state."""
        full = f"{self.branch}/{name}" if self.branch else name
        return Flow(self.run, self.workflow, copy(self.state), branch=full, cancellation=cancellation)

    def context(self, **more: Any) -> dict[str, Any]:
        """The names a template or condition sees."""
        state = self.state
        if "parallel_results" in state:
            more["parallel_results"] = state["parallel_results"]
        return {**self.constants, "state": state, **more}

    def scope(self, node: Node, state: State) -> Scope:
        """What a program or an action sees."""
        return Scope(
            workflow=self.workflow,
            host=self.host,
            state=state,
            node=node.name,
            branch=self.branch,
            cancellation=self.cancellation,
            emit=self.emit,
            constants=self.constants,
        )

    # The loop.

    def walk(self, start: str, stops: frozenset[str] = frozenset(), resume: events.Interrupted | None = None) -> str:
        """Go on from ``start`` until the next node would be one of ``stops`` or ``END``; return which.

        ``start`` may be ``START``; ``resume`` takes its place with an interrupt that has been met. Raises the error of the first node that fails for good; branches that are
        still under way then are told to stop.
        """
        groups: list[tuple[Fan, Started]] = []
        current = start if resume is None else resume.node
        try:
            if resume is not None and resume.when == "after":
                current = resume.jump or self._next(current, resume.result, groups, stops)
                resume = None
            while True:
                if groups and (current == END or current in stops or any(fan.join == current for fan, _ in groups)):
                    current = self._join(current, groups)
                if current in stops or current == END:
                    return current
                if current == START:
                    jump, result = None, NOTHING
                else:
                    jump, result = self._visit(self.workflow.nodes[current], branches=bool(groups), met=resume is not None)
                    resume = None
                current = jump or self._next(current, result, groups, stops)
        except BaseException:
            for _, group in groups:
                group.abandon()
            raise

    def _next(self, name: str, result: Any, groups: list[tuple[Fan, Started]], stops: frozenset[str]) -> str:
        """Where the flow goes after ``name``; starts the branches that leave it."""
        route = self.workflow.routes.get(name, _NO_ROUTE)
        if route.fan is not None:
            groups.append((route.fan, self._start(name, route.fan, stops)))
            if not route.rules:
                return route.fan.join
        target = following(name, route, self.context(result=None if result is NOTHING else result))
        if target is not None:
            if target != END and target not in self.workflow.nodes:
                raise NodeFailed(f"there is no node '{target}' to go to", error_type="NoRoute", node=name)
            return target
        if not groups:
            raise stuck(name, route)
        return groups[-1][0].join

    def _join(self, current: str, groups: list[tuple[Fan, Started]]) -> str:
        """Wait for the branches that meet at ``current`` and hand their results to that node.

        Where none meet (at the end of the flow or of its branch), those started last are waited for.
        """
        join = current if any(fan.join == current for fan, _ in groups) else groups[-1][0].join
        collect = self.workflow.nodes[join].collect
        results = []
        for pair in [pair for pair in groups if pair[0].join == join]:
            results += pair[1].results(collect=collect, fail_fast=False)
            groups.remove(pair)
        if self.cancellation.requested:
            raise Cancelled
        self.state["parallel_results"] = results
        return join

    def _start(self, name: str, fan: Fan, stops: frozenset[str]) -> Started:
        """Start the branches of a static fan-out."""
        cancellation = Cancellation(self.cancellation)
        inner_stops = stops | {fan.join}

        def branch(target: str) -> Branch:
            def work(flow: Flow) -> State:
                flow.walk(target, inner_stops)
                return flow.state

            return Branch(target, self.fork(target, cancellation), work)

        branches = [branch(target) for target in fan.branches]
        if self.emit:
            self.emit(events.FanOutStarted(name, tuple(branch.flow.branch or branch.name for branch in branches), self.branch))
        return Started(name, branches, workers=workers(self, len(branches)), cancellation=cancellation)

    def _visit(self, node: Node, *, branches: bool, met: bool) -> tuple[str | None, Any]:
        """Run one node of the graph. Returns (where its error policy sends the flow or ``None``, its result).

        ``branches``: some are under way. ``met``: the interrupt before the node was met, and answered, before this run.
        """
        name = node.name
        count = self.visits.get(name, 0) + 1
        self.visits[name] = count
        if count > self.workflow.limits.visits:
            raise LimitReached(
                f"node '{name}' was to run for the {count}th time, the limit is {self.workflow.limits.visits} visits of one node",
                hint="raise settings.max_iterations, or check the condition that ends the loop",
                node=name,
                spot=node.spot,
            )
        if self.cancellation.requested:
            raise Cancelled
        pausable = self.workflow is self.run.workflow
        if pausable and not met and name in self.run.interrupt_before:
            self.run.interrupt(node, self, events.Interrupted(name, "before", self.state, branches=branches))
        target, result = self.perform(node)
        if pausable and name in self.run.interrupt_after:
            seen = None if result is NOTHING else result
            self.run.interrupt(node, self, events.Interrupted(name, "after", self.state, seen, target, branches))
        return target, result

    # One node.

    def perform(self, node: Node) -> tuple[str | None, Any]:
        """Run ``node`` under its error policy and merge what it gave into the state; events tell of it."""
        emit, policy = self.emit, node.on_error
        started = time.perf_counter() if emit else 0.0
        if emit:
            emit(events.NodeStarted(node.name, self.branch, self.parent))
        attempt = 0
        while True:
            try:
                result = self._apply(node)
            except Cancelled:
                raise
            except Exception as raised:  # noqa: BLE001 - a node may raise anything; the policy decides
                error = failure.failed(raised, node, self.run.redact)
                if isinstance(error, failure.FINAL):
                    raise error from error.__cause__
                if policy is not None and attempt < policy.retries and failure.passes_by_itself(error, policy.retryable):
                    self._wait(node, error, failure.delay(policy, attempt), attempt + 1)
                    attempt += 1
                    continue
                handled = policy is not None and policy.then == "graceful"
                if emit:
                    seconds = time.perf_counter() - started
                    emit(
                        events.NodeErrored(node.name, error.message, failure.error_type(error), handled, seconds, self.branch, self.parent)
                    )
                if policy is None or not handled:
                    raise error from error.__cause__
                self.state["__error__"] = failure.record(error, node, policy, attempt, self.run.redact)
                return policy.fallback, NOTHING
            if emit:
                emit(events.NodeCompleted(node.name, self.state, time.perf_counter() - started, self.branch, self.parent))
            return None, result

    def _wait(self, node: Node, error: TeaError, seconds: float, attempt: int) -> None:
        if self.emit:
            self.emit(events.NodeRetried(node.name, attempt, seconds, error.message, self.branch))
        if self.cancellation.wait(seconds):
            raise Cancelled

    def _apply(self, node: Node) -> Any:
        """Run what the node does and merge it; returns the result that conditions see."""
        if node.timeout is not None:
            return self._within(node, node.timeout)
        result = self._result(node, self.state)
        self._merge(node, result, self.state)
        return result

    def _merge(self, node: Node, result: Any, state: State) -> None:
        update = self._update(node, result, state)
        if update is not None:
            state.update(update)

    def _update(self, node: Node, result: Any, state: State) -> Mapping[str, Any] | None:
        if node.output is not None:
            if isinstance(node.kind, DynamicParallel):
                results = result["parallel_results"]
                return {"parallel_results": results, **self._output(node.output, results, state)}
            return self._output(node.output, None if result is NOTHING else result, state)
        if result is NOTHING:
            return None
        if type(result) is Merged:
            return result
        if isinstance(result, dict):
            checked: dict[str, Any] = as_json(result, "")
            return checked
        return {"result": as_json(result, "result")}

    def _output(self, output: Output, result: Any, state: State) -> dict[str, Any]:
        if output.key is not None:
            return {output.key: as_json(result, output.key)}
        context = {**self.context(result=result, action_result=result), "state": state}
        update = {}
        for key, template in output.fields or ():
            # What a template only looks up is part of something else, which a later change in place must not reach.
            value = copy(as_json(template.render(context), key))
            update[key] = "" if value is None else value
        return update

    def update_of(self, node: Node) -> dict[str, Any]:
        """What running ``node`` (the body of a branch) gives as an update of the state; nothing is merged."""
        try:
            return dict(self._update(node, self._result(node, self.state), self.state) or {})
        except Cancelled:
            raise
        except Exception as raised:  # noqa: BLE001 - a body may raise anything
            error = failure.failed(raised, node, self.run.redact)
            raise error from error.__cause__

    def _result(self, node: Node, state: State) -> Any:  # noqa: PLR0911 - one return a kind
        """What ``node`` does, on ``state``."""
        kind = node.kind
        if isinstance(kind, Code):
            return self._code(node, kind, state)
        if isinstance(kind, Action):
            parameters = kind.rendered({**self.context(), "state": state}, self.host.deferred(kind.name))
            return self.host.action(kind.name)(self.scope(node, state), **parameters)
        if isinstance(kind, Function):
            before = dict(state)
            given = kind.call(state)
            _check_changes(before, state)
            return NOTHING if given is None else given
        if isinstance(kind, Steps):
            return self._inside(node, state).sequence(kind.nodes)
        if isinstance(kind, WhileLoop):
            return self._inside(node, state).loop(node, kind)
        if isinstance(kind, DynamicParallel | Matrix | ParallelEach):
            return Merged(parallel_results=fan_out(self, node, kind))
        return NOTHING

    def _code(self, node: Node, code: Code, state: State) -> Any:
        program = self.host.program(code)
        before = dict(state)
        try:
            result = program.run(self.scope(node, state))
        except Cancelled:
            raise
        except Exception as raised:  # noqa: BLE001 - a block may raise anything
            error = failure.failed(raised, node, self.run.redact)
            error.spot = program.spot(raised) or code.spot or error.spot
            raise error from error.__cause__
        _check_changes(before, state)
        return result

    # Nodes inside nodes.

    def _inside(self, node: Node, state: State) -> Flow:
        """A flow for the inner nodes of ``node``, on a working copy of the state."""
        inner = Flow(self.run, self.workflow, Merged(state), branch=self.branch, cancellation=self.cancellation)
        inner.parent = node.name
        return inner

    def sequence(self, nodes: tuple[Node, ...]) -> State:
        """Run ``nodes`` one after another on this flow's state, which is the result."""
        for node in nodes:
            if self.cancellation.requested:
                raise Cancelled
            self.perform(node)
        return self.state

    def loop(self, node: Node, kind: WhileLoop) -> State:
        """Run the body while the condition holds, at most ``max_iterations`` times.

        Raises:
            LimitReached: the limit was reached with the condition still true and ``on_limit: error``.
        """
        iteration = 0
        while kind.condition.holds(self.context()):
            if iteration >= kind.max_iterations:
                self._limit(node, kind)
                break
            if self.emit:
                self.emit(events.LoopPass(node.name, iteration, self.branch))
            try:
                self.sequence(kind.body)
            except TeaError as error:
                inner = f" body node '{error.node}'" if error.node and error.node != node.name else ""
                error.message = f"in while_loop '{node.name}'{inner} at iteration {iteration}: {error.message}"
                error.args = (error.message,)
                error.node = node.name
                raise
            iteration += 1
        return self.state

    def _limit(self, node: Node, kind: WhileLoop) -> None:
        message = f"while_loop '{node.name}' stopped at max_iterations {kind.max_iterations} with its condition still true: {kind.condition.source}"
        if kind.on_limit == "error":
            raise LimitReached(message, hint="raise max_iterations, or remove 'on_limit: error'", node=node.name, spot=node.spot)
        if self.emit:
            self.emit(events.Warned(node.name, "LOOP_LIMIT", message, self.branch))

    def subgraph(self, kind: Subgraph) -> State:
        """Run another workflow on its own state; nothing of this one changes. Returns its final state."""
        given = copy(self.state) if kind.input is None else copy(kind.input.render(self.context()))
        state = {**copy(dict(kind.workflow.initial_state)), **given}
        inner = Flow(self.run, kind.workflow, state, branch=self.branch, cancellation=self.cancellation)
        inner.walk(START)
        return inner.state

    # Time-outs.

    def _within(self, node: Node, seconds: float) -> Any:
        """Run the node on a copy of the state in a thread of its own; the copy becomes the state if it is done in time."""
        cancellation = Cancellation(self.cancellation)
        inner = Flow(self.run, self.workflow, copy(self.state), branch=self.branch, cancellation=cancellation)
        inner.parent = self.parent
        done = threading.Event()
        outcome: list[Any] = []

        def work() -> None:
            try:
                result = inner._result(node, inner.state)
                inner._merge(node, result, inner.state)
                outcome.append(result)
            except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
                outcome.append(error)
            finally:
                done.set()

        thread = threading.Thread(target=work, name=f"tea-{node.name}", daemon=True)
        thread.start()
        try:
            finished = _waited(done, seconds)
        except BaseException:
            cancellation.request()
            stop(thread)
            raise
        if not finished:
            cancellation.request()
            stop(thread)
            raise LimitReached(
                f"node '{node.name}' did not finish within its timeout of {seconds:g} s",
                hint="raise 'timeout' of the node",
                node=node.name,
                spot=node.spot,
            ) from TimeoutError(f"timeout of {seconds:g} s")
        # Also when it failed: the next try sees what this one wrote, as it does without a time-out.
        self.state.clear()
        self.state.update(inner.state)
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]


def _check_changes(before: State, state: State) -> None:
    """Code may write to the state in place: what it put there must be JSON too."""
    for key, value in state.items():
        if before.get(key, NOTHING) is not value:
            state[key] = as_json(value, key) if isinstance(key, str) else as_json({key: value}, "")


def _waited(done: threading.Event, seconds: float) -> bool:
    """Wait for ``done``, at most ``seconds``. In short pieces, because a waiting thread cannot be stopped."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if done.wait(min(left, STOPPABLE)):
            return True
    return done.is_set()
