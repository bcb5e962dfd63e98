"""An agent: a workflow together with everything it needs to run. The seam for library users, the CLI and the server."""

from __future__ import annotations

import os
import threading
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

from the_edge_agent.actions.library import Library
from the_edge_agent.actions.preflight import preflight
from the_edge_agent.actions.survey import Survey
from the_edge_agent.agent.host import AgentHost, secrets_from
from the_edge_agent.cancellation import Cancellation
from the_edge_agent.engine import events
from the_edge_agent.engine.run import Run
from the_edge_agent.engine.state import copy
from the_edge_agent.errors import Problem, WorkflowInvalid
from the_edge_agent.llm.connect import Models
from the_edge_agent.resources import Resources

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from typing import Unpack

    from the_edge_agent.engine.events import Event, Sink
    from the_edge_agent.engine.run import RunOptions
    from the_edge_agent.llm.options import LlmOptions
    from the_edge_agent.workflow.model import Workflow

State = dict[str, Any]


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
        cancellation: Cancellation | None = None,
        **options: Unpack[RunOptions],
    ) -> State:
        """Run to the end and return the final state.

        ``state`` overlays ``initial_state`` key by key; ``sink`` is called with every event, and ``cancellation`` stops the run.
        Raises what :mod:`the_edge_agent.errors` lists; the sink has seen ``RunFailed`` before.
        """
        return Run(self.workflow, self._host, sink=sink, cancellation=cancellation, **options).execute(state)

    def stream(self, state: Mapping[str, Any] | None = None, **options: Unpack[RunOptions]) -> Iterator[Event]:
        """The events of a run as they happen, each with its own copy of the state; leaving the iterator stops the run.

        Raises what :meth:`invoke` raises, after the last event.
        """
        from queue import SimpleQueue

        told: SimpleQueue[Event | None] = SimpleQueue()
        run = _Background(self, state, options, sink=lambda event: told.put(_kept(event)), ended=lambda: told.put(None))
        with run:
            while (event := told.get()) is not None:
                yield event
            run.result()

    async def ainvoke(self, state: Mapping[str, Any] | None = None, **options: Unpack[RunOptions]) -> State:
        """:meth:`invoke` without blocking the event loop; cancelling the task stops the run."""
        import asyncio

        loop, over = asyncio.get_running_loop(), asyncio.Event()
        with _Background(self, state, options, ended=lambda: loop.call_soon_threadsafe(over.set)) as run:
            await over.wait()
            return run.result()

    async def astream(self, state: Mapping[str, Any] | None = None, **options: Unpack[RunOptions]) -> AsyncIterator[Event]:
        """:meth:`stream` without blocking the event loop."""
        import asyncio

        loop = asyncio.get_running_loop()
        told: asyncio.Queue[Event | None] = asyncio.Queue()

        def tell(event: Event | None) -> None:
            loop.call_soon_threadsafe(told.put_nowait, event)

        with _Background(self, state, options, sink=lambda event: tell(_kept(event)), ended=lambda: tell(None)) as run:
            while (event := await told.get()) is not None:
                yield event
            run.result()

    def close(self) -> None:
        """Free what the agent holds. Idempotent; a later run loads it again."""
        with closing(self._models):
            self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> Literal[False]:
        self.close()
        return False


class _Background:
    """A run on a thread of its own; leaving the ``with`` block stops it. ``ended`` is called on that thread when it is over."""

    def __init__(
        self,
        agent: Agent,
        state: Mapping[str, Any] | None,
        options: RunOptions,
        *,
        sink: Sink | None = None,
        ended: Callable[[], object],
    ) -> None:
        self._cancellation = Cancellation()
        self._final: State = {}
        self._error: BaseException | None = None

        def work() -> None:
            try:
                self._final = agent.invoke(state, sink=sink, cancellation=self._cancellation, **options)
            except BaseException as error:  # noqa: BLE001 - handed to who waits for the result
                self._error = error
            with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
                ended()

        self._thread = threading.Thread(target=work, name="tea-run", daemon=True)
        self._thread.start()

    def result(self) -> State:
        """The final state of a run that is over; raises what ended it."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._final

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cancellation.request()


def _kept(event: Event) -> Event:
    """``event`` with a copy of the state, which the run goes on to change."""
    if isinstance(event, events.RunStarted | events.NodeCompleted | events.RunCompleted):
        return replace(event, state=copy(event.state))
    return event
