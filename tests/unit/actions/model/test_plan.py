"""plan.*: plans a model makes, and what carrying them out does."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from the_edge_agent.errors import NodeFailed, OutputUnsatisfied

PLAN = {
    "id": "p",
    "goal": "g",
    "strategy": "flat",
    "subtasks": [
        {"id": "b", "description": "do b", "dependencies": ["a"]},
        {"id": "a", "description": "do a", "dependencies": []},
        {"id": "c", "description": "do c", "dependencies": ["b"]},
    ],
}


def statuses(result: dict[str, Any]) -> dict[str, str]:
    return {each["id"]: each["status"] for each in result["plan"]["subtasks"]}


def test_decompose_makes_a_plan(run: Any, api: Any) -> None:
    api.says('```json\n{"subtasks": [{"id": "a", "description": "do a"}, {"id": "b", "description": "do b", "dependencies": ["a"]}]}\n```')
    result = run("plan.decompose", goal="win", max_subtasks=4)
    plan = result["plan"]
    assert (result["success"], result["subtask_count"], result["plan_id"]) == (True, 2, plan["id"])
    assert (plan["goal"], plan["strategy"]) == ("win", "flat")
    assert plan["subtasks"][1] == {
        "id": "b",
        "description": "do b",
        "dependencies": ["a"],
        "status": "pending",
        "result": None,
        "error": None,
        "retry_count": 0,
        "started_at": None,
        "completed_at": None,
    }
    assert "Goal: win" in api.prompts[0]


def test_groups_come_after_what_is_in_them(run: Any, api: Any) -> None:
    group = {"id": "all", "description": "finish", "subtasks": [{"id": "x", "description": "x"}, {"id": "y", "description": "y"}]}
    api.says(json.dumps({"subtasks": [group]}))
    subtasks = run("plan.decompose", goal="g", strategy="hierarchical")["plan"]["subtasks"]
    assert [(each["id"], each["dependencies"]) for each in subtasks] == [("x", []), ("y", []), ("all", ["x", "y"])]


@pytest.mark.parametrize(
    ("subtasks", "message"),
    [
        (None, "no JSON with subtasks"),
        ([], "no JSON with subtasks"),
        ([{"description": str(number)} for number in range(4)], "named 4 subtasks, at most 3"),
        ([{"id": "a"}], "without a description"),
        ([{"id": "a", "description": "a"}, {"id": "a", "description": "b"}], "two subtasks called 'a'"),
        ([{"id": "a", "description": "a", "dependencies": ["z"]}], "depends on 'z'"),
        ([{"id": i, "description": i, "dependencies": [j]} for i, j in ("ab", "ba")], "wait for each other: a, b"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(run: Any, api: Any, subtasks: object, message: str) -> None:
    api.says("sorry" if subtasks is None else json.dumps({"subtasks": subtasks}))
    with pytest.raises(OutputUnsatisfied, match=message):
        run("plan.decompose", goal="g", max_subtasks=3)


def test_execute_goes_in_the_order_of_the_dependencies(run: Any, api: Any) -> None:
    api.says("A!", "B!", "C!")
    result = run("plan.execute", state={"plan": PLAN})
    assert result["subtask_results"] == {"a": "A!", "b": "B!", "c": "C!"}
    assert (result["plan_status"], result["success"], result["replan_count"]) == ("completed", True, 0)
    assert [each["subtask"] for each in result["planning_trace"]] == ["a", "b", "c"]
    assert "do a" in api.prompts[0]
    assert "Result of 'do a':\nA!" in api.prompts[1]
    assert PLAN["subtasks"][0] == {"id": "b", "description": "do b", "dependencies": ["a"]}


def test_execute_takes_the_result_of_decompose_and_does_not_repeat_what_is_done(run: Any, api: Any) -> None:
    done = [{"id": "a", "description": "do a", "dependencies": [], "status": "completed", "result": "before"}]
    plan = {**PLAN, "subtasks": [*done, {"id": "b", "description": "do b", "dependencies": ["a"], "status": "failed"}]}
    result = run("plan.execute", state={"plan": {"plan": plan, "success": True}})
    assert result["subtask_results"] == {"a": "before", "b": "hello"}
    assert len(api.asked) == 1


def test_a_failed_subtask_ends_the_plan_honestly(run: Any, api: Any) -> None:
    api.says("fine", 400)
    result = run("plan.execute", plan=PLAN)
    assert (result["success"], result["plan_status"]) == (False, "failed")
    assert statuses(result) == {"a": "completed", "b": "failed", "c": "pending"}
    assert "says 400" in next(each["error"] for each in result["plan"]["subtasks"] if each["id"] == "b")
    assert len(api.asked) == 2


def test_skip_leaves_out_what_waits_for_it(run: Any, api: Any) -> None:
    plan = {**PLAN, "subtasks": [*PLAN["subtasks"], {"id": "d", "description": "do d", "dependencies": []}]}
    api.answer = lambda text: 400 if "do a" in text else "ok"
    result = run("plan.execute", plan=plan, on_subtask_failure="skip")
    assert statuses(result) == {"a": "skipped", "b": "skipped", "c": "skipped", "d": "completed"}
    assert (result["plan_status"], result["success"]) == ("partial", False)


def test_retry_tries_again(run: Any, api: Any) -> None:
    api.says(400, 400, "third time", "B", "C")
    result = run("plan.execute", plan=PLAN, on_subtask_failure="retry", max_retries=2)
    assert result["success"] is True
    assert next(each for each in result["plan"]["subtasks"] if each["id"] == "a")["retry_count"] == 2
    assert result["subtask_results"]["a"] == "third time"


def test_replan_makes_new_subtasks_from_what_is_done(run: Any, api: Any) -> None:
    fresh = json.dumps({"subtasks": [{"id": "other", "description": "another way", "dependencies": ["a"]}]})
    api.says("A!", 400, fresh, "done")
    result = run("plan.execute", plan=PLAN, on_subtask_failure="replan")
    assert statuses(result) == {"a": "completed", "other": "completed"}
    assert (result["replan_count"], result["success"]) == (1, True)
    assert "do b (failed:" in api.prompts[2]
    assert "Result of 'do a':\nA!" in api.prompts[3]


def test_replanning_ends(run: Any, api: Any) -> None:
    api.answer = lambda text: json.dumps({"subtasks": [{"description": "again"}]}) if "Make a new list" in text else 400
    result = run("plan.execute", plan=PLAN, on_subtask_failure="replan", max_replans=2)
    assert (result["replan_count"], result["success"]) == (2, False)


def test_an_action_can_do_the_subtasks(run: Any, api: Any) -> None:
    executor = {"action": "json.stringify", "with": {"data": {"what": "{description} for {goal}", "which": ["{id}"]}}}
    result = run("plan.execute", plan={**PLAN, "goal": "{id}"}, subtask_executor=executor)
    assert json.loads(result["subtask_results"]["c"]["text"]) == {"what": "do c for {id}", "which": ["c"]}
    assert api.asked == []


def test_the_subtask_goes_where_an_action_takes_its_question(run: Any, api: Any) -> None:
    api.says(json.dumps({"thinking": "t", "answer": 1}))
    result = run("plan.execute", plan=PLAN, subtask_executor={"action": "reason.cot"})
    assert result["subtask_results"]["a"]["answer"] == 1
    assert "do a" in api.prompts[0]


def test_an_action_that_reports_no_success_fails_its_subtask(run: Any) -> None:
    result = run("plan.execute", plan=PLAN, subtask_executor={"action": "json.parse", "with": {"text": "{broken"}})
    assert statuses(result)["a"] == "failed"
    assert result["success"] is False


def test_parallel_subtasks_really_meet(run: Any, api: Any) -> None:
    together = threading.Barrier(2, timeout=20)

    def answer(_: str) -> str:
        together.wait()
        return "ok"

    api.answer = answer
    plan = {**PLAN, "subtasks": [{"id": name, "description": name, "dependencies": []} for name in "ab"]}
    assert run("plan.execute", plan=plan, parallel=True)["success"] is True


def test_replan_keeps_what_is_done(run: Any, api: Any) -> None:
    plan = {
        **PLAN,
        "subtasks": [{"id": "a", "description": "do a", "status": "completed", "result": 1}, {"id": "b", "description": "do b"}],
    }
    api.says(json.dumps({"subtasks": ["do it differently"]}))
    result = run("plan.replan", plan=plan, reason="too slow")
    assert [(each["id"], each["status"]) for each in result["plan"]["subtasks"]] == [("a", "completed"), ("task-2", "pending")]
    assert "too slow" in api.prompts[0]


def test_status_needs_no_model(local: Any) -> None:
    subtasks = [{"id": name, "status": status} for name, status in zip("abcd", ("completed", "skipped", "failed", "pending"), strict=True)]
    result = local("plan.status", state={"plan": {"id": "p", "goal": "g", "subtasks": subtasks}})
    assert result == {
        "status": {"pending": 1, "in_progress": 0, "completed": 1, "failed": 1, "skipped": 1, "total": 4},
        "progress": 0.5,
        "plan_id": "p",
        "goal": "g",
        "success": True,
    }
    detailed = local("plan.status", plan={"subtasks": []}, include_details=True)
    assert (detailed["progress"], detailed["subtasks"]) == (0.0, [])


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (None, "state.plan must be a plan"),
        ({"id": "p"}, "'plan' must be a plan"),
        ({"subtasks": [{"id": "a", "status": "done"}]}, "status 'done'"),
        ({"subtasks": [{"id": "a", "dependencies": ["a"]}]}, "wait for each other"),
    ],
)
def test_what_is_no_plan_is_an_error(local: Any, plan: Any, message: str) -> None:
    with pytest.raises(NodeFailed, match=message):
        local("plan.status", **({} if plan is None else {"plan": plan}))
