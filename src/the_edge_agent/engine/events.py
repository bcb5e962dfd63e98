"""What a run tells the outside while it happens.

A sink is any callable that takes one :class:`Event`. It is called on the thread that does the
work (branches call it from theirs, one at a time: the run holds a lock), must not block for long,
and must not change what it is given: ``state`` is the live mapping of the run, to be copied or
written out before the sink returns.

``type`` is the name an event has in ``tea run --stream``; the peer's four (``start``,
``node_complete``, ``error``, ``complete``) keep their names and fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from the_edge_agent.engine.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Event:
    """Root of all events.

    ``branch`` is ``None`` in the main flow, else the branch's name such as ``fan[0]`` (``fan[0]/left`` for one
    inside it). ``parent`` is set for a node inside ``steps`` or a loop's ``body``: the node that holds it.
    """

    type: ClassVar[str] = "event"


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """A run begins; ``state`` is what it starts from."""

    type: ClassVar[str] = "start"
    workflow: str
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NodeStarted(Event):
    """A node begins."""

    type: ClassVar[str] = "node_start"
    node: str
    branch: str | None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class NodeCompleted(Event):
    """A node is done and what it gave is merged into ``state``; it took ``seconds``."""

    type: ClassVar[str] = "node_complete"
    node: str
    state: Mapping[str, Any]
    seconds: float
    branch: str | None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class NodeErrored(Event):
    """A node failed; ``handled`` tells whether ``on_error`` lets the run go on."""

    type: ClassVar[str] = "node_error"
    node: str
    error: str
    error_type: str
    handled: bool
    seconds: float
    branch: str | None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class NodeRetried(Event):
    """Attempt number ``attempt`` (from 1) failed; the next one starts after ``delay`` seconds."""

    type: ClassVar[str] = "node_retry"
    node: str
    attempt: int
    delay: float
    error: str
    branch: str | None


@dataclass(frozen=True, slots=True)
class LoopPass(Event):
    """Pass ``iteration`` (from 0) of a ``while_loop`` begins."""

    type: ClassVar[str] = "loop_pass"
    node: str
    iteration: int
    branch: str | None


@dataclass(frozen=True, slots=True)
class FanOutStarted(Event):
    """``node`` starts ``branches`` side by side."""

    type: ClassVar[str] = "fan_out"
    node: str
    branches: tuple[str, ...]
    branch: str | None


@dataclass(frozen=True, slots=True)
class BranchStarted(Event):
    """A branch of the fan-out at ``node`` begins."""

    type: ClassVar[str] = "branch_start"
    node: str
    branch: str


@dataclass(frozen=True, slots=True)
class BranchCompleted(Event):
    """A branch is done, or failed with ``error``."""

    type: ClassVar[str] = "branch_complete"
    node: str
    branch: str
    success: bool
    error: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Token(Event):
    """A piece of a model's answer, as soon as it is there. ``text`` is valid Unicode, never half a character."""

    type: ClassVar[str] = "token"
    node: str
    text: str
    branch: str | None


@dataclass(frozen=True, slots=True)
class Interrupted(Event):
    """The run met an interrupt at ``checkpoint``, whose state is a copy.

    ``branches``: some are under way, and the state does not have their results: nothing goes on from there.
    """

    type: ClassVar[str] = "interrupt"
    checkpoint: Checkpoint
    branches: bool = False

    @property
    def node(self) -> str:
        """The node before or after which the run stands."""
        return self.checkpoint.node

    @property
    def when(self) -> str:
        """``before`` or ``after``."""
        return self.checkpoint.when

    @property
    def state(self) -> Mapping[str, Any]:
        """The state there."""
        return self.checkpoint.state


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something the user should know although the run goes on."""

    type: ClassVar[str] = "warning"
    node: str | None
    code: str
    message: str
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class RunFailed(Event):
    """The run ends with an error; ``code`` is the stable one."""

    type: ClassVar[str] = "error"
    node: str | None
    error: str
    code: str


@dataclass(frozen=True, slots=True)
class RunCompleted(Event):
    """The run is done; ``state`` is final."""

    type: ClassVar[str] = "complete"
    state: Mapping[str, Any]


Sink = Callable[[Event], None]
