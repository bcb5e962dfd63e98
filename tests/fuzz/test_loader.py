"""Whatever is in a workflow file, loading and running it ends in time with an answer or an error of the house.

``TEA_FUZZ_EXAMPLES`` sets how many inputs each test tries (default 60).
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from the_edge_agent.agent import load, read
from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.errors import NodeFailed, Problem, Spot, TeaError
from the_edge_agent.workflow.template import compile_condition, compile_value

EXAMPLES = int(os.environ.get("TEA_FUZZ_EXAMPLES", "60"))
LONGEST = 5.0
"""Seconds that one input may take, far more than any needs."""
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)

CASES = Path(__file__).parents[1] / "cases"
TEXTS = [yaml.safe_load(path.read_text(encoding="utf-8"))["workflow"] for path in sorted(CASES.rglob("*.yaml"))]
# What runs here is mangled code: only workflows that call no Python are mangled and run.
TAME = [
    text
    for text in TEXTS
    if not any(word in text for word in ("run:", "script:", "imports", "uses: file", "uses: http", "uses: llm", "code.execute"))
]
PIECES = [
    *"{}[]:,-#&*!|>'\"%@`?\n\t ",
    "  ",
    "\n  ",
    "- ",
    ": ",
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "<<: ",
    "*a",
    "&a ",
    "!!int ",
    "name",
    "goto",
    "to",
    "\x00",
    "é",
    "😀",
    "\u2028",
    "~",
]


class Timed:
    """Fails when its block takes too long."""

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        seconds = time.monotonic() - self._started
        assert seconds < LONGEST, f"took {seconds:.1f} s"


@st.composite
def mangled(draw: st.DrawFn, texts: list[str]) -> str:
    """A workflow with pieces cut out, doubled or put in."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        put = draw(st.sampled_from([*PIECES, text[start:end] * 2, ""]) | st.text(max_size=4))
        text = text[:start] + put + text[end:]
    return text


def answered(error: TeaError) -> None:
    assert 2 <= error.exit_code <= 11, f"{type(error).__name__}: {error}"
    assert error.message


def check_read(path: Path) -> None:
    with Timed():
        try:
            workflow, problems = read(path)
        except TeaError as error:
            answered(error)
        else:
            broken = any(problem.severity == "error" for problem in problems)
            assert (workflow is None) == broken
            for problem in problems:
                assert problem.code.isupper()
                str(problem)
                if problem.spot is not None:
                    problem.spot.excerpt()


@FUZZ
@given(text=mangled(TEXTS))
def test_reading_mangled_workflows(text: str, tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    check_read(path)


@FUZZ
@given(
    data=st.binary(max_size=200)
    | st.text(max_size=200).map(str.encode)
    | st.sampled_from(TEXTS).map(str.encode).flatmap(lambda data: st.integers(0, len(data)).map(lambda n: data[:n] + b"\xff" + data[n:]))
)
def test_reading_bytes(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_bytes(data)
    check_read(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.sampled_from(["n", "name", "list"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@FUZZ
@given(text=mangled(TAME), state=st.dictionaries(st.sampled_from(["n", "list", "word", "ready", "x", "items"]), JSON, max_size=4))
def test_running_mangled_workflows(text: str, state: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with Timed():
        try:
            with load(path, allow_code=False) as agent:
                json.dumps(agent.invoke(state), allow_nan=False)
        except TeaError as error:
            answered(error)


FRAGMENTS = [
    "state",
    ".n",
    "['a']",
    "[0]",
    " + ",
    " * ",
    " ** ",
    " ~ ",
    " / ",
    " | ",
    "length",
    "tojson",
    "default",
    "(",
    ")",
    "1",
    "9999999",
    "'x'",
    " and ",
    " not ",
    " in ",
]
FRAGMENTS += [
    " is ",
    "defined",
    "{{ ",
    " }}",
    "{% if ",
    " %}",
    "{% endif %}",
    "{% for i in ",
    "{% endfor %}",
    "range(",
    "{#",
    "#}",
    "__class__",
    ".append(1)",
    "join",
    "-%}",
    "!",
]
TEMPLATE = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=10).map("".join)


def context(state: dict[str, Any]) -> dict[str, Any]:
    return {
        "state": state,
        "variables": {"n": 1},
        "secrets": {},
        "settings": {},
        "data": {},
        "env": {},
        "checkpoint": {"dir": "", "last": ""},
    }


@FUZZ
@given(text=TEMPLATE | TEMPLATE.map(lambda text: f"{{{{ {text} }}}}"), state=st.dictionaries(st.sampled_from(["n", "a"]), JSON))
def test_templates(text: str, state: dict[str, Any]) -> None:
    problems: list[Problem] = []
    with Timed():
        value = compile_value({"key": [text]}, key="with", spot_of=no_spot, report=problems.append)
        if not problems:
            try:
                json.dumps(value.render(context(state)))
            except NodeFailed as error:
                answered(error)


@FUZZ
@given(text=TEMPLATE, state=st.dictionaries(st.sampled_from(["n", "a"]), JSON), lenient=st.booleans())
def test_conditions(text: str, state: dict[str, Any], lenient: bool) -> None:  # noqa: FBT001 - drawn
    problems: list[Problem] = []
    with Timed():
        condition = compile_condition(text, key="when", spot=None, report=problems.append, lenient_text=lenient)
        if not problems:
            try:
                assert condition.holds(context(state)) in (True, False)
            except NodeFailed as error:
                answered(error)


def no_spot(_: tuple[str | int, ...]) -> Spot | None:
    return None


@FUZZ
@given(state=JSON)
def test_any_json_may_be_the_input(state: Any, tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(
        'nodes: [{name: a, uses: json.stringify, with: {data: "{{ state }}"}, output: {text: "{{ result.text }}"}}]', encoding="utf-8"
    )
    with load(path) as agent:
        given_state = state if isinstance(state, dict) else {"value": state}
        final = agent.invoke(given_state)
        assert json.loads(final["text"]) == given_state
        stopped = Cancellation()
        stopped.request()
        try:
            agent.invoke(given_state, cancellation=stopped)
        except Cancelled:
            return
        raise AssertionError("a stopped run ran")
