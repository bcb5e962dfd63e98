"""Jobs side by side: how they are waited for, left, and stopped."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from the_edge_agent import START, Agent, StateGraph
from the_edge_agent.cancellation import Cancellation
from the_edge_agent.engine.branches import Jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONG = 60.0
"""Seconds that no test waits."""


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """What jobs that wait wait for; it comes with the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def spin() -> NoReturn:
    while True:
        pass


def test_results_come_as_they_are_there() -> None:
    first_is_seen = threading.Event()

    def late() -> str:
        assert first_is_seen.wait(LONG)
        return "late"

    seen = []
    with Jobs("n", [late, lambda: "early"], Cancellation(), width=2) as jobs:
        for result in jobs.finished():
            seen.append(result)
            first_is_seen.set()
    assert seen == [(1, "early"), (0, "late")]


def test_no_jobs_are_done_at_once() -> None:
    with Jobs[int]("n", [], Cancellation(), width=4) as jobs:
        assert list(jobs.finished()) == []


def test_what_is_done_is_not_asked_to_stop() -> None:
    cancellation = Cancellation()
    with Jobs("n", [int, int, int], cancellation, width=2) as jobs:
        assert len(list(jobs.finished())) == 3
    assert not cancellation.requested


def test_an_error_is_raised_while_others_are_at_work(release: threading.Event) -> None:
    cancellation = Cancellation()
    started: list[int] = []

    def fail() -> NoReturn:
        raise ZeroDivisionError

    def wait() -> None:
        started.append(1)
        release.wait(LONG)

    with pytest.raises(ZeroDivisionError), Jobs("n", [wait, fail, wait], cancellation, width=2) as jobs:
        list(jobs.finished())
    assert cancellation.requested
    assert not release.is_set()


def test_what_waits_is_not_started_once_nobody_wants_it(release: threading.Event, gone: Callable[[str], bool]) -> None:
    ran: list[str] = []
    begun = threading.Event()

    def first() -> None:
        begun.set()
        release.wait(LONG)

    with Jobs("n", [first, lambda: ran.append("second")], Cancellation(), width=1):
        assert begun.wait(LONG)
    release.set()
    assert gone("tea-n")
    assert ran == []


def test_who_waits_is_let_go(release: threading.Event) -> None:
    with Jobs("n", [lambda: release.wait(LONG)], Cancellation(), width=1) as jobs:
        threading.Thread(target=jobs.end).start()
        assert list(jobs.finished()) == []
    assert not release.is_set()


def test_time_runs_out_for_all_that_is_below(gone: Callable[[str], bool]) -> None:
    def below() -> None:
        with Jobs("below", [spin, spin], Cancellation(), width=2) as jobs:
            list(jobs.finished())

    with Jobs("above", [below, spin], Cancellation(), width=2) as jobs, pytest.raises(TimeoutError):
        list(jobs.finished(0.1))
    assert gone("tea-above"), "also the one that waits"
    assert gone("tea-below")


def test_a_signal_reaches_the_thread_that_waits_for_branches(release: threading.Event) -> None:
    main = threading.main_thread().ident
    assert main is not None

    def interrupted(_: dict[str, Any]) -> None:
        signal.pthread_kill(main, signal.SIGINT)
        release.wait(LONG)

    graph = StateGraph()
    graph.add_node("a", interrupted)
    graph.add_node("join", lambda _: None)
    graph.add_branches(START, ["a"], join="join")
    with pytest.raises(KeyboardInterrupt):
        Agent(graph.workflow()).invoke()
    assert not release.is_set()
