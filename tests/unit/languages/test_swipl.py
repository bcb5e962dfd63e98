"""SWI-Prolog as a process: finding it, a worker that dies, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.languages import swipl
from the_edge_agent.languages.swipl import OutOfTime, Pool, Worker, WorkerEnded

FOUND = shutil.which("swipl")

NEVER = Cancellation()
"""Nobody requests it."""


def question(text: str, number: int = 1) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'run({number},"{quoted}",268435456,0,[]).\n'


@pytest.fixture
def worker() -> Worker:
    assert FOUND
    return Worker(FOUND, sandbox=False)


def children_named(name: str) -> set[int]:
    """The processes of this name whose parent is this process."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            program, _, rest = (entry / "stat").read_text(encoding="utf-8").rpartition(") ")
            if program.endswith(f"({name}") and int(rest.split()[1]) == os.getpid():
                found.add(int(entry.name))
    return found


def gone(pid: int, seconds: float = 5) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            state = Path("/proc", str(pid), "stat").read_text(encoding="utf-8").rpartition(") ")[2][0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


# Finding it


def program_in(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "swipl"
    program.write_text("#!/bin/sh\necho 'SWI-Prolog version 1.2.3 for nothing'\n", encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def test_it_is_found_where_one_says_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_path = program_in(tmp_path / "path")
    beside = program_in(tmp_path / "image" / "usr" / "bin")
    at_home = program_in(tmp_path / "own" / "bin")
    named = program_in(tmp_path / "named")
    environ = {"PATH": str(tmp_path / "path")}
    assert swipl.executable(environ) == in_path
    assert swipl.executable({**environ, "SWI_HOME_DIR": str(tmp_path / "own" / "lib" / "swi-prolog")}) == at_home
    monkeypatch.setattr(sys, "executable", str(tmp_path / "image" / "usr" / "bin" / "python"))
    assert swipl.executable(environ) == beside
    assert swipl.executable({**environ, "TEA_SWIPL": named}) == named


def test_it_may_be_missing(tmp_path: Path) -> None:
    assert swipl.executable({"PATH": str(tmp_path)}) is None
    assert swipl.executable({"PATH": os.environ["PATH"], "TEA_SWIPL": str(tmp_path / "none")}) is None, "what is named is not replaced"


def test_it_tells_its_version(tmp_path: Path) -> None:
    assert swipl.version(program_in(tmp_path)) == "1.2.3"
    assert swipl.version("/bin/false") is None
    assert swipl.version(str(tmp_path / "none")) is None


# A worker


@pytest.mark.prolog
def test_one_worker_answers_again_and_again(worker: Worker) -> None:
    for number in range(3):
        answers = worker.ask(question(f"return(n, {number}).", number), seconds=20, cancellation=NEVER)
        assert ["return", "n", number] in answers
    worker.stop()


@pytest.mark.prolog
def test_a_text_is_sent_once(worker: Worker) -> None:
    worker.ask(question("return(n, 1)."), seconds=20, cancellation=NEVER)
    assert ["return", "n", 1] in worker.ask(question(""), seconds=20, cancellation=NEVER)
    worker.stop()


@pytest.mark.prolog
def test_a_worker_that_takes_too_long_is_given_up(worker: Worker) -> None:
    worker.ask(question("true."), seconds=20, cancellation=NEVER)
    with pytest.raises(OutOfTime) as caught:
        worker.ask(question("repeat, fail.", 2), seconds=0.2, cancellation=NEVER)
    assert caught.value.answers == [["at", 0, 12]]
    worker.stop()


@pytest.mark.prolog
def test_a_stop_is_heard_while_prolog_works(worker: Worker) -> None:
    cancellation = Cancellation()
    threading.Timer(0.2, cancellation.request).start()
    with pytest.raises(Cancelled):
        worker.ask(question("repeat, fail."), seconds=60, cancellation=cancellation)
    worker.stop()


@pytest.mark.prolog
def test_a_stop_that_came_too_late_is_not_heard_by_the_next_request(worker: Worker) -> None:
    worker.ask(question("true."), seconds=20, cancellation=NEVER)
    os.eventfd_write(worker._cancelled, 1)
    assert ["return", "n", 2] in worker.ask(question("return(n, 2).", 2), seconds=20, cancellation=NEVER)
    worker.stop()


@pytest.mark.prolog
@pytest.mark.parametrize(("block", "status"), [("halt.", 0), ("halt(7).", 7)])
def test_a_worker_may_end_itself(worker: Worker, block: str, status: int) -> None:
    with pytest.raises(WorkerEnded) as caught:
        worker.ask(question(block), seconds=20, cancellation=NEVER)
    assert caught.value.status == status
    worker.stop()


@pytest.mark.prolog
def test_a_worker_may_be_killed(worker: Worker) -> None:
    worker.ask(question("true."), seconds=20, cancellation=NEVER)
    threading.Timer(0.2, os.kill, (worker.pid, signal.SIGKILL)).start()
    with pytest.raises(WorkerEnded) as caught:
        worker.ask(question("repeat, fail.", 2), seconds=20, cancellation=NEVER)
    assert caught.value.status == -signal.SIGKILL
    worker.stop()


@pytest.mark.prolog
def test_a_program_it_started_does_not_hide_its_end(worker: Worker) -> None:
    with pytest.raises(WorkerEnded):
        worker.ask(question("shell('sleep 30 &'), halt."), seconds=10, cancellation=NEVER)
    worker.stop()


@pytest.mark.prolog
def test_its_memory_is_bounded(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swipl, "PROGRAM_SPACE", 100)
    endless = "grow(N) :- length(L, 100000), assertz(kept(N, L)), M is N + 1, grow(M).\ngrow(0), true."
    with pytest.raises(WorkerEnded) as caught:
        worker.ask(question(endless), seconds=60, cancellation=NEVER, stacks=8)
    assert caught.value.status == -signal.SIGABRT or (caught.value.status or 0) > 0
    worker.stop()


@pytest.mark.prolog
def test_a_stopped_worker_is_gone(worker: Worker) -> None:
    worker.ask(question("true."), seconds=20, cancellation=NEVER)
    pid = worker.pid
    worker.stop()
    worker.stop()
    assert gone(pid, 1)


# The pool


@pytest.mark.prolog
def test_the_pool_gives_the_same_worker_again() -> None:
    assert FOUND
    pool = Pool()
    with pool.worker(FOUND, sandbox=True, most=2, cancellation=NEVER) as first:
        pass
    with (
        pool.worker(FOUND, sandbox=True, most=2, cancellation=NEVER) as second,
        pool.worker(FOUND, sandbox=True, most=2, cancellation=NEVER) as third,
    ):
        assert second is first
        assert third is not first
    pool.end()


@pytest.mark.prolog
def test_the_pool_keeps_sandboxed_workers_apart() -> None:
    assert FOUND
    pool = Pool()
    with pool.worker(FOUND, sandbox=False, most=2, cancellation=NEVER) as open_one:
        pass
    with pool.worker(FOUND, sandbox=True, most=2, cancellation=NEVER) as closed_one:
        assert closed_one is not open_one
    pool.end()


@pytest.mark.prolog
def test_an_error_costs_the_worker() -> None:
    assert FOUND
    pool = Pool()
    with pytest.raises(ZeroDivisionError), pool.worker(FOUND, sandbox=True, most=1, cancellation=NEVER) as broken:
        raise ZeroDivisionError
    with pool.worker(FOUND, sandbox=True, most=1, cancellation=NEVER) as next_one:
        assert next_one is not broken
    pool.end()


@pytest.mark.prolog
def test_the_pool_makes_no_more_than_it_may() -> None:
    assert FOUND
    pool = Pool()
    cancellation = Cancellation()
    with pool.worker(FOUND, sandbox=True, most=1, cancellation=NEVER):
        threading.Timer(0.1, cancellation.request).start()
        with pytest.raises(Cancelled), pool.worker(FOUND, sandbox=True, most=1, cancellation=cancellation):
            pytest.fail("there is a second one")
    pool.end()


@pytest.mark.prolog
def test_a_worker_of_a_dead_thread_is_reclaimed() -> None:
    assert FOUND
    pool = Pool()
    thread = threading.Thread(target=lambda: pool.worker(FOUND, sandbox=True, most=1, cancellation=NEVER).__enter__())
    thread.start()
    thread.join()
    with pool.worker(FOUND, sandbox=True, most=1, cancellation=NEVER) as worker:
        assert ["return", "a", 1] in worker.ask(question("return(a, 1)."), seconds=20, cancellation=NEVER)
    pool.end()


@pytest.mark.prolog
def test_a_pool_keeps_one_worker_at_most_when_it_shrinks() -> None:
    assert FOUND
    pool = Pool()
    with (
        pool.worker(FOUND, sandbox=True, most=2, cancellation=NEVER) as one,
        pool.worker(FOUND, sandbox=True, most=2, cancellation=NEVER) as two,
    ):
        pids = {one.pid, two.pid}
    pool.shrink()
    assert len(pids & children_named("swipl")) == 1
    pool.end()
    assert not pids & children_named("swipl")


# The end of this process

RUN = """
import sys, time
from the_edge_agent.cancellation import Cancellation
from the_edge_agent.languages import swipl
asked = swipl.POOL.worker(swipl.executable(), sandbox=False, most=1, cancellation=Cancellation())
worker = asked.__enter__()
worker.ask('run(1,"true.",268435456,0,[]).\\n', seconds=30, cancellation=Cancellation())
print(worker.pid, flush=True)
if "busy" in sys.argv:
    worker.ask('run(2,"repeat, fail.",268435456,0,[]).\\n', seconds=60, cancellation=Cancellation())
"""


@pytest.mark.prolog
def test_no_worker_outlives_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    assert gone(int(done.stdout))


@pytest.mark.prolog
@pytest.mark.parametrize("busy", [[], ["busy"]])
def test_no_worker_outlives_a_process_that_is_killed(busy: list[str]) -> None:
    with subprocess.Popen([sys.executable, "-c", RUN, *busy], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        time.sleep(0.1)
        process.kill()
    assert gone(pid, 15)


FORK = """
import os
from the_edge_agent.cancellation import Cancellation
from the_edge_agent.languages import swipl
def ask():
    with swipl.POOL.worker(swipl.executable(), sandbox=False, most=1, cancellation=Cancellation()) as worker:
        worker.ask('run(1,"return(a, 1).",268435456,0,[]).\\n', seconds=30, cancellation=Cancellation())
        return worker.pid
before = ask()
child = os.fork()
if child == 0:
    own = ask()
    os._exit(0 if own != before else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert ask() == before
"""


@pytest.mark.prolog
def test_a_forked_process_has_workers_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", FORK], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_prolog_side_is_beside_the_module() -> None:
    folder = Path(swipl.__file__).parent
    parts = ("worker", "block", "text", "items", "guard", "answer", "interface", "loading")
    assert {f"{part}.pl" for part in parts} <= {path.name for path in folder.glob("*.pl")}
