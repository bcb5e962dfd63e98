"""An agent: a workflow together with everything it needs to run. The seam for library users, the CLI and the server."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict

from the_edge_agent.engine.run import OnInterrupt, Run
from the_edge_agent.engine.scope import Cancellation, Cancelled, Resources
from the_edge_agent.engine.state import copy
from the_edge_agent.engine.stategraph import StateGraph
from the_edge_agent.errors import Problem, Refused, WorkflowInvalid, at_node
from the_edge_agent.host import AgentHost, Library, secrets_from
from the_edge_agent.llm.options import LlmOptions
from the_edge_agent.workflow.model import Action, Code, Workflow, walk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from typing import Unpack

    from the_edge_agent.engine.events import Event, Interrupted, Sink
    from the_edge_agent.workflow.model import Kind

State = dict[str, Any]

__all__ = ["Agent", "OnInterrupt", "StateGraph", "load", "read", "secrets_from"]


class RunOptions(TypedDict, total=False):
    """What :meth:`Agent.stream`, :meth:`Agent.ainvoke` and :meth:`Agent.astream` take besides the state."""

    entry: str | None
    stop_before: str | None
    interrupt_before: Sequence[str]
    interrupt_after: Sequence[str]
    on_interrupt: OnInterrupt | None
    resume: Interrupted | None


def read(
    path: Path | str,
    *,
    overlays: Sequence[Path] = (),
    actions_modules: Sequence[str] = (),
    actions_files: Sequence[Path] = (),
) -> tuple[Workflow | None, tuple[Problem, ...]]:
    """Read and check a workflow file without running anything of it but its ``imports``.

    Returns the workflow (``None`` when it has errors) and every problem found, in file order, warnings included.

    Raises:
        UsageError: a file cannot be read at all.
    """
    library = Library(tuple(actions_modules), tuple(actions_files))
    workflow, problems = _read(Path(path), overlays, library)
    return (None if any(problem.severity == "error" for problem in problems) else workflow), problems


def _read(path: Path, overlays: Sequence[Path], library: Library) -> tuple[Workflow | None, tuple[Problem, ...]]:
    from the_edge_agent.workflow.parse import in_order, parse

    workflow, problems = parse(path, overlays)
    if workflow is None:
        return None, problems
    return workflow, in_order([*problems, *_check_insides(workflow, library)])


def _check_insides(workflow: Workflow, library: Library) -> list[Problem]:
    """What is wrong inside nodes: code that is no code, actions that do not exist, parameters they do not take."""
    from the_edge_agent import languages
    from the_edge_agent.actions import check

    imported, inside = library.add(workflow), list[Problem]()
    for node, kind in walk(workflow):
        for code in _code_in(kind):
            # A block inside parameters has no place of its own: the action's serves.
            place = kind.spot if isinstance(kind, Action) else None
            found = (problem if problem.spot else replace(problem, spot=place) for problem in languages.check(code))
            inside += [at_node(problem, node.name) for problem in found]
    return [*imported, *languages.told_once(inside), *check.check(workflow, library.of(workflow), library.of)]


def load(
    path: Path | str,
    *,
    overlays: Sequence[Path] = (),
    actions_modules: Sequence[str] = (),
    actions_files: Sequence[Path] = (),
    secrets: Mapping[str, str] | None = None,
    llm: LlmOptions | None = None,
    allow_code: bool = True,
) -> Agent:
    """A workflow file → an agent ready to run.

    Raises:
        WorkflowInvalid: with all problems.
        UsageError: a file cannot be read.
        ModelUnavailable: a node needs a model that is not there.
        Refused: there is code (blocks, imports, action files) and ``allow_code`` is false.
    """
    if not allow_code:
        _refuse_code(Path(path), overlays, bool(actions_modules or actions_files))
    library = Library(tuple(actions_modules), tuple(actions_files))
    workflow, problems = _read(Path(path), overlays, library)
    if workflow is None or any(problem.severity == "error" for problem in problems):
        raise WorkflowInvalid(problems)
    agent = Agent(workflow, secrets=secrets, llm=llm, library=library, allow_code=allow_code)
    agent.problems = problems
    return agent


def _refuse_code(path: Path, overlays: Sequence[Path], extra: bool) -> None:  # noqa: FBT001 - private, called once
    """Refuse before a line of a workflow's code is imported or compiled."""
    from the_edge_agent.workflow.parse import parse

    workflow, _ = parse(path, overlays)
    found = [] if workflow is None else [f"node '{node.name}'" for node, kind in walk(workflow) if _code_in(kind)]
    graphs = () if workflow is None else workflow.graphs()
    found += [f"import of {item.path or item.package}" for graph in graphs for item in graph.imports]
    found += ["actions files or modules"] if extra else []
    if found:
        raise Refused(
            f"the workflow runs code, which --no-code refuses: {', '.join(found)}",
            hint="look at it (tea inspect), then run without --no-code",
        )


def _code_in(kind: Kind) -> tuple[Code, ...]:
    """The code of a node's kind: its block, or those inside the parameters of a ``reflection.*`` action."""
    if isinstance(kind, Action) and kind.name.startswith("reflection."):
        from the_edge_agent.actions.reflection import blocks

        return blocks(kind)
    return (kind,) if isinstance(kind, Code) else ()


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
        self._options = llm or LlmOptions()
        self._resources = Resources()
        self._resources.get("llm.options", lambda: self._options)
        library = library or Library()
        problems = library.add(workflow)
        if problems:
            raise WorkflowInvalid(tuple(problems))
        if library.asks_a_model(workflow):
            from the_edge_agent.llm.choose import preflight

            preflight(workflow, self._options, os.environ)
        self._host = AgentHost(library.of(workflow), library, secrets=self.secrets, resources=self._resources, code_allowed=allow_code)

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
        self._resources.close()
        self._resources.get("llm.options", lambda: self._options)

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
