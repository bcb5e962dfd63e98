"""How a request reaches what runs and what waits, and that nothing is left of either."""

from __future__ import annotations

import gc
import signal
import threading
import time
import tracemalloc
from typing import NoReturn

import pytest

from the_edge_agent.cancellation import Cancellation

LONG = 60.0
"""Seconds that no test waits: what ends a wait is the request."""


def test_a_request_reaches_what_is_below_and_not_what_is_above() -> None:
    above = Cancellation()
    middle = Cancellation(above)
    below = Cancellation(middle)
    middle.request()
    assert (above.requested, middle.requested, below.requested) == (False, True, True)
    assert Cancellation(below).requested


def test_a_request_comes_down_through_what_nobody_holds() -> None:
    above = Cancellation()
    below = Cancellation(Cancellation(Cancellation(above)))
    gc.collect()
    above.request()
    assert below.requested


def test_a_callback_runs_once_on_the_thread_that_requests() -> None:
    above = Cancellation()
    below = Cancellation(above)
    called: list[threading.Thread] = []
    with below.on_request(lambda: called.append(threading.current_thread())):
        assert called == []
        thread = threading.Thread(target=above.request)
        thread.start()
        thread.join()
        above.request()
        below.request()
    assert called == [thread]


def test_a_callback_runs_at_once_after_a_request() -> None:
    cancellation = Cancellation()
    cancellation.request()
    called: list[int] = []
    with cancellation.on_request(lambda: called.append(1)):
        assert called == [1]
    assert called == [1]


def test_a_callback_is_gone_after_its_block() -> None:
    cancellation = Cancellation()
    called: list[int] = []
    with cancellation.on_request(lambda: called.append(1)):
        pass
    with pytest.raises(ValueError, match="work"), cancellation.on_request(lambda: called.append(2)):
        raise ValueError("work")
    cancellation.request()
    assert called == []


def test_callbacks_of_many_threads_run_once_each() -> None:
    cancellation = Cancellation()
    ready, lock, called = threading.Barrier(9), threading.Lock(), list[int]()

    def work(number: int) -> None:
        done = threading.Event()

        def told() -> None:
            with lock:
                called.append(number)
            done.set()

        ready.wait(LONG)
        with cancellation.on_request(told):
            assert done.wait(LONG)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    ready.wait(LONG)
    cancellation.request()
    for thread in threads:
        thread.join()
    assert sorted(called) == list(range(8))


def test_a_callback_that_raises_does_not_keep_the_others_from_running() -> None:
    above = Cancellation()
    below = Cancellation(above)
    called: list[str] = []

    def fail() -> NoReturn:
        raise RuntimeError("told in vain")

    with above.on_request(lambda: called.append("a")), above.on_request(fail), above.on_request(lambda: called.append("b")):
        with below.on_request(fail), pytest.raises(RuntimeError, match="told in vain"):
            above.request()
        assert sorted(called) == ["a", "b"]
        assert below.requested


def test_callbacks_may_request_each_others_cancellations() -> None:
    one, other = Cancellation(), Cancellation()
    with one.on_request(other.request), other.on_request(one.request):
        threads = [threading.Thread(target=each.request) for each in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
            assert not thread.is_alive()
    assert one.requested
    assert other.requested


@pytest.mark.parametrize("depth", [0, 2])
def test_waiting_ends_with_a_request(depth: int) -> None:
    top = here = Cancellation()
    for _ in range(depth):
        here = Cancellation(here)
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(here.wait(LONG)))
    thread.start()
    top.request()
    thread.join()
    assert found == [True]
    assert here.wait(LONG), "and so does every later one"


@pytest.mark.parametrize("parent", [None, Cancellation()])
@pytest.mark.parametrize("seconds", [0, 0.01, -1])
def test_waiting_without_a_request_takes_its_time(parent: Cancellation | None, seconds: float) -> None:
    started = time.monotonic()
    assert not Cancellation(parent).wait(seconds)
    assert time.monotonic() - started >= seconds


@pytest.mark.parametrize("seconds", [LONG, float("inf")])
def test_a_signal_handler_may_request(seconds: float) -> None:
    cancellation = Cancellation()
    before = signal.signal(signal.SIGUSR1, lambda *_: cancellation.request())
    try:
        main = threading.main_thread().ident
        assert main is not None
        threading.Thread(target=signal.pthread_kill, args=(main, signal.SIGUSR1)).start()
        assert cancellation.wait(seconds)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_nothing_is_left_of_work_that_is_done() -> None:
    parent = Cancellation()

    def work() -> None:
        child = Cancellation(parent)
        with child.on_request(parent.request):
            Cancellation(child).wait(0)

    work()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(10_000):
            work()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 10_000, "less than a byte for each of them"
    assert not parent.requested
