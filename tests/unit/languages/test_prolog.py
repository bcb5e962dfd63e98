"""Prolog blocks: values, limits, what they leave behind, and what happens when Prolog itself goes away."""

from __future__ import annotations

import json
import os
import signal
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from the_edge_agent import languages
from the_edge_agent.agent import load, read
from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine.scope import NOTHING, Host, Scope
from the_edge_agent.errors import LimitReached, NodeFailed, Source, Spot, WorkflowInvalid
from the_edge_agent.languages import swipl
from the_edge_agent.resources import Resources
from the_edge_agent.workflow.model import Code, Workflow

if TYPE_CHECKING:
    from pathlib import Path

    from the_edge_agent.engine.events import Event

FIRST = 6
"""The line of the file on which the text of every block here starts."""


class Outside:
    """The outside of the engine."""

    secrets: dict[str, str] = {}  # noqa: RUF012 - never changed
    resources = Resources()


def block(text: str) -> Code:
    head = "name: t\nnodes:\n  - name: here\n    language: prolog\n    run: |\n"
    return Code("prolog", text, Spot(Source("flow.yaml", head + textwrap.indent(text, "      ")), FIRST, 7))


def scope(
    state: dict[str, Any] | None = None, *, warned: list[str] | None = None, cancellation: Cancellation | None = None, **limits: Any
) -> Scope:
    def emit(event: Event) -> None:
        if warned is not None:
            warned.append(cast("Any", event).message)

    return Scope(
        workflow=Workflow("t", {}, {}, settings={"prolog": limits}),
        host=cast("Host", Outside()),
        state={} if state is None else state,
        node="here",
        emit=emit,
        cancellation=cancellation,
    )


def run(text: str, state: dict[str, Any] | None = None, **limits: Any) -> Any:
    return languages.program(block(text)).run(scope(state, **limits))


# Values

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers() | st.integers(-(10**40), 10**40) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


def as_prolog_gives_it(value: Any) -> Any:
    """What the dialect makes of a value that goes through Prolog."""
    if isinstance(value, str):
        return {"null": None, "true": True, "false": False}.get(value, value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    if isinstance(value, list):
        return [as_prolog_gives_it(item) for item in value]
    if isinstance(value, dict):
        return {key: as_prolog_gives_it(item) for key, item in value.items()}
    return value


@pytest.mark.prolog
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(words, values, max_size=4))
def test_every_json_value_goes_through_prolog_unchanged(state: dict[str, Any]) -> None:
    expected = as_prolog_gives_it(state)
    found = run("forall(state(K, V), return(K, V)).", state)
    found = {} if found is NOTHING else found
    assert found == expected
    assert json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


@pytest.mark.prolog
def test_integers_have_any_size_the_state_can_hold() -> None:
    assert run("X is 7 ** 5000, return(x, X).") == {"x": 7**5000}
    assert run("state(x, X), Y is X mod 1000, return(y, Y).", {"x": -(10**4299) + 7}) == {"y": 7}
    with pytest.raises(NodeFailed, match="at most 4300 digits"):
        run("X is 10 ** 4300, return(x, X).")


@pytest.mark.prolog
@pytest.mark.parametrize(
    ("goal", "why"),
    [
        ("return(k, f(x))", "a compound term"),
        ("return(k, _)", "a variable without a value"),
        ("return(k, [a|_])", "a list in it has no end"),
        ("X = [X], return(k, X)", "it contains itself"),
        ("X is 1 rdiv 3, return(k, X)", "a fraction"),
        ("X is inf, return(k, X)", "infinite"),
        ("X = _{a: g(1)}, return(k, X)", "a compound term"),
        ("return(f(x), 1)", "the key is no text"),
    ],
)
def test_what_cannot_be_returned_is_an_error_that_says_why(goal: str, why: str) -> None:
    with pytest.raises(NodeFailed, match=why) as caught:
        run(f"true.\n{goal}.")
    assert "cannot be returned" in str(caught.value)
    assert "tea_block" not in str(caught.value)
    assert caught.value.spot is not None
    assert caught.value.spot.line == FIRST + 1


@pytest.mark.prolog
def test_text_that_is_not_unicode_is_an_error() -> None:
    with pytest.raises(NodeFailed, match="not valid Unicode"):
        run("state(x, _).", {"x": "\ud800"})
    with pytest.raises(NodeFailed):
        run("atom_codes(A, [0xD800]), return(a, A).")


@pytest.mark.prolog
def test_deep_values_work_or_are_refused() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    assert run("state(x, X), return(y, X).", {"x": deep}) == {"y": deep}
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(NodeFailed, match="nested too deeply"):
        run("state(x, _).", {"x": deep})
    assert run("state(y, Y), return(y, Y).", {"x": deep, "y": 1}) == {"y": 1}
    while isinstance(deep, list):
        deep = deep[0]


@pytest.mark.prolog
@pytest.mark.parametrize(
    "text",
    [
        "forall(state(K, V), return(K, V)).",
        "Goal = state(_, _), findall(K-V, (Goal = state(K, V), Goal), L), forall(member(K-V, L), return(K, V)).",
        "forall(member(K, [a, b]), (state(K, V), return(K, V))).",
        "state(a, A), return(a, A), forall(state('b', V), return(b, V)).",
        'tea_load_code("state(b, B), return(b, B)."), state(a, A), return(a, A).',
    ],
)
def test_every_way_to_ask_for_the_state_finds_all_of_it(text: str) -> None:
    assert run(text, {"a": 1, "b": 2}) == {"a": 1, "b": 2}


@pytest.mark.prolog
def test_a_large_state_goes_through() -> None:
    rows = [{"name": f"row {number}", "value": number} for number in range(20_000)]
    assert run("state(rows, Rows), length(Rows, N), return(n, N), return(rows, Rows).", {"rows": rows}) == {"n": 20_000, "rows": rows}


# Messages


@pytest.mark.prolog
def test_a_goal_that_fails_is_told_with_its_line() -> None:
    warned: list[str] = []
    program = languages.program(block("state(n, N),\nN > 5,\nreturn(large, yes).\nreturn(never, 1)."))
    assert program.run(scope({"n": 1}, warned=warned)) is NOTHING
    (told,) = warned
    assert told.startswith("the goal `N > 5` failed (flow.yaml:7), and with it `state(n, N), N > 5, return(large, yes)`")
    assert told.endswith("what follows it in the block was not run")


@pytest.mark.prolog
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("state(colour, C), return(c, C).", "the state has no key 'colour'"),
        ("p(X) :- X > 3.\np(1).", "if it is a fact and no goal, write `p(1) :- true.`"),
        ("member(john, club).", "`:- dynamic member/N.`"),
        ("tea_load_code('a(1). a(2), fail.').", "in line 1 of the text given to tea_load_code/1 failed"),
    ],
)
def test_a_warning_says_what_to_type(text: str, told: str) -> None:
    warned: list[str] = []
    languages.program(block(text)).run(scope(warned=warned))
    assert told in warned[0]


@pytest.mark.prolog
@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("foo.", "there is no predicate foo/0", 0),
        ("true,\nfoo(1), true.", r"there is no predicate foo/1", 1),
        ("a(1).\nX is a + 1.", "Arithmetic", 1),
        ("throw(my(ball)).", r"the block threw my\(ball\)", 0),
        ("true.\nwrite(x) :- true.", r"Prolog defines write/1", 1),
        (":- use_module(library(no_such_library)).", "no_such_library", 0),
        ("state(t, T), tea_load_facts(T).", r"tea_load_facts/1, line 3 of the text: this is not Prolog", 0),
        ("state(c, C), tea_load_code(C).", r"tea_load_code/1, line 2 of the text: there is no predicate zap/1", 0),
        ("tea_load_facts(f(x)).", "text", 0),
        ("X = 1, X.", "callable", 0),
    ],
)
def test_errors_of_prolog_name_their_line(text: str, message: str, line: int) -> None:
    state = {"t": "a(1).\nb(2).\nc(.", "c": "a(1).\nzap(X), true."}
    with pytest.raises((NodeFailed, LimitReached), match=message) as caught:
        run(text, state, sandbox=False)
    assert isinstance(caught.value, NodeFailed)
    assert caught.value.error_type == "PrologError"
    assert "tea_block" not in str(caught.value)
    assert caught.value.spot is not None
    assert caught.value.spot.line == FIRST + line


@pytest.mark.prolog
def test_problems_of_a_text_have_places_in_the_file() -> None:
    found = languages.check(block("ok(1).\n  bad(].\nfine(2).\nworse(:- ."))
    assert [(problem.code, problem.spot.line, problem.spot.column) for problem in found if problem.spot] == [
        ("BAD_CODE", FIRST + 1, 12),
        ("BAD_CODE", FIRST + 3, 15),
    ]
    with pytest.raises(WorkflowInvalid):
        languages.program(block("bad(]."))


def test_without_prolog_the_problem_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEA_SWIPL", "/nowhere/swipl")
    (problem,) = languages.check(block("return(a, 1)."))
    assert problem.code == "LANGUAGE_UNAVAILABLE"
    assert "apt install swi-prolog-nox" in (problem.hint or "")


MANY_BLOCKS = """\
nodes:
  - {name: bad, run: 'return ('}
  - {name: one, language: prolog, run: 'return(a, 1).'}
  - name: more
    steps:
      - {name: two, language: prolog, run: 'return(b, 1).'}
      - {name: three, run: {type: prolog, code: 'return(c, 1).'}}
  - name: judge
    uses: reflection.evaluate
    with: {output: 1, evaluator: {type: custom, run: "% prolog\\nreturn(result, true)."}}
"""


def test_without_prolog_a_workflow_is_told_once_with_all_nodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text(MANY_BLOCKS, encoding="utf-8")
    monkeypatch.setenv("TEA_SWIPL", "/nowhere/swipl")
    workflow, problems = read(flow)
    assert workflow is None
    assert [(problem.code, problem.spot and problem.spot.line, problem.node) for problem in problems] == [
        ("BAD_CODE", 2, "bad"),
        ("LANGUAGE_UNAVAILABLE", 3, None),
    ]
    assert problems[1].message.endswith("TEA_SWIPL names no program: /nowhere/swipl (nodes 'one', 'two', 'three', 'judge')")
    with pytest.raises(WorkflowInvalid, match="nodes 'one', 'two', 'three', 'judge'"):
        load(flow)


def test_without_prolog_the_only_node_is_named_as_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text("nodes:\n  - {name: one, language: prolog, run: 'return(a, 1).'}\n", encoding="utf-8")
    monkeypatch.setenv("TEA_SWIPL", "/nowhere/swipl")
    _, (problem,) = read(flow)
    assert (problem.node, "nodes" in problem.message) == ("one", False)


def test_a_prolog_that_does_not_work_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "swipl"
    broken.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("TEA_SWIPL", str(broken))
    (problem,) = languages.check(block("return(never, seen)."))
    assert problem.code == "LANGUAGE_UNAVAILABLE"
    assert str(broken) in problem.message


# Limits


@pytest.mark.prolog
def test_the_limits_have_different_messages() -> None:
    with pytest.raises(LimitReached, match=r"did not finish within 0\.2 s") as late:
        run("repeat, fail.", timeout=0.2)
    with pytest.raises(LimitReached, match="more than 4 MiB of stack") as deep:
        run("numlist(1, 1000000, L), return(l, L).", stack=4)
    with pytest.raises(LimitReached, match="more than 1000 inferences") as long:
        run("numlist(1, 1000000, L), return(l, L).", inferences=1000)
    assert {late.value.hint, deep.value.hint, long.value.hint} == {
        f"look for an endless recursion, or raise settings.prolog.{name}" for name in ("timeout", "stack", "inferences")
    }


@pytest.mark.prolog
def test_limits_hold_within_what_they_allow() -> None:
    assert run("numlist(1, 1000, L), length(L, N), return(n, N).", timeout=20, stack=8, inferences=100_000) == {"n": 1000}


@pytest.mark.prolog
def test_no_block_can_catch_its_inference_limit() -> None:
    stubborn = "again :- catch(again, _, again).\nrepeat, catch(again, _, fail)."
    with pytest.raises(LimitReached, match="inferences"):
        run(stubborn, inferences=10_000, timeout=20)


@pytest.mark.prolog
def test_endless_facts_end_at_the_memory_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swipl, "PROGRAM_SPACE", 100)
    run("true.", stack=7)
    with pytest.raises(LimitReached, match="no memory left"):
        run("grow(N) :- length(L, 100000), assertz(kept(N, L)), M is N + 1, grow(M).\ngrow(0), true.", stack=8)
    assert run("return(a, 1).") == {"a": 1}


@pytest.mark.prolog
def test_a_cancelled_block_ends_soon() -> None:
    cancellation = Cancellation()
    threading.Timer(0.3, cancellation.request).start()
    with pytest.raises(Cancelled):
        languages.program(block("repeat, fail.")).run(scope(cancellation=cancellation))


# What is left


@pytest.mark.prolog
def test_ten_thousand_blocks_leave_nothing_growing() -> None:
    text = """\
        fact(1). fact(2).
        rule(X, Y) :- fact(X), Y is X * 2.
        :- op(700, xfx, likes).
        assertz(made(ann likes tea)), nb_setval(counter, 1).
        state(name, Name), tea_load_facts("loaded(a). loaded(X) :- fact(X)."), atom_concat(Name, x, Long),
        findall(Y, rule(_, Y), Ys), return(ys, Ys), return(name, Long)."""
    count = "statistics(clauses, C), statistics(atoms, A), statistics(modules, M), statistics(predicates, P), return(r, [C, A, M, P])."
    program, counter = languages.program(block(text)), languages.program(block(count))

    def counted() -> list[int]:
        languages.program(block("garbage_collect_atoms, garbage_collect_clauses.")).run(scope(sandbox=False))
        found = cast("Any", counter.run(scope(sandbox=False)))
        return cast("list[int]", found["r"])

    for number in range(1000):
        program.run(scope({"name": f"first {number}"}, sandbox=False))
    before = counted()
    for number in range(10_000):
        program.run(scope({"name": f"name number {number}"}, sandbox=False))
    after = counted()
    grown = [new - old for old, new in zip(before, after, strict=True)]
    assert grown[0] <= 50, f"clauses: {before} -> {after}"
    assert grown[1] <= 500, f"atoms: {before} -> {after}"
    assert grown[2:] == [0, 0], f"modules, predicates: {before} -> {after}"


@pytest.mark.prolog
def test_flags_and_seeds_of_a_block_end_with_it() -> None:
    run(":- set_prolog_flag(prefer_rationals, true).\n:- set_prolog_flag(float_zero_div, infinity).\nset_prolog_flag(occurs_check, true).")
    text = "current_prolog_flag(prefer_rationals, P), current_prolog_flag(float_zero_div, F), current_prolog_flag(occurs_check, O), return(f, [P, F, O])."
    assert run(text) == {"f": [False, "error", False]}


@pytest.mark.prolog
def test_more_blocks_than_a_worker_remembers() -> None:
    for number in range(300):
        assert run(f"return(n, {number}).") == {"n": number}


# When Prolog goes away


@pytest.mark.prolog
def test_a_run_survives_a_killed_worker() -> None:
    program = languages.program(block("true.\nrepeat, fail."))
    pids: list[int] = []

    def kill() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until and not pids:
            pids.extend(worker.pid for worker in list(swipl.POOL._lent))
            time.sleep(0.05)
        time.sleep(0.3)
        os.kill(pids[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(NodeFailed, match="signal 9") as caught:
        program.run(scope())
    thread.join()
    assert caught.value.spot is not None
    assert caught.value.spot.line == FIRST + 1
    assert run("return(a, 1).") == {"a": 1}


@pytest.mark.prolog
def test_an_idle_worker_that_was_killed_is_replaced() -> None:
    assert run("return(a, 1).") == {"a": 1}
    for worker in swipl.POOL._idle:
        os.kill(worker.pid, signal.SIGKILL)
        worker._process.wait()
    assert run("return(a, 2).") == {"a": 2}


@pytest.mark.prolog
def test_branches_run_at_the_same_time_and_apart(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text(
        textwrap.dedent(
            """\
            settings: {parallel: {max_workers: 4}}
            nodes:
              - name: fan
                type: dynamic_parallel
                items: "{{ range(12) | list }}"
                steps:
                  - language: prolog
                    run: |
                      mine(X) :- state(item, X).
                      numlist(1, 2000, L), foldl([X, A, B]>>(B is A + X), L, 0, _),
                      assertz(other(1)), findall(X, mine(X), Xs), aggregate_all(count, other(_), N), return(seen, [Xs, N]).
                fan_in: meet
              - {name: meet, fan_in: true, run: "return {'seen': [r['seen'] for r in parallel_results]}"}
            """
        ),
        encoding="utf-8",
    )
    with load(flow) as agent:
        assert agent.invoke()["seen"] == [[[number], 1] for number in range(12)]
