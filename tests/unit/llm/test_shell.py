"""The shell provider with real programs."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.errors import ModelUnavailable, NodeFailed
from the_edge_agent.llm.protocol import Message, Request, Sampling
from the_edge_agent.llm.shell import ShellBackend, program

TALK = Request((Message("system", "S"), Message("user", "U $(id) `id`"), Message("assistant", "A")))
FLAT = "System: S\n\nU $(id) `id`\n\nAssistant: A"


def backend(**entry: Any) -> ShellBackend:
    return ShellBackend(program("p", {"p": entry}, {"WHO": "world"}))


def python(code: str, *args: str, **more: Any) -> ShellBackend:
    return backend(command=sys.executable, args=["-c", code, *args], **more)


def test_the_conversation_goes_to_stdin() -> None:
    reply = backend(command="cat").chat(TALK)
    assert (reply.content, reply.model, reply.backend, reply.usage) == (FLAT, "p", "shell", None)


def test_the_prompt_may_be_an_argument_and_is_never_a_command() -> None:
    reply = python("import sys; print(repr((sys.argv[1], sys.stdin.read())))", "<{prompt}>").chat(TALK)
    assert reply.content == repr((f"<{FLAT}>", ""))


def test_the_prompt_may_lie_in_a_file() -> None:
    reply = python("import sys; print(open(sys.argv[1]).read(), end='')", "{input_file}", stdin_mode="file").chat(TALK)
    assert reply.content == FLAT


def test_the_environment_is_added_to() -> None:
    code = "import os; print(os.environ['GREETING'], 'PATH' in os.environ)"
    assert python(code, env={"GREETING": "hello ${WHO}"}).chat(TALK).content == "hello world True"


def test_the_answer_is_one_piece_without_colours() -> None:
    pieces: list[str] = []
    python(r"print('\033[1;31mred\033[0m\n')").chat(TALK, on_token=pieces.append)
    assert pieces == ["red"]


def test_a_failing_program_fails_the_node() -> None:
    with pytest.raises(NodeFailed, match="exit code 3: it broke"):
        python("import sys; sys.exit(print('it broke', file=sys.stderr) or 3)").chat(TALK)


def test_the_environment_it_was_given_is_not_in_the_error() -> None:
    code = 'import os, sys; sys.exit(f\'rejected {os.environ["KEY"]}, debug={os.environ["DEBUG"]}\')'
    failing = ShellBackend(
        program("p", {"p": {"command": sys.executable, "args": ["-c", code], "env": {"KEY": "${KEY}", "DEBUG": 1}}}, {"KEY": "swordfish"})
    )
    with pytest.raises(NodeFailed, match=r"exit code 1: rejected \*\*\*, debug=1"):
        failing.chat(TALK)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(NodeFailed, match="cannot start 'no-such-program-here'"):
        backend(command="no-such-program-here").chat(TALK)


def test_a_program_that_takes_too_long_is_killed() -> None:
    started = time.monotonic()
    with pytest.raises(NodeFailed, match=r"no answer within 0\.3 s"):
        python("import time; time.sleep(60)", timeout=0.3).chat(TALK)
    assert time.monotonic() - started < 30


def test_a_cancelled_program_is_killed() -> None:
    cancellation = Cancellation()
    threading.Timer(0.1, cancellation.request).start()
    with pytest.raises(Cancelled):
        python("import time; time.sleep(60)").chat(TALK, cancellation=cancellation)


def test_parameters_a_program_cannot_have_are_refused() -> None:
    cat = backend(command="cat")
    with pytest.raises(NodeFailed, match="takes no parameter max_tokens, seed, tools"):
        cat.chat(Request(TALK.messages, 5, sampling=Sampling(temperature=0.7, seed=1), extra={"tools": []}))
    assert cat.chat(Request(TALK.messages, sampling=Sampling(temperature=0.7))).content == FLAT


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({}, "command must be the name"),
        ({"command": "cat", "args": "x"}, "args must be a list"),
        ({"command": "cat", "stdin_mode": "tty"}, "stdin_mode must be pipe or file"),
        ({"command": "cat", "timeout": 0}, "timeout must be a number"),
        ({"command": "cat", "shell": True}, "unknown keys shell"),
        ("cat", "must be a mapping"),
    ],
)
def test_a_malformed_entry_is_refused(entry: Any, problem: str) -> None:
    with pytest.raises(ModelUnavailable, match=problem):
        program("p", {"p": entry}, {})


def test_there_are_no_built_in_programs() -> None:
    with pytest.raises(ModelUnavailable, match=r"no shell provider 'claude' is defined \(defined: none\)"):
        program("claude", None, {})
    with pytest.raises(ModelUnavailable, match=r"needs shell_provider: \(defined: p\)"):
        program(None, {"p": {"command": "cat"}}, {})
