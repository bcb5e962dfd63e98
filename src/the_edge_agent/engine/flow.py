"""One line of control: the main flow, a branch, a subgraph, or the inside of a node. It owns one state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from the_edge_agent.engine.scope import Scope
from the_edge_agent.engine.state import State, copy

if TYPE_CHECKING:
    from the_edge_agent.cancellation import Cancellation
    from the_edge_agent.engine.checkpoint import Checkpoint
    from the_edge_agent.engine.events import Sink
    from the_edge_agent.engine.scope import Host
    from the_edge_agent.redaction import Redactor
    from the_edge_agent.workflow.model import Node, Workflow


class Running(Protocol):
    """What the flows of one run share: see :class:`the_edge_agent.engine.run.Run`."""

    @property
    def emit(self) -> Sink | None:
        """Who is told what happens; ``None`` when nobody listens."""

    @property
    def redact(self) -> Redactor:
        """Hides secrets in what is told."""

    def host_of(self, workflow: Workflow) -> Host:
        """The outside of ``workflow``, which is this run's or a subgraph."""

    def constants_of(self, workflow: Workflow) -> dict[str, Any]:
        """What every template of ``workflow`` sees besides the state."""

    def interrupts(self, workflow: Workflow) -> tuple[frozenset[str], frozenset[str]]:
        """The nodes of ``workflow`` before and after which the run is interrupted."""

    def interrupt(self, flow: Flow, node: Node, checkpoint: Checkpoint, *, branches: bool) -> None:
        """Stop at ``checkpoint`` by raising :class:`~the_edge_agent.errors.Paused`, or let ``flow`` go on, perhaps with updates."""

    def walk(self, flow: Flow) -> None:
        """Take ``flow`` through its whole graph."""


class Flow:
    """``branch`` is ``None`` in the main flow; ``parent`` is the node whose steps or body this flow runs."""

    __slots__ = ("branch", "cancellation", "constants", "emit", "host", "parent", "run", "state", "workflow")

    def __init__(
        self,
        run: Running,
        workflow: Workflow,
        state: State,
        cancellation: Cancellation,
        *,
        branch: str | None = None,
        parent: str | None = None,
    ) -> None:
        self.run = run
        self.workflow = workflow
        self.state = state
        self.cancellation = cancellation
        self.branch = branch
        self.parent = parent
        self.host = run.host_of(workflow)
        self.constants = run.constants_of(workflow)
        self.emit = run.emit

    def fork(self, name: str, cancellation: Cancellation) -> Flow:
        """A flow for the branch ``name`` on a deep copy of the state."""
        return Flow(self.run, self.workflow, copy(self.state), cancellation, branch=f"{self.branch}/{name}" if self.branch else name)

    def context(self, **more: Any) -> dict[str, Any]:
        """The names a template or condition sees."""
        state = self.state
        if "parallel_results" in state:
            more["parallel_results"] = state["parallel_results"]
        return {**self.constants, "state": state, **more}

    def scope(self, node: Node) -> Scope:
        """What a program or an action sees."""
        return Scope(
            workflow=self.workflow,
            host=self.host,
            state=self.state,
            node=node.name,
            branch=self.branch,
            cancellation=self.cancellation,
            emit=self.emit,
            constants=self.constants,
        )
