"""Many who ask one model: who waits, who is stopped, and on which thread."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.llm.local.scheduler import Scheduler
from the_edge_agent.llm.protocol import Message, Request, Sampling

if TYPE_CHECKING:
    from the_edge_agent.llm.local.backend import LocalBackend
    from the_edge_agent.llm.local.llama import Abort

pytestmark = pytest.mark.llm

GREEDY = Sampling(temperature=0)
TOKYO = "What is the capital of Japan? Respond with only the city name."


def ask(text: str, sampling: Sampling = GREEDY, *, max_tokens: int | None = 60) -> Request:
    return Request((Message("user", text),), max_tokens=max_tokens, sampling=sampling)


def endless() -> Request:
    """Draws almost evenly from the whole vocabulary: the answer hardly ends by itself."""
    return ask("Tell me everything.", Sampling(temperature=50.0, top_k=0, top_p=1.0, min_p=0.0, seed=1), max_tokens=1900)


def test_pieces_come_on_the_calling_thread_and_make_up_the_content(backend: LocalBackend) -> None:
    pieces: list[str] = []
    threads: set[int] = set()

    def on_token(text: str) -> None:
        pieces.append(text)
        threads.add(threading.get_ident())

    reply = backend.chat(ask("Who are you?"), on_token=on_token)
    assert "".join(pieces) == reply.content
    assert len(pieces) == reply.chunks > 1
    assert threads == {threading.get_ident()}


def test_four_at_once_answer_as_each_alone(backend: LocalBackend) -> None:
    questions = [TOKYO, "Who are you?", "What is the capital of France?", "Classify the sentiment: I love it."]
    alone = [backend.chat(ask(text)).content for text in questions]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda text: backend.chat(ask(text)).content, questions))
    assert together == alone


def test_a_cancelled_call_stops_and_the_model_goes_on(backend: LocalBackend) -> None:
    cancellation = Cancellation()
    pieces: list[str] = []

    def on_token(text: str) -> None:
        pieces.append(text)
        if len(pieces) == 3:
            cancellation.request()

    with pytest.raises(Cancelled):
        backend.chat(endless(), on_token=on_token, cancellation=cancellation)
    assert len(pieces) < 1000
    assert backend.chat(ask(TOKYO)).content == "Tokyo"


def test_a_call_cancelled_while_it_waits_never_starts(backend: LocalBackend) -> None:
    cancellation = Cancellation()
    cancellation.request()
    with pytest.raises(Cancelled):
        backend.chat(endless(), cancellation=cancellation)


def test_who_waits_for_a_turn_is_told_at_once(backend: LocalBackend) -> None:
    first, second = Cancellation(), Cancellation()
    running, over = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        long = pool.submit(backend.chat, endless(), on_token=lambda _: running.set(), cancellation=first)
        assert running.wait(30)
        waiting = pool.submit(backend.chat, ask(TOKYO), cancellation=second)
        waiting.add_done_callback(lambda _: over.set())
        second.request()
        assert over.wait(30)
        assert isinstance(waiting.exception(), Cancelled)
        first.request()
        assert isinstance(long.exception(30), Cancelled)
    assert backend.chat(ask(TOKYO)).content == "Tokyo"


def loading(gate: threading.Event, stopped: threading.Event) -> Scheduler[Any, Any]:
    """A model whose loading ends in an error when ``gate`` opens, and which says when it is ``stopped``."""

    def load(abort: Abort) -> Any:
        while not gate.wait(0.01):
            if abort.requested:
                stopped.set()
                raise Cancelled
        raise ModelUnavailable("it cannot be loaded")

    return Scheduler("m.gguf", load)


def test_who_waits_for_the_model_is_told_at_once() -> None:
    gate, stopped, cancellation = threading.Event(), threading.Event(), Cancellation()
    scheduler = loading(gate, stopped)
    with ThreadPoolExecutor(2) as pool:
        given_up = pool.submit(scheduler.ask, "a", cancellation=cancellation)
        patient = pool.submit(scheduler.ask, "b")
        cancellation.request()
        assert isinstance(given_up.exception(30), Cancelled)
        assert not stopped.is_set()
        scheduler.close()
        assert stopped.is_set()
        assert isinstance(patient.exception(30), Cancelled)
    with pytest.raises(ModelUnavailable, match=r"the model m\.gguf is closed"):
        scheduler.ask("c")


def test_a_model_that_cannot_be_loaded_is_an_error_for_everyone() -> None:
    gate = threading.Event()
    scheduler = loading(gate, threading.Event())
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(scheduler.ask, number) for number in range(3)]
        gate.set()
        assert [str(each.exception(30)) for each in asked] == ["it cannot be loaded"] * 3
    with pytest.raises(ModelUnavailable, match="it cannot be loaded"):
        scheduler.ask("late")
    assert not scheduler.loaded
    scheduler.close()


def test_an_error_in_on_token_reaches_the_caller_and_stops_the_work(backend: LocalBackend) -> None:
    def on_token(_: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        backend.chat(endless(), on_token=on_token)
    started = time.monotonic()
    assert backend.chat(ask(TOKYO)).content == "Tokyo"
    assert time.monotonic() - started < 60


SIGNALLED = """
import os, signal, sys, threading
from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.llm.local.backend import LocalBackend
from the_edge_agent.llm.options import LoadParameters
from the_edge_agent.llm.protocol import Message, Request, Sampling
from the_edge_agent.models import builtin

cancellation = Cancellation()
backend = LocalBackend(builtin.path(), LoadParameters(n_threads=1))
wild = Request((Message("user", "x"),), max_tokens=1900, sampling=Sampling(temperature=50.0, top_k=0, top_p=1.0, min_p=0.0, seed=1))
on_token = None
if {live}:
    once = []
    def on_token(text):
        if not once:
            once.append(text)
            os.kill(os.getpid(), signal.{signal})
else:
    threading.Timer(0.1, os.kill, (os.getpid(), signal.{signal})).start()
signal.signal(signal.SIGTERM, lambda *_: cancellation.request())
try:
    while True:
        backend.chat(wild, on_token=on_token, cancellation=cancellation)
except (KeyboardInterrupt, Cancelled) as stopped:
    print(type(stopped).__name__, backend.chat(Request((Message("user", "Hi"),), max_tokens=3)).finish_reason)
"""


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(("signal", "stop"), [("SIGINT", "KeyboardInterrupt"), ("SIGTERM", "Cancelled")])
def test_a_signal_ends_the_work_and_nothing_is_printed(signal: str, stop: str, *, live: bool) -> None:
    """Ctrl-C, and a handler that asks for a stop, in a main thread that waits."""
    code = SIGNALLED.format(signal=signal, live=live)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{stop} ")
