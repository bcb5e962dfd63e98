"""reason.*: what the model is asked, and what becomes of its replies, good and bad."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.actions.model.question import mapping_in
from the_edge_agent.engine.events import Warned
from the_edge_agent.errors import NodeFailed, OutputUnsatisfied

if TYPE_CHECKING:
    from the_edge_agent.engine.events import Event


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        ('  {"a": {"b": [1]}}\n', {"a": {"b": [1]}}),
        ('Here:\n```json\n{"a": 1}\n```\nand more', {"a": 1}),
        ('```\n{"a": 1}\n```', {"a": 1}),
        ('I think {so} that {"a": "}"} is it {"b": 2}', {"a": "}"}),
        ('<think>maybe {"a": 0}</think>{"a": 1}', {"a": 1}),
        ('{"a": NaN} {"a": 2}', {"a": 2}),
        ("[1, 2]", None),
        ("no JSON", None),
        ('{"a": ', None),
        ('{"a":' * 100_000, None),
    ],
)
def test_json_is_found_in_a_reply(text: str, found: object) -> None:
    assert mapping_in(text) == found


def test_cot_gives_thinking_and_answer(run: Any, api: Any) -> None:
    api.says('Sure: {"thinking": "two and two", "answer": 4}')
    result = run("reason.cot", problem="2+2 {not a place}", thinking_format="pros_cons", temperature=0)
    assert (result["thinking"], result["answer"], result["model"], result["thinking_format"]) == ("two and two", 4, "m", "pros_cons")
    assert (result["reasoning_thinking"], result["reasoning_answer"]) == ("two and two", 4)
    assert "2+2 {not a place}" in api.prompts[0]
    assert "against" in api.prompts[0]
    assert api.asked[0]["temperature"] == 0


def test_cot_without_json_takes_the_whole_reply_and_says_so(run: Any, api: Any) -> None:
    api.says("It is four.")
    told: list[Event] = []
    assert run("reason.cot", problem="2+2", told=told)["answer"] == "It is four."
    assert [event.code for event in told if isinstance(event, Warned)] == ["NO_JSON"]


def test_examples_come_as_earlier_turns(run: Any, api: Any) -> None:
    run("reason.cot", problem="2+2", few_shot_examples=[{"problem": "1+1", "answer": 2}])
    assert [turn["role"] for turn in api.asked[0]["messages"]] == ["user", "assistant", "user"]
    assert json.loads(api.asked[0]["messages"][1]["content"]) == {"thinking": "", "answer": 2}
    with pytest.raises(NodeFailed, match="few_shot_examples"):
        run("reason.cot", problem="2+2", few_shot_examples=[{"question": "1+1"}])


def test_react_uses_actions_and_sees_their_results(run: Any, api: Any) -> None:
    api.says(
        json.dumps({"thought": "parse it", "action": "json.parse", "action_input": {"text": "[7]"}}),
        json.dumps({"thought": "done", "final_answer": "seven"}),
    )
    result = run("reason.react", goal="read it", tools=["json.parse"])
    assert result["final_answer"] == result["reasoning_answer"] == "seven"
    assert result["total_steps"] == 2
    assert result["steps"][0]["observation"] == '{"data": [7], "success": true}'
    assert "warning" not in result
    assert "json.parse(text" in api.prompts[0]
    assert api.prompts[1] == 'Observation: {"data": [7], "success": true}'
    assert [turn["role"] for turn in api.asked[1]["messages"]] == ["user", "assistant", "user"]


def test_react_takes_the_answer_as_an_action_too(run: Any, api: Any) -> None:
    api.says(json.dumps({"thought": "done", "action": "final_answer", "action_input": {"answer": 7}}))
    assert run("reason.react", goal="g", tools=[])["final_answer"] == 7


@pytest.mark.parametrize(
    ("reply", "observed"),
    [
        ("I would parse it.", "not one JSON object"),
        (json.dumps({"action": "file.delete", "action_input": {"path": "x"}}), "there is no action 'file.delete'"),
        (json.dumps({"action": "json.parse", "action_input": ["[7]"]}), "must be a JSON object"),
        (json.dumps({"action": "json.parse", "action_input": {"txt": "[7]"}}), "no parameter 'txt'"),
        (json.dumps({"action": "llm.similarity", "action_input": {"vector_a": [1], "vector_b": [0]}}), "zeros"),
    ],
)
def test_react_tells_the_model_what_went_wrong(run: Any, api: Any, reply: str, observed: str) -> None:
    api.says(reply, json.dumps({"final_answer": "sorry"}))
    result = run("reason.react", goal="g", tools=["json.parse", "llm.similarity"])
    assert observed in json.loads(result["steps"][0]["observation"])["error"]
    assert observed in api.prompts[1]
    assert result["final_answer"] == "sorry"


def test_react_ends_at_max_steps_with_a_warning(run: Any, api: Any) -> None:
    api.says(json.dumps({"action": "json.parse", "action_input": {"text": "1"}}))
    told: list[Event] = []
    result = run("reason.react", goal="g", tools=["json.parse"], max_steps=3, told=told)
    assert (result["total_steps"], result["final_answer"], len(api.asked)) == (3, None, 3)
    assert result["warning"] == "no answer after 3 steps"
    assert [event.code for event in told if isinstance(event, Warned)] == ["STEP_LIMIT"]


def test_react_with_an_unknown_tool_asks_nothing(run: Any, api: Any) -> None:
    with pytest.raises(NodeFailed, match=r"json\.pares"):
        run("reason.react", goal="g", tools=["json.pares"])
    assert api.asked == []


def test_self_correct_improves_until_nothing_is_wrong(run: Any, api: Any) -> None:
    api.says(
        json.dumps({"output": "first", "confidence": 0.4}),
        json.dumps({"issues": ["x"], "suggestions": ["y"], "improved_output": "second"}),
        json.dumps({"issues": [], "improved_output": "second"}),
    )
    result = run("reason.self_correct", task="write", improvement_rounds=5, critic_model="strict")
    assert (result["output"], result["rounds_completed"], result["generator_model"], result["critic_model"]) == ("second", 2, "m", "strict")
    assert [(each["round"], each["previous_output"]) for each in result["improvement_history"]] == [(1, "first"), (2, "second")]
    assert [body["model"] for body in api.asked] == ["m", "strict", "strict"]
    assert "Task: write" in api.prompts[1]
    assert "Current output:\nfirst" in api.prompts[1]


def test_self_correct_stops_after_the_rounds(run: Any, api: Any) -> None:
    api.says(json.dumps({"output": "first"}), json.dumps({"issues": ["x"], "improved_output": "better"}))
    result = run("reason.self_correct", task="write", improvement_rounds=2)
    assert (result["output"], result["rounds_completed"], len(api.asked)) == ("better", 2, 3)


def test_decompose_solves_the_leaves_and_puts_them_together(run: Any, api: Any) -> None:
    tree = {"sub_problems": ["one", {"problem": "two", "sub_problems": [{"problem": "two a"}, {"question": "two b"}]}]}
    api.says(json.dumps(tree), "A", "B", "C", json.dumps({"reasoning": "sum", "final_answer": "ABC"}))
    result = run("reason.decompose", problem="big", synthesis_prompt="Add them up.")
    assert result["sub_problems"] == ["one", "two a", "two b"]
    assert result["sub_answers"][1] == {"problem": "two a", "answer": "B"}
    assert (result["final_answer"], result["synthesis_reasoning"]) == ("ABC", "sum")
    assert "Answer: A" in api.prompts[2]
    assert "Add them up." in api.prompts[4]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("no idea", "named no sub-problems"),
        (json.dumps({"sub_problems": [{"problem": "a", "sub_problems": [{"problem": "b"}]}]}), "more than 1 levels deep"),
        (json.dumps({"sub_problems": [{"title": "a"}]}), "without text"),
    ],
)
def test_decompose_refuses_what_it_cannot_use(run: Any, api: Any, reply: str, message: str) -> None:
    api.says(reply)
    with pytest.raises(OutputUnsatisfied, match=message):
        run("reason.decompose", problem="big", max_depth=1)


def test_a_failing_model_fails_the_node(run: Any, api: Any) -> None:
    api.says(500)
    with pytest.raises(NodeFailed, match="says 500"):
        run("reason.react", goal="g", tools=["json.parse"])
    assert run("reason.cot", problem="p", on_error="return")["success"] is False
