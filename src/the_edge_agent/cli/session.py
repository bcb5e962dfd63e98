"""One ``tea run`` or ``tea resume``: the workflow loaded, its events shown, its answer delivered."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from the_edge_agent.cancellation import Cancellation
from the_edge_agent.cli import files, inputs, keys, pausing
from the_edge_agent.cli.answer import Answer, claimed, encoded
from the_edge_agent.cli.progress import Heartbeat, LiveProgress, PlainProgress, Warnings, Whereabouts
from the_edge_agent.cli.report import report_problems
from the_edge_agent.cli.stopping import Stopped, stoppable
from the_edge_agent.cli.stream import EventStream
from the_edge_agent.errors import NodeFailed, TeaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from the_edge_agent.agent import Agent
    from the_edge_agent.cli.console import Console
    from the_edge_agent.cli.progress import Progress
    from the_edge_agent.engine.checkpoint import Checkpoint
    from the_edge_agent.engine.events import Event, Sink
    from the_edge_agent.engine.run import RunOptions


_STANDARD_OUTPUT = frozenset({"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
"""Names of standard output. While a workflow runs, file descriptor 1 is not the real one (see :func:`claimed`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """What was typed after ``tea run``; see there for what each means. ``checkpoint`` is that of ``tea resume``.

    ``inputs`` are those of the options of a bundled agent, which lie over ``--input``; ``agent`` is what a user types to start it.
    """

    file: Path
    values: tuple[str, ...]
    input_text: str | None
    output: Path | None
    raw: str | None
    stream: bool
    quiet: bool
    verbose: int
    overlays: tuple[Path, ...]
    dump_merged: bool
    gguf: Path | None
    backend: Literal["local", "api", "auto"]
    secrets_text: str | None
    secrets_prefix: str | None
    checkpoint_dir: Path | None
    interrupt_before: tuple[str, ...]
    interrupt_after: tuple[str, ...]
    auto_continue: bool
    entry_point: str | None
    exit_point: str | None
    fail_on_state: tuple[str, ...]
    actions_modules: tuple[str, ...]
    actions_files: tuple[Path, ...]
    no_code: bool
    debug_state: Path | None
    heartbeat: bool
    checkpoint: Path | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    agent: str | None = None


class Session:
    """Carries one run from its options to its exit code."""

    def __init__(self, options: CommandLine, console: Console) -> None:
        self._options = options
        self._output = None if str(options.output) in _STANDARD_OUTPUT else options.output
        self._console = console
        self._whereabouts = Whereabouts()
        self._progress: Progress | None = None
        self._stream: EventStream | None = None
        self._streams_to_terminal = False

    def run(self) -> int:
        """Run the workflow and deliver its final state; returns 0, everything else is raised.

        Raises:
            TeaError: what :meth:`Agent.invoke` and loading raise, and what the options rule out.
            Stopped: Ctrl-C or SIGTERM; the message names the node that ran.
            BrokenPipeError: the reader of standard output has gone.
        """
        if self._options.dump_merged:
            return self._dump()
        self._console.verbose = self._options.verbose > 0
        # While a workflow runs, file descriptor 1 is not the real one.
        self._streams_to_terminal = self._options.stream and os.isatty(1)
        with ExitStack() as stack:
            answer = stack.enter_context(claimed(self._console))
            stack.enter_context(stoppable())
            if self._options.stream:
                self._stream = EventStream(answer, self._console.shown, everything=self._options.verbose > 0)
            try:
                return self._deliver(answer)
            except Stopped as stop:
                if self._stream is not None and self._stream.broken:
                    raise BrokenPipeError from None
                raise self._located(stop) from None
            except TeaError as error:
                if error.code != "PAUSED":
                    self._fail(error.node, error.message, error.code)
                raise
            except Exception as error:
                self._fail(self._whereabouts.node, f"{type(error).__name__}: {error}", "BUG")
                raise

    def _deliver(self, answer: Answer) -> int:
        options = self._options
        inputs.read_once(self._texts())
        unwanted = inputs.pairs("--fail-on-state", options.fail_on_state)
        if self._output is not None:
            inputs.writable("--output", self._output)
        secrets = inputs.secrets(options.secrets_text, options.secrets_prefix, os.environ)
        self._console.redact.hide(secrets.values())
        if options.secrets_prefix and not secrets and not options.quiet:
            self._console.line(f"warning [NO_SECRETS]: no environment variable starts with {options.secrets_prefix}")
        given = inputs.mapping("--input", options.input_text) if options.input_text is not None else {}
        given |= options.inputs
        assigned = keys.assigned(options.values)
        resume = None if options.checkpoint is None else pausing.checkpoint(options.checkpoint)
        state = self._final_state(given, assigned, secrets, resume)
        content = encoded(state, indent=2)
        if options.raw is not None:
            content = keys.raw(keys.value(state, options.raw))
        if self._output is not None:
            files.write("--output", self._output, content)
        elif self._stream is None:
            answer.write(content)
        _refuse(state, unwanted)
        return 0

    def _texts(self) -> Iterator[tuple[str, str | None]]:
        """What may name standard input: what it is for, and what was typed."""
        options = self._options
        yield from (("the workflow", str(path)) for path in (options.file, *options.overlays))
        yield from (("--input", options.input_text), ("--secrets", options.secrets_text))
        yield from ((key, text) for key, _, text in (each.partition("=") for each in options.values))

    def _final_state(
        self, given: dict[str, Any], assigned: dict[str, Any], secrets: dict[str, str], resume: Checkpoint | None
    ) -> dict[str, Any]:
        with self._load(secrets) as agent, ExitStack() as stack:
            self._keep_inputs(agent)
            self._console.redact.hide(agent.secrets.values())
            below = agent.workflow.initial_state if resume is None else resume.state
            given = keys.laid(assigned, given, below)
            if not self._options.quiet:
                report_problems(agent.problems, self._console)
                report_problems(keys.misspelt(given, {*keys.known(agent.workflow), *below}), self._console)
            self._progress = self._shown()
            if self._progress is not None:
                stack.callback(self._progress.close)
            cancellation = Cancellation()
            stack.callback(cancellation.request)
            return agent.invoke(given, cancellation=cancellation, sink=self._sink(), **self._run_options(agent, resume))

    def _keep_inputs(self, agent: Agent) -> None:
        """Raise :class:`UsageError` when the final state would be written over what the run was made of."""
        options = self._options
        given = [options.file, *options.overlays, *options.actions_files, options.gguf, options.checkpoint]
        given += [path for graph in agent.workflow.graphs() for path in (graph.path, *(one.path for one in graph.imports))]
        files.keep("--output", self._output, [path for path in given if path is not None])

    def _run_options(self, agent: Agent, resume: Checkpoint | None) -> RunOptions:
        typed, nodes = self._options, agent.workflow.nodes
        return {
            "entry": self._node("--entry-point", typed.entry_point, nodes),
            "stop_before": self._node("--exit-point", typed.exit_point, nodes),
            "interrupt_before": inputs.names("--interrupt-before", typed.interrupt_before, nodes),
            "interrupt_after": inputs.names("--interrupt-after", typed.interrupt_after, nodes),
            "on_interrupt": self._pausing(agent),
            "resume": resume,
        }

    def _load(self, secrets: dict[str, str]) -> Agent:
        from the_edge_agent.agent import load
        from the_edge_agent.llm.options import LlmOptions

        options = self._options
        return load(
            options.file,
            overlays=options.overlays,
            actions_modules=options.actions_modules,
            actions_files=options.actions_files,
            secrets=secrets,
            llm=LlmOptions(gguf=options.gguf, backend=options.backend),
            allow_code=not options.no_code,
        )

    def _node(self, option: str, name: str | None, nodes: Any) -> str | None:
        return None if name is None else inputs.names(option, (name.replace(",", ""),), nodes)[0]

    def _pausing(self, agent: Agent) -> pausing.Pausing:
        from pathlib import Path

        folder = self._options.checkpoint_dir
        named = agent.workflow.config.get("checkpoint_dir")
        if folder is None and isinstance(named, str) and named:
            folder = Path(named)
        typed = shlex.join([str(self._options.file), *(word for path in self._options.overlays for word in ("-f", str(path)))])
        bundled = self._options.agent
        return pausing.Pausing(
            self._console,
            run=bundled or f"tea run {typed}",
            resume=f"{bundled} tea resume CHECKPOINT" if bundled else f"tea resume CHECKPOINT -w {typed}",
            config=agent.workflow.config,
            checkpoint_folder=folder,
            go_on=self._options.auto_continue,
            progress=self._progress,
        )

    def _shown(self) -> Progress | None:
        if self._options.quiet or self._streams_to_terminal:
            # Both would write to one terminal, and a line of JSON would not be one any more.
            return None
        if self._console.live:
            return LiveProgress(self._console)
        return PlainProgress(self._console) if self._options.verbose else None

    def _sink(self) -> Sink:
        sinks: list[Sink] = [self._whereabouts]
        if self._progress is not None:
            sinks.append(self._progress)
        if not self._options.quiet:
            sinks.append(Warnings(self._console))
        if self._options.heartbeat:
            sinks.append(Heartbeat(self._console))
        if self._options.debug_state is not None:
            from the_edge_agent.cli.statefiles import StateFiles

            sinks.append(StateFiles(self._options.debug_state, self._console.shown))
        if self._stream is not None:
            sinks.append(self._stream)

        def sink(event: Event) -> None:
            for each in sinks:
                each(event)

        return sink

    def _fail(self, node: str | None, message: str, code: str) -> None:
        if self._stream is not None:
            self._stream.fail(node, message, code)

    def _located(self, stop: Stopped) -> Stopped:
        node = self._whereabouts.node
        if node is not None:
            stop.args = (f"{stop} at node {node}",)
        self._fail(node, str(stop), "INTERRUPTED")
        return stop

    def _dump(self) -> int:
        from the_edge_agent.agent import read
        from the_edge_agent.cli.dump import as_yaml
        from the_edge_agent.errors import WorkflowInvalid

        options = self._options
        workflow, problems = read(
            options.file, overlays=options.overlays, actions_modules=options.actions_modules, actions_files=options.actions_files
        )
        if workflow is None:
            raise WorkflowInvalid(problems)
        sys.stdout.write(as_yaml(dict(workflow.document)))
        return 0


def _refuse(state: dict[str, Any], unwanted: tuple[tuple[str, str], ...]) -> None:
    """Raise :class:`NodeFailed` when ``state`` has one of the values of ``--fail-on-state``."""
    for key, text in unwanted:
        if key in state and str(state[key]) == text:
            raise NodeFailed(f"the final state has {key}={text}, which --fail-on-state names", error_type="FailOnState")
