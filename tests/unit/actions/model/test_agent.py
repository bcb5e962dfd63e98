"""agent.*: who is asked what, in which order, and whether failures are told."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.errors import ModelUnavailable, NodeFailed, OutputUnsatisfied

SETTINGS = {
    "agents": {
        "one": {"model": "m1", "system_prompt": "You are one.", "temperature": 0},
        "two": {"model": "m2", "task_template": "As a critic: {{ task }}", "max_tokens": 7},
        "three": {},
    }
}


def test_dispatch_asks_as_the_agent(run: Any, api: Any) -> None:
    result = run("agent.dispatch", settings=SETTINGS, agent="one", task="work")
    assert (result["response"], result["content"], result["agent"], result["success"], result["attempts"]) == (
        "hello",
        "hello",
        "one",
        True,
        1,
    )
    assert result["usage"]["total_tokens"] == 7
    sent = api.asked[0]
    assert (sent["model"], sent["temperature"]) == ("m1", 0)
    assert sent["messages"] == [{"role": "system", "content": "You are one."}, {"role": "user", "content": "work"}]


def test_an_agent_without_a_model_takes_the_one_of_the_settings(run: Any, api: Any) -> None:
    run("agent.dispatch", settings=SETTINGS, agent="three", task="work")
    run("agent.dispatch", settings=SETTINGS, agent="three", task="work", model="other")
    assert [body["model"] for body in api.asked] == ["m", "other"]


def test_the_task_goes_into_the_template_as_it_is(run: Any, api: Any) -> None:
    run("agent.dispatch", settings=SETTINGS, agent="two", task="judge {{ state.x }} {task}")
    assert api.prompts == ["As a critic: judge {{ state.x }} {task}"]
    assert api.asked[0]["max_tokens"] == 7


def test_dispatch_tells_a_failure(run: Any, api: Any) -> None:
    api.says(400)
    result = run("agent.dispatch", settings=SETTINGS, agent="one", task="work", max_retries=2)
    assert (result["success"], result["attempts"], result["response"]) == (False, 3, None)
    assert "says 400" in result["error"]
    assert len(api.asked) == 3
    api.says(400, "better")
    assert run("agent.dispatch", settings=SETTINGS, agent="one", task="work", max_retries=2)["attempts"] == 2


@pytest.mark.parametrize(
    ("agents", "name", "message"),
    [
        (SETTINGS["agents"], "on", "no agent 'on'"),
        ({}, "one", "no agent 'one'"),
        ({"one": {"modle": "m"}}, "one", r"settings\.agents\.one has no key 'modle'"),
        ({"one": {"tools": ["json.parse"]}}, "one", "cannot use tools"),
    ],
)
def test_an_agent_that_cannot_be_asked_is_an_error(run: Any, api: Any, agents: dict[str, Any], name: str, message: str) -> None:
    with pytest.raises(NodeFailed, match=message):
        run("agent.dispatch", settings={"agents": agents}, agent=name, task="work")
    assert api.asked == []


def test_no_model_at_all_is_raised(run: Any) -> None:
    settings = {"agents": {"one": {"provider": "local", "model_path": "absent.gguf"}}}
    with pytest.raises(ModelUnavailable):
        run("agent.dispatch", settings=settings, agent="one", task="work")


def test_parallel_agents_really_meet_and_answer_in_order(run: Any, api: Any) -> None:
    together = threading.Barrier(2, timeout=20)

    def answer(text: str) -> str:
        together.wait()
        if "one" in text:
            time.sleep(0.1)
            return "first"
        return "second"

    api.answer = answer
    result = run("agent.parallel", settings=SETTINGS, agents=["one", "two"], task="work")
    assert (result["responses"], result["count"], result["success"]) == (["first", "second"], 2, True)
    assert (result["agents_called"], [each["agent"] for each in result["raw_results"]]) == (["one", "two"], ["one", "two"])


def test_parallel_says_when_an_agent_failed(run: Any, api: Any) -> None:
    api.answer = lambda text: 500 if "critic" in text else "fine"
    result = run("agent.parallel", settings=SETTINGS, agents=["one", "two"], task="work")
    assert (result["responses"], result["count"], result["success"]) == (["fine", None], 1, False)


def test_one_at_a_time_where_it_is_wanted(run: Any, api: Any) -> None:
    busy = threading.Lock()

    def answer(_: str) -> str:
        assert busy.acquire(blocking=False)
        time.sleep(0.02)
        busy.release()
        return "ok"

    api.answer = answer
    assert run("agent.parallel", settings=SETTINGS, agents=["one", "two", "three"], task="work", max_concurrent=1)["count"] == 3


def test_vote_counts(run: Any, api: Any) -> None:
    api.answer = lambda text: "no" if "critic" in text else "yes\n"
    result = run("agent.parallel", settings=SETTINGS, agents=["one", "two", "three"], task="vote", aggregation="vote")
    assert (result["result"], result["votes"], result["unanimous"], result["total_votes"]) == ("yes", {"yes": 2, "no": 1}, False, 3)


def test_first_does_not_wait_for_the_slow_one(run: Any, api: Any) -> None:
    def answer(text: str) -> str:
        if "You are one." in text:
            api.release.wait(60)
        return "quick"

    api.answer = answer
    result = run("agent.parallel", settings=SETTINGS, agents=["one", "two"], task="race", aggregation="first")
    assert not api.release.is_set()
    assert (result["result"], result["agent"], result["success"]) == ("quick", "two", True)


def test_first_goes_on_after_a_failure(run: Any, api: Any) -> None:
    api.answer = lambda text: 500 if "critic" in text else "fine"
    result = run("agent.parallel", settings=SETTINGS, agents=["two", "one"], task="race", aggregation="first", max_concurrent=1)
    assert (result["result"], result["agent"], result["success"]) == ("fine", "one", True)
    api.says(500)
    result = run("agent.parallel", settings=SETTINGS, agents=["two", "one"], task="race", aggregation="first")
    assert (result["result"], result["success"]) == (None, False)


def test_consensus_is_found_in_a_later_round(run: Any, api: Any) -> None:
    api.answer = lambda text: "blue" if "answers given so far" in text or "critic" in text else "red"
    result = run(
        "agent.parallel", settings=SETTINGS, agents=["one", "two"], task="colour", aggregation="consensus", consensus_threshold=0.9
    )
    assert (result["result"], result["consensus_reached"], result["agreement"], result["rounds"]) == ("blue", True, 1.0, 2)
    assert "- red\n- blue" in api.prompts[-1]


def test_a_tie_is_no_consensus(run: Any, api: Any) -> None:
    api.answer = lambda text: "blue" if "critic" in text else "red"
    result = run("agent.parallel", settings=SETTINGS, agents=["one", "two"], task="colour", aggregation="consensus", max_rounds=2)
    assert (result["result"], result["consensus_reached"], result["agreement"], result["rounds"]) == (None, False, 0.5, 2)


def test_a_cancelled_node_stops_all_agents(run: Any, api: Any) -> None:
    # A command is stopped while it works; two of them sleep far longer than this test may take.
    settings = {
        "llm": {"shell_providers": {"slow": {"command": "sleep", "args": ["100"]}}},
        "agents": {name: {"provider": "shell", "shell_provider": "slow"} for name in "ab"},
    }
    cancellation = Cancellation()
    threading.Timer(0.2, cancellation.request).start()
    with pytest.raises(Cancelled):
        run("agent.parallel", settings=settings, agents=["a", "b"], task="work", cancellation=cancellation)
    assert api.asked == []


def test_sequential_hands_results_on(run: Any, api: Any) -> None:
    api.says("draft", "final")
    result = run("agent.sequential", settings=SETTINGS, agents=["one", "two"], task="write")
    assert (result["result"], result["sequential_result"], result["success"]) == ("final", "final", True)
    assert [each["agent"] for each in result["chain"]] == ["one", "two"]
    assert api.prompts[0] == "write"
    assert api.prompts[1].startswith("As a critic: write")
    assert "draft" in api.prompts[1]


def test_sequential_with_a_task_each_and_a_transform(run: Any, api: Any) -> None:
    api.says("{task}", "final")
    result = run(
        "agent.sequential",
        settings=SETTINGS,
        agents=["one", "three"],
        tasks=["write", "shorten"],
        transform="{task}: {result}",
        output_key="text",
    )
    assert result["text"] == "final"
    assert api.prompts == ["write", "shorten: {task}"]


def test_sequential_ends_at_a_failure(run: Any, api: Any) -> None:
    api.says("draft", 500)
    result = run("agent.sequential", settings=SETTINGS, agents=["one", "two", "three"], task="write")
    assert (result["success"], result["failed_at"], len(result["chain"]), len(api.asked)) == (False, "two", 2, 2)
    assert "says 500" in result["error"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "neither of them"),
        ({"task": "a", "tasks": ["a", "b"]}, "both"),
        ({"tasks": ["a"]}, "'tasks' must be 2 texts"),
    ],
)
def test_sequential_needs_one_kind_of_task(run: Any, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(NodeFailed, match=message):
        run("agent.sequential", settings=SETTINGS, agents=["one", "two"], **parameters)


def test_a_leader_gives_work_and_has_a_result(run: Any, api: Any) -> None:
    work = {"assignments": [{"worker": "two", "task": "read"}, {"worker": "three", "task": "count"}]}

    def answer(text: str) -> str:
        if "You lead" not in text:
            return f"did {'read' if 'read' in text else 'count'}"
        return json.dumps({"final_answer": "all done"}) if "did read" in text else json.dumps(work)

    api.answer = answer
    result = run("agent.coordinate", settings=SETTINGS, leader="one", workers=["two", "three"], task="report")
    assert (result["result"], result["rounds"], result["success"]) == ("all done", 2, True)
    assert [(each["agent"], each["task"], each["response"]) for each in result["worker_results"]] == [
        ("two", "read", "did read"),
        ("three", "count", "did count"),
    ]


def test_a_leader_without_a_result_is_no_success(run: Any, api: Any) -> None:
    api.answer = lambda text: json.dumps({"assignments": [{"worker": "two", "task": "more"}]}) if "You lead" in text else "ok"
    result = run("agent.coordinate", settings=SETTINGS, leader="one", workers=["two"], task="report", max_rounds=2)
    assert (result["result"], result["rounds"], result["success"]) == (None, 2, False)
    assert "no result after 2 rounds" in result["error"]


def test_a_leader_cannot_call_strangers(run: Any, api: Any) -> None:
    api.says(json.dumps({"assignments": [{"worker": "mallory", "task": "more"}]}))
    with pytest.raises(OutputUnsatisfied, match="mallory"):
        run("agent.coordinate", settings=SETTINGS, leader="one", workers=["two"], task="report")
