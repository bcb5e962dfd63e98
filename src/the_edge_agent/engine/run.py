"""One run of a workflow: the state it starts from, where it may pause, who is told."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine import events
from the_edge_agent.engine.flow import Flow
from the_edge_agent.engine.state import State, as_json, copy, restored
from the_edge_agent.errors import NodeFailed, Paused, TeaError, UsageError
from the_edge_agent.redaction import Redactor
from the_edge_agent.workflow.model import END, START, Node, Workflow

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Host

OnInterrupt = Callable[[events.Interrupted], Mapping[str, Any] | None]
"""Called at an interrupt: returns updates to merge (or ``None``) to go on; raises :class:`Paused` to stop there."""


class Run:
    """One execution of ``workflow``. Use it once."""

    def __init__(
        self,
        workflow: Workflow,
        host: Host,
        *,
        sink: events.Sink | None = None,
        on_interrupt: OnInterrupt | None = None,
        interrupt_before: Iterable[str] = (),
        interrupt_after: Iterable[str] = (),
        cancellation: Cancellation | None = None,
    ) -> None:
        self.workflow = workflow
        self.cancellation = cancellation or Cancellation()
        self.interrupt_before = _interrupts(workflow, "before", interrupt_before)
        self.interrupt_after = _interrupts(workflow, "after", interrupt_after)
        self.emit = _serialised(sink) if sink is not None else None
        self._host = host
        self.redact = Redactor(host.secrets.values())
        self._hosts: dict[int, Host] = {id(workflow): host}
        self._constants: dict[int, dict[str, Any]] = {}
        self._on_interrupt = on_interrupt
        self._asking = threading.Lock()

    def execute(
        self,
        state: Mapping[str, Any] | None = None,
        *,
        entry: str | None = None,
        stop_before: str | None = None,
        resume: events.Interrupted | None = None,
    ) -> State:
        """Run from ``entry`` (default: the start) to the end, or until ``stop_before`` would be next; the final state.

        ``state`` lies over ``initial_state``, key by key. Neither is changed. ``resume`` goes on from that interrupt instead:
        over its state, before its node without pausing there again, or behind it without running it again.

        Raises:
            UsageError: ``entry``, ``stop_before`` or the node of ``resume`` is no node, the state is not JSON, or an interrupt was met in a branch.
            TeaError: what failed; the sink has seen :class:`~the_edge_agent.engine.events.RunFailed`.
        """
        resumed = () if resume is None else (resume.node, None if resume.jump == END else resume.jump)
        for name in (entry, stop_before, *resumed):
            if name is not None:
                _known(self.workflow, name)
        first = self._first_state(self.workflow.initial_state if resume is None else restored(resume.state), state)
        if self.emit:
            self.emit(events.RunStarted(self.workflow.name, first))
        flow = Flow(self, self.workflow, first)
        try:
            flow.walk(entry or START, frozenset({stop_before} if stop_before else ()), resume)
            final: State = as_json(flow.state, "")
        except Paused:
            raise
        except TeaError as error:
            self.redact.error(error)
            if self.emit:
                self.emit(events.RunFailed(error.node, error.message, error.code))
            raise
        if self.emit:
            self.emit(events.RunCompleted(final))
        return final

    def _first_state(self, below: Mapping[str, Any], state: Mapping[str, Any] | None) -> State:
        if state is not None and not isinstance(state, Mapping):
            raise UsageError(f"the input must be a mapping, not a {type(state).__name__}", hint='write it as {"key": value}')
        try:
            first: State = copy(dict(below)) | copy(as_json(dict(state or {}), ""))
        except NodeFailed as error:
            raise UsageError(f"the input is not JSON: {error.message}", hint=error.hint) from None
        return first

    def host_of(self, workflow: Workflow) -> Host:
        """The host of ``workflow``: this run's, or one made for a subgraph."""
        host = self._hosts.get(id(workflow))
        if host is None:
            host = self._hosts.setdefault(id(workflow), self._host.subgraph(workflow))
        return host

    def constants_of(self, workflow: Workflow) -> dict[str, Any]:
        """What every template of ``workflow`` sees besides the state."""
        constants = self._constants.get(id(workflow))
        if constants is None:
            found = {
                # Copies: what a block changes in them in place ends with the run.
                "variables": copy(workflow.variables),
                "secrets": self.host_of(workflow).secrets,
                "settings": copy(workflow.settings),
                "data": copy(workflow.data),
                "env": dict(os.environ),
                "checkpoint": {"dir": str(workflow.config.get("checkpoint_dir") or ""), "last": ""},
            }
            constants = self._constants.setdefault(id(workflow), found)
        return constants

    def interrupt(self, node: Node, flow: Flow, event: events.Interrupted) -> None:
        """Tell of the interrupt ``event`` and do what the caller says: go on (with updates), or stop there.

        Raises:
            Paused: nobody said to go on.
        """
        if flow.branch is not None:
            message = f"'{node.name}' runs in the branch '{flow.branch}', where a run cannot be paused"
            raise UsageError(message, hint="interrupt before or after the node where the branches meet", node=node.name, spot=node.spot)
        with self._asking:
            if self.emit:
                self.emit(event)
            if self._on_interrupt is None:
                raise Paused(
                    f"the run is paused {event.when} node '{node.name}'", hint="go on without asking: --auto-continue", node=node.name
                )
            updates = self._on_interrupt(event)
        if updates:
            flow.state.update(as_json(dict(updates), ""))


def _interrupts(workflow: Workflow, when: str, more: Iterable[str]) -> frozenset[str]:
    names = set(more)
    for name in names:
        _known(workflow, name)
    listed = workflow.config.get(f"interrupt_{when}") or ()
    names.update([listed] if isinstance(listed, str) else listed)
    names.update(node.name for node in workflow.nodes.values() if when in node.interrupt)
    return frozenset(names)


def _known(workflow: Workflow, name: str) -> None:
    if name not in workflow.nodes:
        from difflib import get_close_matches

        close = get_close_matches(name, workflow.nodes, n=1)
        raise UsageError(
            f"the workflow has no node '{name}'", hint=f"did you mean '{close[0]}'?" if close else f"nodes: {', '.join(workflow.nodes)}"
        )


def _serialised(sink: events.Sink) -> events.Sink:
    """``sink``, called by one thread at a time."""
    lock = threading.RLock()

    def call(event: events.Event) -> None:
        with lock:
            sink(event)

    return call


__all__ = ["Cancelled", "OnInterrupt", "Run"]
