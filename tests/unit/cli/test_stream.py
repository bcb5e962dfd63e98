from __future__ import annotations

import io
import json
from datetime import datetime
from typing import Any

import pytest

from the_edge_agent.cli.answer import Answer
from the_edge_agent.cli.stream import EventStream
from the_edge_agent.engine import events
from the_edge_agent.engine.checkpoint import Checkpoint
from the_edge_agent.redaction import Redactor


def written(*told: events.Event, everything: bool = False, hidden: str = "") -> list[dict[str, Any]]:
    pipe = io.BytesIO()
    redact = Redactor()
    redact.hide([hidden])
    stream = EventStream(Answer(pipe), redact, everything=everything)
    for event in told:
        stream(event)
    return [json.loads(line) for line in pipe.getvalue().splitlines()]


PLAIN = (
    events.RunStarted("w", {"in": 0}),
    events.NodeStarted("a", None),
    events.NodeCompleted("a", {"in": 0, "x": 1}, 0.1, None),
    events.RunCompleted({"in": 0, "x": 1}),
)
BRANCH = (
    events.FanOutStarted("f", ("f[0]",), None),
    events.BranchStarted("f", "f[0]"),
    events.NodeCompleted("g", {}, 0.1, "f[0]"),
    events.BranchCompleted("f", "f[0]", success=True, error=None, seconds=0.1),
)


def test_a_plain_flow_has_the_four_events_readers_know() -> None:
    lines = written(*PLAIN)
    assert [line["type"] for line in lines] == ["start", "node_complete", "complete"]
    assert [list(line)[:2] for line in lines] == [["type", "timestamp"]] * 3
    assert lines[0]["workflow"] == "w"
    assert "state" not in lines[0]
    assert lines[1]["node"] == "a"
    assert lines[1]["state"] == {"in": 0, "x": 1}
    assert "branch" not in lines[1]
    assert all(datetime.fromisoformat(line["timestamp"]).utcoffset() is not None for line in lines)


def test_verbose_streams_tell_everything() -> None:
    assert [line["type"] for line in written(*PLAIN, everything=True)] == ["start", "node_start", "node_complete", "complete"]
    assert [line["type"] for line in written(*BRANCH, everything=True)] == ["fan_out", "branch_start", "node_complete", "branch_complete"]


def test_nodes_inside_of_branches_are_no_nodes_of_the_main_flow() -> None:
    lines = written(*BRANCH)
    assert [line["type"] for line in lines] == ["fan_out", "branch_start", "branch_complete"]
    assert lines[-1]["branch"] == "f[0]"


def test_secrets_are_hidden_in_messages_and_left_alone_in_the_state() -> None:
    told = (events.RunFailed("a", "no access with hush-hush", "NODE_FAILED"), events.RunCompleted({"x": "hush-hush"}))
    error, complete = written(*told, hidden="hush-hush")
    assert error["error"] == "no access with ***"
    assert complete["state"] == {"x": "hush-hush"}


def test_a_pause_is_no_error() -> None:
    told = (events.Interrupted(Checkpoint("a", "before", {})), events.RunFailed("a", "paused", "PAUSED"))
    assert [line["type"] for line in written(*told)] == ["interrupt"]


@pytest.mark.parametrize("end", [events.RunCompleted({}), events.RunFailed("a", "boom", "NODE_FAILED")])
def test_a_run_ends_once(end: events.Event) -> None:
    pipe = io.BytesIO()
    stream = EventStream(Answer(pipe), Redactor())
    stream(end)
    stream.fail("a", "again", "BUG")
    assert len(pipe.getvalue().splitlines()) == 1


def test_a_run_that_told_no_end_gets_an_error_event() -> None:
    pipe = io.BytesIO()
    EventStream(Answer(pipe), Redactor()).fail(None, "no such file", "USAGE")
    assert {**json.loads(pipe.getvalue()), "timestamp": ""} == {
        "type": "error",
        "timestamp": "",
        "node": None,
        "error": "no such file",
        "code": "USAGE",
    }
