from __future__ import annotations

import io
from typing import TYPE_CHECKING

import click
import pytest

from the_edge_agent import errors
from the_edge_agent.cli.console import Console
from the_edge_agent.cli.report import report
from the_edge_agent.cli.stopping import Stopped

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = errors.Source("w.yaml", "nodes:\n  - name: a\n    uses: json.pars\n")


def told(error: BaseException, hidden: str = "") -> tuple[int, str]:
    out = io.StringIO()
    console = Console(out)
    console.redact.hide([hidden])
    return report(error, console), out.getvalue()


def test_a_problem_shows_place_excerpt_node_and_hint() -> None:
    problem = errors.Problem("UNKNOWN_ACTION", "no action 'json.pars'", errors.Spot(SOURCE, 3, 11), "a", "did you mean json.parse?")
    warning = errors.Problem("UNUSED", "never used", severity="warning")
    code, text = told(errors.WorkflowInvalid((problem, warning)))
    assert code == 3
    assert text == (
        "w.yaml:3:11: error [UNKNOWN_ACTION]: no action 'json.pars'\n"
        "    3 |     uses: json.pars\n"
        "      |           ^\n"
        "    node: 'a'\n"
        "    hint: did you mean json.parse?\n"
        "warning [UNUSED]: never used\n"
        "workflow invalid: 1 error, 1 warning\n"
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("m"), 2),
        (errors.NodeFailed("m"), 4),
        (errors.LimitReached("m"), 5),
        (errors.OutputUnsatisfied("m"), 6),
        (errors.ContextOverflow("m"), 7),
        (errors.ModelUnavailable("m"), 8),
        (errors.MachineUnable("m"), 9),
        (errors.Paused("m"), 10),
        (errors.Refused("m"), 11),
        (click.UsageError("m"), 2),
        (Stopped(2), 130),
        (Stopped(15), 143),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_way_to_fail_has_its_exit_code(error: BaseException, code: int) -> None:
    found, text = told(error)
    assert found == code
    assert text.strip()


def test_a_failed_node_is_named_with_its_hint() -> None:
    _, text = told(errors.NodeFailed("division by zero", node="sum", hint="look at\nboth lines"))
    assert text == "error [NODE_FAILED]: division by zero\n    node: 'sum'\n    hint: look at\n          both lines\n"


def test_secrets_and_control_characters_never_reach_the_terminal() -> None:
    _, text = told(errors.NodeFailed("denied for hush-hush\x1b[2J", hint="hush-hush"), hidden="hush-hush")
    assert text == "error [NODE_FAILED]: denied for ***�[2J\n    hint: ***\n"


def test_a_bug_says_how_to_report_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("TEA_DEBUG", raising=False)
    code, text = told(ZeroDivisionError("hush-hush"), hidden="hush-hush")
    (kept,) = tmp_path.iterdir()
    assert code == 1
    assert str(kept) in text
    assert "Traceback" not in text
    assert "ZeroDivisionError: ***" in kept.read_text(encoding="utf-8")
    assert kept.stat().st_mode & 0o077 == 0


def test_a_bug_shows_itself_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEA_DEBUG", "1")
    _, text = told(ZeroDivisionError("x"))
    assert "ZeroDivisionError: x" in text
    assert "please report" not in text.lower()
