"""Every rule of the dialect, as data: ``tests/cases/*/*.yaml``, run through the public API."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from the_edge_agent.agent import load, read
from the_edge_agent.errors import Paused, Problem, TeaError, WorkflowInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _pytest.mark import ParameterSet

    from the_edge_agent.engine.events import Event, Interrupted

CASES = Path(__file__).parent / "cases"
PATHS = sorted(CASES.rglob("*.yaml"))
QUIET = frozenset({"start", "node_start", "complete"})


@cache
def schema() -> Any:
    return json.loads((CASES / "case.schema.json").read_text(encoding="utf-8"))


def read_case(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    jsonschema.validate(case, schema())
    assert len({"problems", "fails", "state", "state_includes"} & case["expect"].keys()) <= 1, "expect names one outcome"
    return case


@dataclass
class Outcome:
    """What came out of a case."""

    state: dict[str, Any] | None = None
    error: TeaError | None = None
    problems: tuple[Problem, ...] = ()
    events: list[Event] = field(default_factory=list)

    def warnings(self) -> list[str]:
        found = [problem.code for problem in self.problems if problem.severity == "warning"]
        return found + [str(getattr(event, "code", "")) for event in self.events if event.type == "warning"]

    def main_flow(self) -> list[list[Any]]:
        own = [event for event in self.events if getattr(event, "branch", None) is None and event.type not in QUIET]
        return [[event.type, getattr(event, "node", None)] for event in own if not event.type.startswith("branch_")]


class Answers:
    """Somebody who answers the first few interrupts and then walks away."""

    def __init__(self, answers: list[Mapping[str, Any] | None]) -> None:
        self._answers = iter(answers)

    def __call__(self, event: Interrupted) -> Mapping[str, Any] | None:
        for answer in self._answers:
            return answer
        raise Paused(f"nobody answers {event.when} '{event.node}'", node=event.node)


def lay_out(case: Mapping[str, Any], folder: Path) -> Path:
    """Write the files of ``case`` and return the path of its workflow, relative to ``folder``."""
    path = Path(case.get("at", "flow.yaml"))
    for name, text in {**case.get("files", {}), str(path): case["workflow"]}.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return path


def carry_out(case: Mapping[str, Any], path: Path) -> Outcome:
    options = dict(case.get("options", {}))
    outcome = Outcome()
    overlays = [Path(name) for name in case.get("overlays", ())]
    loading = {key: options.pop(key) for key in ("secrets", "allow_code") if key in options}
    if "answers" in options:
        options["on_interrupt"] = Answers(options.pop("answers"))
    try:
        with load(path, overlays=overlays, **loading) as agent:
            outcome.problems = agent.problems
            outcome.state = agent.invoke(case.get("input"), sink=outcome.events.append, **options)
    except WorkflowInvalid as error:
        outcome.error, outcome.problems = error, error.problems
    except TeaError as error:
        outcome.error = error
    return outcome


def test_there_are_cases() -> None:
    assert len(PATHS) > 150


def _each_case() -> list[ParameterSet]:
    """Every case; the ones that run Prolog are marked."""
    names = {path: path.relative_to(CASES).with_suffix("") for path in PATHS}
    return [
        pytest.param(path, marks=[pytest.mark.prolog] if name.parts[0] == "prolog" else [], id=str(name)) for path, name in names.items()
    ]


@pytest.mark.parametrize("path", _each_case())
def test_case(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = read_case(path)
    monkeypatch.chdir(tmp_path)
    for name, value in case.get("env", {}).items():
        monkeypatch.setenv(name, value)
    outcome = carry_out(case, lay_out(case, tmp_path))
    expect = case["expect"]
    if "problems" in expect:
        assert isinstance(outcome.error, WorkflowInvalid), outcome
        assert_problems(outcome.problems, expect["problems"])
        overlays = [Path(name) for name in case.get("overlays", ())]
        assert read(Path(case.get("at", "flow.yaml")), overlays=overlays) == (None, outcome.problems)
        return
    if "fails" in expect:
        assert outcome.error is not None, outcome.state
        assert_failure(outcome.error, expect["fails"])
    else:
        assert outcome.error is None, f"{type(outcome.error).__name__}: {outcome.error}"
    if "state" in expect:
        assert outcome.state == expect["state"]
    if "state_includes" in expect:
        assert_includes(outcome.state, expect["state_includes"], "state")
    if "events" in expect:
        assert outcome.main_flow() == expect["events"]
    assert outcome.warnings() == case.get("warns", [])


def assert_problems(found: tuple[Problem, ...], wanted: list[dict[str, Any]]) -> None:
    shown = "\n".join(f"{problem} [hint: {problem.hint}]" for problem in found)
    assert [problem.code for problem in found] == [one["code"] for one in wanted], shown
    for problem, one in zip(found, wanted, strict=True):
        spot = problem.spot
        seen = {
            "line": spot.line if spot else None,
            "column": spot.column if spot else None,
            "file": spot.source.name if spot else None,
            "node": problem.node,
            "severity": problem.severity,
        }
        assert {key: seen[key] for key in seen if key in one} == {key: one[key] for key in seen if key in one}, shown
        assert one.get("message", "") in problem.message
        if "hint" in one:
            assert problem.hint == one["hint"] if one["hint"] is None else one["hint"] in (problem.hint or ""), shown


def assert_failure(error: TeaError, wanted: dict[str, Any]) -> None:
    seen = {
        "exit": error.exit_code,
        "code": error.code,
        "type": getattr(error, "error_type", type(error).__name__),
        "node": error.node,
        "branch": error.branch,
        "line": error.spot.line if error.spot else None,
    }
    told = f"{type(error).__name__}: {error.message} [hint: {error.hint}]"
    assert {key: seen[key] for key in seen if key in wanted} == {key: wanted[key] for key in seen if key in wanted}, told
    assert wanted.get("message", "") in error.message
    assert wanted.get("hint", "") in (error.hint or ""), told


def assert_includes(found: Any, wanted: Any, where: str) -> None:
    """Every key of ``wanted`` is in ``found``, at any depth; lists and scalars are equal."""
    if isinstance(wanted, dict):
        assert isinstance(found, dict), where
        for key, value in wanted.items():
            assert key in found, f"{where}.{key} is not there: {sorted(found)}"
            assert_includes(found[key], value, f"{where}.{key}")
    elif isinstance(wanted, list):
        assert isinstance(found, list), where
        assert len(found) == len(wanted), where
        for i, (one, other) in enumerate(zip(found, wanted, strict=True)):
            assert_includes(one, other, f"{where}[{i}]")
    else:
        assert found == wanted, where
        assert type(found) is type(wanted), where
