"""The ``shell`` provider: a command line program that answers a prompt.

Only programs that the workflow's settings define; there are no built-in entries. The program is started from
an argument list, never through a shell, so nothing in a prompt can become a command.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from the_edge_agent.cancellation import Cancelled
from the_edge_agent.errors import ModelUnavailable, NodeFailed
from the_edge_agent.llm.protocol import Message, OnToken, Reply, Request
from the_edge_agent.redaction import Redactor

if TYPE_CHECKING:
    from the_edge_agent.cancellation import Cancellation

PROMPT = "{prompt}"
INPUT_FILE = "{input_file}"
_KEYS = frozenset({"command", "args", "stdin_mode", "timeout", "env", "description"})
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SHORTEST = 4
"""Characters of a value that may be a secret; shorter ones are switches such as ``1`` and ``yes``."""


@dataclass(frozen=True, slots=True)
class Program:
    """One entry of ``settings.llm.shell_providers``.

    Attributes:
        name: its key there.
        command: the program, found on the PATH.
        args: its arguments; ``{prompt}`` in one of them takes the prompt instead of stdin, ``{input_file}`` is the
            path of a file that holds it (with ``stdin_mode: file``).
        timeout: seconds until it is killed.
        env: further environment variables, ``${VAR}`` in them already replaced.
    """

    name: str
    command: str
    args: tuple[str, ...] = ()
    stdin_mode: Literal["pipe", "file"] = "pipe"
    timeout: float = 300.0
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def program(name: str | None, providers: Any, environ: Mapping[str, str]) -> Program:
    """The entry ``name`` of ``providers``; raises :class:`ModelUnavailable` when it is missing or malformed."""
    known = providers if isinstance(providers, Mapping) else {}
    if not name or name not in known:
        listed = ", ".join(sorted(map(str, known))) or "none"
        wanted = f"no shell provider {name!r} is defined" if name else "provider: shell needs shell_provider:"
        raise ModelUnavailable(
            f"{wanted} (defined: {listed})",
            hint="define it: settings: {llm: {shell_providers: {NAME: {command: PROGRAM, args: []}}}}",
        )
    entry = known[name]
    problem = _problem(entry)
    if problem:
        raise ModelUnavailable(
            f"settings.llm.shell_providers.{name}: {problem}",
            hint="its keys are command, args, stdin_mode (pipe or file), timeout, env",
        )
    env = {key: _VARIABLE.sub(lambda match: environ.get(match[1], ""), str(value)) for key, value in (entry.get("env") or {}).items()}
    return Program(
        name,
        entry["command"],
        tuple(str(one) for one in entry.get("args") or ()),
        entry.get("stdin_mode", "pipe"),
        float(entry.get("timeout", 300)),
        tuple(sorted(env.items())),
    )


def _problem(entry: Any) -> str | None:
    if not isinstance(entry, Mapping):
        return "must be a mapping"
    unknown = sorted(str(key) for key in entry if key not in _KEYS)
    timeout = entry.get("timeout", 300)
    checks = (
        (not unknown, f"unknown keys {', '.join(unknown)}"),
        (isinstance(entry.get("command"), str) and entry.get("command"), "command must be the name of a program"),
        (isinstance(entry.get("args") or [], list), "args must be a list"),
        (entry.get("stdin_mode", "pipe") in {"pipe", "file"}, "stdin_mode must be pipe or file"),
        (isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout > 0, "timeout must be a number of seconds"),
        (isinstance(entry.get("env") or {}, Mapping), "env must be a mapping"),
    )
    return next((message for holds, message in checks if not holds), None)


def flatten(messages: Sequence[Message]) -> str:
    """A conversation as one text: ``System: …``, the user's words as they are, ``Assistant: …``, a blank line between."""
    names = {"system": "System: ", "assistant": "Assistant: "}
    return "\n\n".join(names.get(message.role, "") + message.content for message in messages)


class ShellBackend:
    """Answers with what a program writes to stdout. Starts one process a question; safe to use from several threads."""

    name = "shell"

    def __init__(self, program: Program) -> None:
        self.program = program

    def chat(self, request: Request, *, on_token: OnToken | None = None, cancellation: Cancellation | None = None) -> Reply:
        """Answer ``request``; the whole answer is one piece for ``on_token``.

        Raises :class:`NodeFailed` when the program is missing, fails, is killed by its time-out or writes no text, and for
        parameters a program cannot be given (``max_tokens``, ``stop``, sampling other than ``temperature``).
        """
        _check(request)
        content = _without_escape(self._run(flatten(request.messages), cancellation)).strip()
        if on_token is not None and content:
            on_token(content)
        return Reply(content, self.program.name, self.name, "stop", None, int(bool(content)))

    def close(self) -> None:
        """Nothing stays open between two questions."""

    def _run(self, prompt: str, cancellation: Cancellation | None) -> str:
        program = self.program
        if program.stdin_mode == "pipe":
            return self._communicate([argument.replace(PROMPT, prompt) for argument in program.args], self._stdin(prompt), cancellation)
        with tempfile.TemporaryDirectory(prefix="tea-") as folder:
            path = Path(folder) / "prompt.txt"
            path.write_text(prompt, encoding="utf-8")
            args = [argument.replace(INPUT_FILE, str(path)).replace(PROMPT, prompt) for argument in program.args]
            return self._communicate(args, "", cancellation)

    def _stdin(self, prompt: str) -> str:
        return "" if any(PROMPT in argument for argument in self.program.args) else prompt

    def _communicate(self, args: list[str], stdin: str, cancellation: Cancellation | None) -> str:
        program = self.program
        try:
            process = subprocess.Popen(  # noqa: S603 - the workflow's own settings name the program; no shell
                [program.command, *args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **dict(program.env)},
                # Its own group, so that what it starts ends with it.
                start_new_session=True,
            )
        except (OSError, ValueError) as problem:
            raise NodeFailed(
                f"the shell provider {program.name} cannot start {program.command!r}: {problem}",
                error_type=type(problem).__name__,
                hint=f"install {program.command}, or correct settings.llm.shell_providers.{program.name}.command",
            ) from problem
        with process, cancellation.on_request(lambda: _kill(process)) if cancellation else nullcontext():
            try:
                out, errors = process.communicate(stdin.encode("utf-8", "replace"), timeout=program.timeout)
            except subprocess.TimeoutExpired:
                _kill(process)
                raise NodeFailed(
                    f"the shell provider {program.name} gave no answer within {program.timeout:g} s",
                    error_type="TimeoutError",
                    hint=f"raise settings.llm.shell_providers.{program.name}.timeout",
                ) from None
            except BaseException:
                _kill(process)
                raise
        if cancellation is not None and cancellation.requested:
            raise Cancelled
        if process.returncode != 0:
            said = self._redacted(errors.decode("utf-8", "replace")).strip()[-500:]
            raise NodeFailed(
                f"the shell provider {program.name} failed with exit code {process.returncode}{f': {said}' if said else ''}",
                error_type="ShellProviderFailed",
                hint=f"run {program.command} by hand to see why",
            )
        return out.decode("utf-8", "replace")

    def _redacted(self, text: str) -> str:
        """``text`` without what ``env`` hands over, which is where a program's key stands."""
        return Redactor(value for _, value in self.program.env if len(value) >= _SHORTEST)(text)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End ``process`` and what it started, unless it was waited for: from then on its number may be another's."""
    if process.returncode is not None:
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def _without_escape(text: str) -> str:
    """``text`` without the terminal's colour sequences."""
    return _ESCAPE.sub("", text)


def _check(request: Request) -> None:
    # A temperature is part of almost every workflow's defaults; the others were asked for on purpose.
    unusable = [name for name in request.numbers if name != "temperature"]
    unusable += ["stop"] if request.stop else []
    unusable += sorted(request.extra)
    if unusable:
        names = ", ".join(unusable)
        raise NodeFailed(f"the shell provider takes no parameter {names}", error_type="TypeError", hint=f"remove {names}")
