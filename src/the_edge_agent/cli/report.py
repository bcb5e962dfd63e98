"""How an error looks: the one place that turns what was raised into lines on standard error and an exit code."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from the_edge_agent import wording
from the_edge_agent.cli.console import printable
from the_edge_agent.errors import MachineUnable, TeaError, WorkflowInvalid, traceback_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from the_edge_agent.cli.console import Console
    from the_edge_agent.errors import Problem, Spot

BUG = 1
USAGE = 2
BROKEN_PIPE = 141


def report(error: BaseException, console: Console) -> int:  # noqa: PLR0911 - one line a kind of error
    """Write what ``error`` means to the user and return the exit code that belongs to it."""
    import click

    if _is_out_of_memory(error):
        error = MachineUnable(
            "there is not enough memory", hint="free memory, or raise the limit: ulimit -v", node=getattr(error, "node", None)
        )
    if isinstance(error, WorkflowInvalid):
        report_problems(error.problems, console)
        console.line(f"{console.paint('workflow invalid', 'red')}: {count(error.problems)}")
        _hint(error.hint, console)
        return error.exit_code
    if isinstance(error, TeaError):
        if console.verbose and (told := traceback_of(error)):
            console.line(printable(told))
        _report_tea_error(error, console)
        return error.exit_code
    if isinstance(error, click.ClickException):
        _report_click_error(error, console)
        return USAGE
    if isinstance(error, KeyboardInterrupt):
        console.line(str(error) or "interrupted")
        return getattr(error, "exit_code", 130)
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} and error.filename is None:
        _head(None, "error", "USAGE", f"cannot write the answer: {error.strerror}", console)
        return USAGE
    return _report_bug(error, console)


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Whether ``error``, or what it came from, says that no memory, or no thread, was to be had."""
    while error is not None:
        if isinstance(error, MemoryError) or str(error) == "can't start new thread" or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        error = error.__cause__
    return False


def report_problems(problems: Iterable[Problem], console: Console) -> None:
    """Write each problem with its place, excerpt, node and hint."""
    for problem in problems:
        _head(problem.spot, problem.severity, problem.code, problem.message, console)
        _details(problem.spot, problem.node, problem.hint, console)
        if console.verbose and problem.details:
            console.line(printable(problem.details))


def count(problems: Iterable[Problem]) -> str:
    """``2 errors, 1 warning``; what there is none of is left out, except errors when there is nothing at all."""
    severities = [problem.severity for problem in problems]
    parts = [wording.count(severities.count(kind), kind) for kind in ("error", "warning") if kind in severities]
    return ", ".join(parts) or "0 errors"


def _report_tea_error(error: TeaError, console: Console) -> None:
    if error.code == "PAUSED":
        console.line(f"{console.mark('paused')} {printable(error.message)}")
        _hint(error.hint, console)
        return
    _head(error.spot, "error", error.code, error.message, console)
    _details(error.spot, error.node, error.hint, console)


def _report_click_error(error: BaseException, console: Console) -> None:
    import click

    message = error.format_message() if isinstance(error, click.ClickException) else str(error)
    _head(None, "error", "USAGE", message.strip(), console)
    context = getattr(error, "ctx", None)
    if context is not None:
        _hint(f"{context.command_path} --help", console)


def _head(spot: Spot | None, severity: str, code: str, message: str, console: Console) -> None:
    where = f"{printable(str(spot))}: " if spot else ""
    label = console.paint(severity, "red" if severity == "error" else "yellow")
    console.line(f"{where}{label} [{code}]: {printable(message)}")


def _details(spot: Spot | None, node: str | None, hint: str | None, console: Console) -> None:
    if spot is not None:
        console.line(console.paint(printable(spot.excerpt()), "dim"))
    if node is not None:
        console.line(f"    node: '{printable(node)}'")
    _hint(hint, console)


def _hint(hint: str | None, console: Console) -> None:
    if hint:
        first, *more = printable(hint).splitlines()
        console.line(f"    {console.paint('hint:', 'cyan')} {first}")
        for line in more:
            console.line(f"          {line}")


def _report_bug(error: BaseException, console: Console) -> int:
    import traceback

    text = "".join(traceback.format_exception(error))
    console.line(f"{console.paint('bug', 'red')} [BUG]: {printable(f'{type(error).__name__}: {error}')}")
    if os.environ.get("TEA_DEBUG"):
        console.line(printable(text))
    else:
        console.line(f"    This is a mistake in tea, not in your workflow. Please report it{_kept(console.redact(text))}.")
        console.line(f"    {console.paint('hint:', 'cyan')} set TEA_DEBUG=1 to see the details here")
    return BUG


def _kept(text: str) -> str:
    """Keep the traceback in a file only the user can read and say where; says nothing where no file can be written."""
    import platform
    import tempfile

    from the_edge_agent import __version__

    about = f"tea {__version__}, Python {platform.python_version()}, {platform.platform()}\n\n"
    try:
        handle, name = tempfile.mkstemp(prefix="tea-bug-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(about + text)
    except OSError:
        return ""
    return f" and add {name}"
