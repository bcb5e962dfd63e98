"""What a node sees while it runs, and what the engine needs from outside.

The engine knows no language, no action and no model: a :class:`Host` supplies them. What runs
inside a node (a program, an action) is handed a :class:`Scope`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from the_edge_agent.cancellation import Cancellation
from the_edge_agent.engine import events

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from the_edge_agent.engine.state import State
    from the_edge_agent.errors import Spot
    from the_edge_agent.resources import Resources
    from the_edge_agent.workflow.model import Code, Workflow


class Program(Protocol):
    """A ``run:`` block, compiled once; may run in several threads at the same time."""

    def run(self, scope: Scope) -> object:
        """Execute against ``scope.state`` (which it may change in place).

        Returns the mapping of updates, any other value (stored under ``result``), or ``None``-like
        :data:`NOTHING` when the block gave nothing back. Raises whatever the block raises.
        """

    def spot(self, error: BaseException) -> Spot | None:
        """Where in the workflow file ``error`` came out of the block, if that is known."""


class ActionFunction(Protocol):
    """What ``uses:`` calls: the scope, then the rendered parameters as keywords."""

    def __call__(self, scope: Scope, /, **parameters: Any) -> object:
        """Act; returns the result or raises."""


class Host(Protocol):
    """The outside of the engine: languages, actions, secrets, and what lives longer than a run."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secrets of the run, by name."""

    @property
    def resources(self) -> Resources:
        """What outlives a run."""

    @property
    def models(self) -> Any:
        """The models that the user can ask: handed to actions, unknown to the engine."""

    @property
    def code_allowed(self) -> bool:
        """Whether code that stands in a workflow may run at all."""

    def program(self, code: Code) -> Program:
        """``code``, compiled once."""

    def action(self, name: str) -> ActionFunction:
        """The action called ``name``; raises :class:`NodeFailed` when there is none (checked before a run)."""

    def deferred(self, name: str) -> Collection[str]:
        """The parameters that the action called ``name`` renders itself, each time it uses them; none where there is no such action."""

    def action_view(self, scope: Scope) -> Mapping[str, Any]:
        """The mapping ``actions`` that code in a ``run:`` block sees."""

    def subgraph(self, workflow: Workflow) -> Host:
        """The host for ``workflow``, a subgraph: own imports, the same resources."""


class _Nothing:
    """The type of :data:`NOTHING`."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING = _Nothing()
"""A node that gave nothing back: no update, not even ``result: null``."""


class Scope:
    """What one node sees: the state it works on and everything constant around it.

    Attributes:
        state: the live state of this flow (a branch has its own deep copy).
        node: name of the node that runs.
        branch: name of the branch, ``None`` in the main flow.
        workflow: the workflow that runs: ``settings``, ``variables``, ``data``, ``path``.
        host: actions, secrets, resources.
        cancellation: asks long work to stop.
    """

    __slots__ = ("branch", "cancellation", "constants", "emit", "host", "node", "state", "workflow")

    def __init__(
        self,
        *,
        workflow: Workflow,
        host: Host,
        state: State,
        node: str,
        branch: str | None = None,
        cancellation: Cancellation | None = None,
        emit: events.Sink | None = None,
        constants: Mapping[str, Any] | None = None,
    ) -> None:
        self.workflow = workflow
        self.host = host
        self.state = state
        self.node = node
        self.branch = branch
        self.cancellation = cancellation or Cancellation()
        self.emit = emit
        self.constants: Mapping[str, Any] = constants if constants is not None else {}

    def context(self, **more: Any) -> dict[str, Any]:
        """The names a template sees: ``state``, ``variables``, ``secrets``, ``settings``, ``data``, ``env``, ``checkpoint`` and ``more``."""
        return {**self.constants, "state": self.state, **more}

    def token(self, text: str) -> None:
        """Pass on a piece of a model's answer."""
        if self.emit is not None:
            self.emit(events.Token(self.node, text, self.branch))

    def warn(self, code: str, message: str) -> None:
        """Tell the user something although the run goes on."""
        if self.emit is not None:
            self.emit(events.Warned(self.node, code, message, self.branch))
