"""An agent: a workflow together with everything it needs to run. The seam for library users, the CLI and the server."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict

from the_edge_agent.actions.library import Library
from the_edge_agent.actions.preflight import preflight
from the_edge_agent.actions.survey import Survey
from the_edge_agent.agent.host import AgentHost, secrets_from
from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine.run import OnInterrupt, Run
from the_edge_agent.engine.state import copy
from the_edge_agent.errors import Problem, WorkflowInvalid
from the_edge_agent.llm.connect import Models
from the_edge_agent.resources import Resources

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from typing import Unpack

    from the_edge_agent.engine.events import Event, Interrupted, Sink
    from the_edge_agent.llm.options import LlmOptions
    from the_edge_agent.workflow.model import Workflow

State = dict[str, Any]


class RunOptions(TypedDict, total=False):
    """What :meth:`Agent.stream`, :meth:`Agent.ainvoke` and :meth:`Agent.astream` take besides the state."""

    entry: str | None
    stop_before: str | None
    interrupt_before: Sequence[str]
    interrupt_after: Sequence[str]
    on_interrupt: OnInterrupt | None
    resume: Interrupted | None


def _secrets(workflow: Workflow, given: Mapping[str, str]) -> dict[str, str]:
    """What ``settings.secrets`` takes from the environment, with ``given`` on top."""
    wanted = workflow.settings.get("secrets")
    prefix = wanted.get("prefix") if isinstance(wanted, dict) else None
    return {**(secrets_from(os.environ, prefix) if prefix else {}), **given}


class Agent:
    """Runs one workflow, any number of times, also from several threads. Close it (or use ``with``) to free models and stores."""

    def __init__(
        self,
        workflow: Workflow,
        *,
        secrets: Mapping[str, str] | None = None,
        llm: LlmOptions | None = None,
        library: Library | None = None,
        allow_code: bool = True,
    ) -> None:
        self.workflow = workflow
        self.problems: tuple[Problem, ...] = ()
        """The warnings of loading."""
        self.secrets = _secrets(workflow, secrets or {})
        self._models = Models(llm)
        self._resources = Resources()
        library = library or Library()
        problems = library.add(workflow)
        if problems:
            raise WorkflowInvalid(tuple(problems))
        preflight(Survey(workflow, library.of), self._models.options, os.environ)
        self._host = AgentHost(
            library.of(workflow),
            library,
            secrets=self.secrets,
            resources=self._resources,
            models=self._models,
            code_allowed=allow_code,
        )

    def invoke(
        self,
        state: Mapping[str, Any] | None = None,
        *,
        sink: Sink | None = None,
        entry: str | None = None,
        stop_before: str | None = None,
        interrupt_before: Sequence[str] = (),
        interrupt_after: Sequence[str] = (),
        on_interrupt: OnInterrupt | None = None,
        resume: Interrupted | None = None,
        cancellation: Cancellation | None = None,
    ) -> State:
        """Run to the end and return the final state.

        ``state`` overlays ``initial_state`` key by key. ``entry`` starts at that node, ``stop_before`` ends the
        run when that node would be next. ``resume`` goes on from an interrupt of an earlier run: over its state
        instead of ``initial_state``, and without running its node again when that had finished. Without ``on_interrupt`` an interrupt raises :class:`Paused`.
        Raises what :mod:`the_edge_agent.errors` lists; the sink has seen ``RunFailed`` before.
        """
        run = Run(
            self.workflow,
            self._host,
            sink=sink,
            on_interrupt=on_interrupt,
            interrupt_before=interrupt_before,
            interrupt_after=interrupt_after,
            cancellation=cancellation,
        )
        return run.execute(state, entry=entry, stop_before=stop_before, resume=resume)

    def stream(self, state: Mapping[str, Any] | None = None, **options: Unpack[RunOptions]) -> Iterator[Event]:
        """The events of a run as they happen, each with its own copy of the state; leaving the iterator stops the run.

        Raises what :meth:`invoke` raises, after the last event.
        """
        feed = _Feed(self, state, options)
        try:
            while (event := feed.events.get()) is not None:
                yield event
        finally:
            feed.cancellation.request()
        feed.finish()

    async def ainvoke(self, state: Mapping[str, Any] | None = None, **options: Unpack[RunOptions]) -> State:
        """:meth:`invoke` without blocking the event loop; cancelling the task stops the run."""
        import asyncio

        cancellation = Cancellation()
        try:
            return await asyncio.to_thread(self.invoke, state, cancellation=cancellation, **options)
        except asyncio.CancelledError:
            cancellation.request()
            raise

    async def astream(self, state: Mapping[str, Any] | None = None, **options: Unpack[RunOptions]) -> AsyncIterator[Event]:
        """:meth:`stream` without blocking the event loop."""
        import asyncio

        feed = _Feed(self, state, options)
        try:
            while (event := await asyncio.to_thread(feed.events.get)) is not None:
                yield event
        finally:
            feed.cancellation.request()
        feed.finish()

    def close(self) -> None:
        """Free what the agent holds. Idempotent; a later run loads it again."""
        with contextlib.closing(self._models):
            self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> Literal[False]:
        self.close()
        return False


class _Feed:
    """A run on a thread of its own whose events wait in a queue; ``None`` is the end."""

    def __init__(self, agent: Agent, state: Mapping[str, Any] | None, options: RunOptions) -> None:
        self.events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self.cancellation = Cancellation()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(agent, state, options), name="tea-run", daemon=True)
        self._thread.start()

    def _run(self, agent: Agent, state: Mapping[str, Any] | None, options: RunOptions) -> None:
        try:
            with contextlib.suppress(Cancelled):
                agent.invoke(state, sink=self._put, cancellation=self.cancellation, **options)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that reads the events
            self._error = error
        finally:
            self.events.put(None)

    def _put(self, event: Event) -> None:
        held = getattr(event, "state", None)
        if held is not None:
            event = replace(event, state=copy(held))  # type: ignore[call-arg]
        self.events.put(event)

    def finish(self) -> None:
        """Wait for the run's thread and raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
