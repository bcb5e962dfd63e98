"""One run of a workflow: its options, the state it starts from, where it may pause, who is told."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from the_edge_agent.cancellation import Cancellation
from the_edge_agent.engine import events, walk
from the_edge_agent.engine.flow import Flow
from the_edge_agent.engine.state import State, as_json, copy, restored
from the_edge_agent.errors import NodeFailed, Paused, TeaError, UsageError
from the_edge_agent.redaction import Redactor
from the_edge_agent.workflow.model import END, START, Node, Workflow

if TYPE_CHECKING:
    from typing import Unpack

    from the_edge_agent.engine.checkpoint import Checkpoint
    from the_edge_agent.engine.scope import Host

OnInterrupt = Callable[[events.Interrupted], Mapping[str, Any] | None]
"""Called at an interrupt: returns updates to merge (or ``None``) to go on; raises :class:`Paused` to stop there."""


class RunOptions(TypedDict, total=False):
    """How a run goes; each may be left out.

    ``entry`` starts at that node, ``stop_before`` ends the run when that node would be next. ``interrupt_before`` and
    ``interrupt_after`` are nodes to be interrupted at besides those the workflow names; without ``on_interrupt`` an
    interrupt raises :class:`Paused`. ``resume`` goes on from the interrupt of an earlier run or its checkpoint: over its
    state instead of ``initial_state``, before its node without an interrupt there, or behind it without running it again.
    """

    entry: str | None
    stop_before: str | None
    interrupt_before: Iterable[str]
    interrupt_after: Iterable[str]
    on_interrupt: OnInterrupt | None
    resume: Checkpoint | events.Interrupted | None


class Run:
    """One execution of ``workflow``. Use it once."""

    def __init__(
        self,
        workflow: Workflow,
        host: Host,
        *,
        sink: events.Sink | None = None,
        cancellation: Cancellation | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        """Raises :class:`UsageError` when an option names a node that the workflow does not have."""
        unknown = options.keys() - RunOptions.__optional_keys__
        if unknown:
            raise TypeError(f"a run has no option '{min(unknown)}'")
        self._telling, self._over = threading.RLock(), False
        self.emit = None if sink is None else self._serialised(sink)
        self.redact = Redactor(host.secrets.values())
        self._workflow = workflow
        self._host = host
        self._cancellation = cancellation or Cancellation()
        self._entry = _known(workflow, options.get("entry")) or START
        self._stop_before = _known(workflow, options.get("stop_before"))
        self._before = _interrupts(workflow, "before", options.get("interrupt_before", ()))
        self._after = _interrupts(workflow, "after", options.get("interrupt_after", ()))
        self._on_interrupt = options.get("on_interrupt")
        self._resume = _resumable(workflow, options.get("resume"))
        self._hosts: dict[int, Host] = {id(workflow): host}
        self._constants: dict[int, dict[str, Any]] = {}
        self._asking = threading.Lock()

    def execute(self, state: Mapping[str, Any] | None = None) -> State:
        """Run to the end; the final state. ``state`` lies over ``initial_state``, key by key; neither is changed.

        Raises:
            UsageError: the state is not JSON, or an interrupt was met in a branch.
            TeaError: what failed; the sink has seen :class:`~the_edge_agent.engine.events.RunFailed`.
        """
        first = self._first_state(state)
        if self.emit:
            self.emit(events.RunStarted(self._workflow.name, first))
        flow = Flow(self, self._workflow, first, self._cancellation)
        try:
            walk.walk(flow, self._entry, frozenset({self._stop_before} if self._stop_before else ()), self._resume)
            final: State = as_json(flow.state, "")
        except Paused:
            raise
        except TeaError as error:
            self.redact.error(error)
            self._end(events.RunFailed(error.node, error.message, error.code))
            raise
        else:
            self._end(events.RunCompleted(final))
        finally:
            self._over = True
        return final

    def _serialised(self, sink: events.Sink) -> events.Sink:
        """``sink``, called by one thread at a time, and not by branches that nobody waited for when the run is over."""

        def tell(event: events.Event) -> None:
            with self._telling:
                if not self._over:
                    sink(event)

        return tell

    def _end(self, event: events.Event) -> None:
        with self._telling:
            if self.emit:
                self.emit(event)
            self._over = True

    def _first_state(self, state: Mapping[str, Any] | None) -> State:
        if state is not None and not isinstance(state, Mapping):
            raise UsageError(f"the input must be a mapping, not a {type(state).__name__}", hint='write it as {"key": value}')
        below = self._workflow.initial_state if self._resume is None else restored(self._resume.state)
        try:
            first: State = copy(dict(below)) | copy(as_json(dict(state or {}), ""))
        except NodeFailed as error:
            raise UsageError(f"the input is not JSON: {error.message}", hint=error.hint) from None
        return first

    # What its flows share.

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

    def walk(self, flow: Flow) -> None:
        """Take ``flow`` through its whole graph."""
        walk.walk(flow)

    def interrupts(self, workflow: Workflow) -> tuple[frozenset[str], frozenset[str]]:
        """The nodes before and after which the run is interrupted: none in a subgraph."""
        return (self._before, self._after) if workflow is self._workflow else (frozenset(), frozenset())

    def interrupt(self, flow: Flow, node: Node, checkpoint: Checkpoint, *, branches: bool) -> None:
        """Tell of the interrupt at ``checkpoint`` and do what the caller says: go on (with updates), or stop there.

        Raises:
            Paused: nobody said to go on.
            UsageError: the flow is a branch.
        """
        if flow.branch is not None:
            message = f"'{node.name}' runs in the branch '{flow.branch}', where a run cannot be paused"
            raise UsageError(message, hint="interrupt before or after the node where the branches meet", node=node.name, spot=node.spot)
        event = events.Interrupted(checkpoint, branches)
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


def _resumable(workflow: Workflow, resume: Checkpoint | events.Interrupted | None) -> Checkpoint | None:
    checkpoint = resume.checkpoint if isinstance(resume, events.Interrupted) else resume
    if checkpoint is not None:
        _known(workflow, checkpoint.node)
        _known(workflow, None if checkpoint.jump == END else checkpoint.jump)
        if checkpoint.when == "inside":
            raise UsageError(f"the checkpoint was made inside of node '{checkpoint.node}', where no run goes on")
    return checkpoint


def _interrupts(workflow: Workflow, when: str, more: Iterable[str]) -> frozenset[str]:
    names = set(more)
    for name in names:
        _known(workflow, name)
    listed = workflow.config.get(f"interrupt_{when}") or ()
    names.update([listed] if isinstance(listed, str) else listed)
    names.update(node.name for node in workflow.nodes.values() if when in node.interrupt)
    return frozenset(names)


def _known(workflow: Workflow, name: str | None) -> str | None:
    """``name``; raises :class:`UsageError` when it is no node."""
    if name is not None and name not in workflow.nodes:
        from difflib import get_close_matches

        close = get_close_matches(name, workflow.nodes, n=1)
        raise UsageError(
            f"the workflow has no node '{name}'", hint=f"did you mean '{close[0]}'?" if close else f"nodes: {', '.join(workflow.nodes)}"
        )
    return name
