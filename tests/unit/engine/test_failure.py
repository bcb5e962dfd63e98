"""What passes by itself, how long to wait, and what is told."""

from __future__ import annotations

import pytest

from the_edge_agent.engine import failure
from the_edge_agent.errors import ContextOverflow, NodeFailed, TeaError
from the_edge_agent.workflow.model import ErrorPolicy, Node, Nothing

NODE = Node("n", Nothing())


class SlowError(TimeoutError):
    pass


@pytest.mark.parametrize(
    ("raised", "names", "expected"),
    [
        (TimeoutError("x"), None, True),
        (SlowError("x"), None, True),
        (ConnectionResetError("x"), None, True),
        (ValueError("x"), None, False),
        (ValueError("x"), ("*",), True),
        (ValueError("x"), ("ValueError",), True),
        (ConnectionError("x"), ("timeout",), False),
        (ConnectionError("x"), ("Connection_Error",), True),
        (ValueError("x"), (), False),
    ],
)
def test_which_errors_are_tried_again(raised: Exception, names: tuple[str, ...] | None, expected: bool) -> None:  # noqa: FBT001 - a parameter of a test
    assert failure.passes_by_itself(failure.failed(raised, NODE), names) is expected


def test_an_error_type_given_by_name_counts() -> None:
    assert failure.passes_by_itself(NodeFailed("busy", error_type="RateLimitError"), ("rate_limit",))


def test_delays_grow_up_to_the_longest() -> None:
    policy = ErrorPolicy(delay=1, multiplier=3, max_delay=20, jitter=0)
    assert [failure.delay(policy, n) for n in range(5)] == [1, 3, 9, 20, 20]


def test_jitter_makes_a_delay_up_to_a_tenth_longer() -> None:
    policy = ErrorPolicy(delay=10, multiplier=1, jitter=0.1)
    delays = {failure.delay(policy, 0) for _ in range(50)}
    assert len(delays) > 1
    assert all(10 <= seconds <= 11 for seconds in delays)


def test_a_delay_never_overflows() -> None:
    assert failure.delay(ErrorPolicy(delay=1, multiplier=10, max_delay=5, jitter=0), 5000) == 5


@pytest.mark.parametrize(
    ("raised", "message"), [(KeyError("k"), "there is no key 'k'"), (ValueError(), "ValueError"), (OSError(2, "gone"), "[Errno 2] gone")]
)
def test_a_failure_has_a_message_that_can_be_read(raised: Exception, message: str) -> None:
    error = failure.failed(raised, NODE)
    assert isinstance(error, NodeFailed)
    assert (error.message, error.node, error.error_type) == (message, "n", type(raised).__name__)
    assert error.__cause__ is raised


def test_an_error_of_the_house_stays_itself() -> None:
    error: TeaError = ContextOverflow("too long")
    assert failure.failed(error, NODE) is error
    assert error.node == "n"
    assert failure.error_type(error) == "ContextOverflow"


def test_the_record_of_a_failure() -> None:
    error = failure.failed(TimeoutError("slow"), NODE)
    found = failure.record(error, NODE, ErrorPolicy(capture_traceback=True), 2)
    assert found["traceback"].strip() == "TimeoutError: slow"
    assert {key: found[key] for key in ("type", "message", "node", "action", "retry_count", "is_retryable")} == {
        "type": "TimeoutError",
        "message": "slow",
        "node": "n",
        "action": None,
        "retry_count": 2,
        "is_retryable": True,
    }
