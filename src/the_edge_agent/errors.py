"""Every way ``tea`` can fail: class → stable code → exit code → what to type next.

::

    TeaError
     ├── UsageError            2   the command line or the input is wrong
     ├── WorkflowInvalid       3   the workflow has problems; carries all of them
     ├── NodeFailed            4   a node raised while it ran
     ├── LimitReached          5   iterations or time ran out
     ├── OutputUnsatisfied     6   structured or tool output could not be had
     ├── ContextOverflow       7   prompt and answer do not fit the model's context
     ├── ModelUnavailable      8   model or its library missing, corrupt, not verified
     ├── MachineUnable         9   this machine cannot: memory, CPU, kernel
     ├── Paused               10   the run waits for input or for resume
     └── Refused              11   refused for safety

Anything else that leaves the program is a bug of ours (exit 1), Ctrl-C is 130.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Source:
    """One text a workflow was read from; ``name`` is what the user typed for it."""

    name: str
    text: str = field(repr=False)

    def line(self, number: int) -> str:
        """Line ``number`` (from 1) without its end, ``""`` when there is no such line."""
        lines = self.text.splitlines()
        return lines[number - 1] if 0 < number <= len(lines) else ""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a :class:`Source`; ``line`` and ``column`` count from 1."""

    source: Source
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"

    def excerpt(self, width: int = 100) -> str:
        """The source line with a caret under the column, two lines, no final newline."""
        text = self.source.line(self.line).replace("\t", " ")
        start = max(0, self.column - width // 2) if len(text) > width else 0
        shown = text[start : start + width]
        gutter = f"{self.line:>5} | "
        return f"{gutter}{shown}\n{' ' * (len(gutter) - 2)}| {' ' * (self.column - 1 - start)}^"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a workflow.

    ``code`` is stable (scripts may match on it); ``hint`` says what to type instead.
    """

    code: str
    message: str
    spot: Spot | None = None
    node: str | None = None
    hint: str | None = None
    severity: Severity = "error"
    details: str = field(default="", compare=False)
    """More lines, for who asks for more: where in a module the exception came from."""

    def __str__(self) -> str:
        where = f"{self.spot}: " if self.spot else ""
        return f"{where}{self.severity} [{self.code}]: {self.message}"


class TeaError(Exception):
    """Root of the tree. ``node`` is set once the error has passed through a node."""

    code: ClassVar[str] = "ERROR"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, node: str | None = None, spot: Spot | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.node = node
        self.spot = spot
        self.branch: str | None = None

    def __str__(self) -> str:
        return self.message


class UsageError(TeaError):
    """The user typed something that cannot be meant: a flag, an input, a path."""

    code = "USAGE"
    exit_code = 2


class WorkflowInvalid(TeaError):
    """The workflow cannot run; ``problems`` holds every error and warning found, in file order."""

    code = "WORKFLOW_INVALID"
    exit_code = 3

    def __init__(self, problems: tuple[Problem, ...], *, hint: str | None = None) -> None:
        errors = [problem for problem in problems if problem.severity == "error"]
        super().__init__("; ".join(str(problem) for problem in errors), hint=hint)
        self.problems = problems


class NodeFailed(TeaError):
    """A node raised. ``__cause__`` is what it raised; ``error_type`` its class name."""

    code = "NODE_FAILED"
    exit_code = 4

    def __init__(
        self, message: str, *, error_type: str = "NodeFailed", hint: str | None = None, node: str | None = None, spot: Spot | None = None
    ) -> None:
        super().__init__(message, hint=hint, node=node, spot=spot)
        self.error_type = error_type


class LimitReached(TeaError):
    """A limit that the workflow or the user set was reached: visits of a node, seconds."""

    code = "LIMIT_REACHED"
    exit_code = 5


class OutputUnsatisfied(TeaError):
    """The model gave no output of the demanded structure."""

    code = "OUTPUT_UNSATISFIED"
    exit_code = 6


class ContextOverflow(TeaError):
    """Prompt and answer do not fit into the model's context; the message names both numbers."""

    code = "CONTEXT_OVERFLOW"
    exit_code = 7


class ModelUnavailable(TeaError):
    """No model, a model that cannot be read, or the library that runs it is not installed."""

    code = "MODEL_UNAVAILABLE"
    exit_code = 8


class MachineUnable(TeaError):
    """This machine cannot do it: not enough memory, a CPU too old, a kernel feature missing."""

    code = "MACHINE_UNABLE"
    exit_code = 9


class Paused(TeaError):
    """The run stopped at an interrupt and waits."""

    code = "PAUSED"
    exit_code = 10


class Refused(TeaError):
    """Refused for safety; the message says which rule and how the user can allow it."""

    code = "REFUSED"
    exit_code = 11


def traceback_of(error: BaseException) -> str:
    """How ``error`` came about in code that tea called, as Python tells it; ``""`` when it came about in tea."""
    import traceback

    lines: list[str] = []
    for each in _chain(error):
        stack = traceback.extract_tb(each.__traceback__)
        first = next((number for number, frame in enumerate(stack) if frame.filename.startswith(_OWN)), 0)
        frames = [frame for frame in stack[first:] if not frame.filename.startswith(("<frozen", _OWN))]
        # What was raised in tea only hands on what was raised elsewhere.
        if frames and frames[-1] is stack[-1]:
            lines += ["Traceback (most recent call last):\n", *traceback.format_list(frames), *traceback.format_exception_only(each)]
    return "".join(lines).rstrip()


_OWN = f"{os.path.dirname(__file__)}{os.sep}"  # noqa: PTH120 - text is compared with text


def _chain(error: BaseException) -> list[BaseException]:
    """``error`` and what it was raised from, the first cause first."""
    found = []
    each: BaseException | None = error
    while each is not None and each not in found:
        found.append(each)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return found[::-1]


def at_node(problem: Problem, node: str) -> Problem:
    """``problem`` with its node named, unless it names one already."""
    return problem if problem.node else replace(problem, node=node)
