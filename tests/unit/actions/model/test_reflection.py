"""reflection.*: the loop, its evaluators, and which code it may run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.agent import load
from the_edge_agent.errors import NodeFailed, OutputUnsatisfied, Refused

if TYPE_CHECKING:
    from pathlib import Path

COUNT = {"type": "schema", "schema": {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}}
IMPROVING = {"run": 'n = state["reflection_iteration"]\nresult = {"count": n} if n > 1 else {"count": "bad"}\n'}


def test_the_loop_ends_when_the_schema_holds(local: Any) -> None:
    assert local("reflection.loop", generator=IMPROVING, evaluator=COUNT) == {
        "reflection_iteration": 2,
        "reflection_output": {"count": 2},
        "reflection_errors": [],
        "reflection_history": [
            {
                "iteration": 1,
                "output": {"count": "bad"},
                "score": 0.0,
                "valid": False,
                "errors": [{"path": "count", "message": "'bad' is not of type 'integer'", "schema_path": ["properties", "count", "type"]}],
            },
            {"iteration": 2, "output": {"count": 2}, "score": 1.0, "valid": True, "errors": []},
        ],
        "reflection_best": {"count": 2},
        "reflection_best_score": 1.0,
        "success": True,
        "valid": True,
        "count": 2,
    }


def test_templates_see_what_the_loop_has_so_far(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(
        """\
name: w
nodes:
  - name: loop
    uses: reflection.loop
    with:
      generator: {action: json.stringify, with: {data: "{{ state.reflection_errors | default([]) }}"}}
      evaluator: {type: custom, action: judge, with: {given: "{{ state.reflection_output | default(none) }}"}}
      corrector: {action: json.stringify, with: {data: "mend {{ state.reflection_output | default('') }} {{ state.reflection_iteration | default(0) }}"}}
    output: result
""",
        encoding="utf-8",
    )
    (tmp_path / "judge.py").write_text(
        """\
def judge(state, given):
    good = "mend" in given["text"]
    return {"valid": good, "score": float(good), "errors": ["no"]}


def register_actions(registry, engine):
    registry["judge"] = judge
""",
        encoding="utf-8",
    )
    with load(tmp_path / "w.yaml", actions_files=[tmp_path / "judge.py"]) as agent:
        history = agent.invoke()["result"]["reflection_history"]
    assert history[0]["output"]["text"] == "[]"
    assert "mend" in history[1]["output"]["text"]
    assert history[1]["output"]["text"].endswith(' 2"')
    assert [each["valid"] for each in history] == [False, True]


SCORES = "return [0.2, 0.4, 0.1][state['reflection_iteration'] - 1]"


@pytest.mark.parametrize(("on_failure", "output"), [("return_best", 2), ("return_last", 3)])
def test_what_is_given_when_nothing_was_good_enough(local: Any, on_failure: str, output: int) -> None:
    generator, evaluator = {"run": "return state['reflection_iteration']"}, {"type": "custom", "run": SCORES}
    result = local("reflection.loop", generator=generator, evaluator=evaluator, on_failure=on_failure)
    assert (result["reflection_output"], result["success"], result["valid"], result["reflection_iteration"]) == (output, False, False, 3)
    assert (result["reflection_best"], result["reflection_best_score"]) == (2, 0.4)


def test_the_loop_can_fail_the_node(local: Any) -> None:
    with pytest.raises(OutputUnsatisfied, match="after 2 iterations: count: 'x' is not of type 'integer'"):
        local("reflection.loop", generator={"run": "return {'count': 'x'}"}, evaluator=COUNT, max_iterations=2, on_failure="raise")


def test_the_corrector_sees_what_was_wrong(local: Any) -> None:
    corrector = {"run": "return {'count': len(state['reflection_errors']) + len(state['reflection_output'])}"}
    state = {"kept": 1}
    result = local("reflection.loop", generator={"run": "return {'count': 'x'}"}, evaluator=COUNT, corrector=corrector, state=state)
    assert result["reflection_output"] == {"count": 2}
    assert state == {"kept": 1}


def test_actions_can_generate_and_judge(local: Any) -> None:
    generator = {"action": "json.parse", "with": {"text": '{"count": 5}'}}
    evaluator = {"type": "custom", "action": "json.parse", "with": {"text": "[]"}}
    schema = {"type": "schema", "schema": {"properties": {"data": {"properties": {"count": {"minimum": 5}}}}}}
    assert local("reflection.loop", generator=generator, evaluator=schema)["data"] == {"count": 5}
    with pytest.raises(NodeFailed, match="an evaluator must give"):
        local("reflection.loop", generator=generator, evaluator=evaluator)


def test_the_json_a_model_writes_is_what_is_judged(run: Any, api: Any) -> None:
    api.says("Here you are: {}", 'Better: {"count": 3}')
    result = run("reflection.loop", generator={"uses": "llm.call", "with": {"prompt": "count"}}, evaluator=COUNT)
    assert (result["count"], result["reflection_iteration"]) == (3, 2)


def test_a_model_can_judge(run: Any, api: Any) -> None:
    api.says(json.dumps({"valid": True, "score": 0.8, "reason": "ok", "suggestions": []}))
    evaluator = {"type": "llm", "model": "judge", "prompt": "Is it kind?"}
    result = run("reflection.loop", generator={"run": "result = {'v': 1}"}, evaluator=evaluator, temperature=0)
    assert (result["success"], result["reflection_best_score"], result["reflection_iteration"], result["v"]) == (True, 0.8, 1, 1)
    assert (api.asked[0]["model"], api.asked[0]["temperature"]) == ("judge", 0)
    assert "Is it kind?" in api.prompts[0]
    assert '{"v": 1}' in api.prompts[0]


def test_a_model_can_correct(run: Any, api: Any) -> None:
    api.says('{"count": 4}')
    result = run(
        "reflection.loop", generator={"run": "return {'count': 'four'}"}, evaluator=COUNT, corrector={"type": "llm", "prompt": "Mend it."}
    )
    assert result["count"] == 4
    assert "Mend it." in api.prompts[0]
    assert "- count: 'four' is not of type 'integer'" in api.prompts[0]


@pytest.mark.parametrize(
    ("verdict", "threshold", "valid", "score"),
    [
        ("True", None, True, 1.0),
        ("False", None, False, 0.0),
        ("0.5", None, True, 0.5),
        ("0.49", None, False, 0.49),
        ("0.6", 0.7, False, 0.6),
        ("{'valid': False, 'score': 0.9}", None, False, 0.9),
        ("{'valid': False, 'score': 0.9}", 0.8, True, 0.9),
        ("{'score': 0.4}", None, False, 0.4),
        ("{'valid': True}", None, True, 1.0),
    ],
)
def test_what_a_custom_evaluator_may_give(local: Any, verdict: str, threshold: float | None, valid: bool, score: float) -> None:  # noqa: FBT001 - an expected value
    evaluator = {"type": "custom", "run": f"return {verdict}"} | ({} if threshold is None else {"threshold": threshold})
    result = local("reflection.evaluate", output=1, evaluator=evaluator)
    assert (result["valid"], result["score"]) == (valid, score)


def test_evaluate_takes_the_output_of_the_state(local: Any) -> None:
    result = local("reflection.evaluate", evaluator=COUNT, state={"reflection_output": {"count": None}})
    assert (result["valid"], result["errors"][0]["path"]) == (False, "count")
    assert local("reflection.evaluate", evaluator=COUNT, output=None)["valid"] is False
    with pytest.raises(NodeFailed, match="no reflection_output"):
        local("reflection.evaluate", evaluator=COUNT)


def test_correct_asks_a_model_unless_told_otherwise(run: Any, api: Any) -> None:
    api.says("mended")
    assert run("reflection.correct", output="wrog", errors=["spelling"])["corrected_output"] == "mended"
    assert "wrog" in api.prompts[0]
    assert "- spelling" in api.prompts[0]
    corrector = {"run": "return state['reflection_output'].upper()"}
    assert run("reflection.correct", output="wrong", corrector=corrector)["corrected_output"] == "WRONG"
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("evaluator", "message"),
    [
        ({"type": "magic"}, "must have the type schema, llm or custom"),
        ({}, "must have the type"),
        ({"type": "schema"}, "needs 'schema'"),
        ({"type": "schema", "schema": {"type": "objekt"}}, "is no JSON Schema"),
        ({"type": "schema", "schema": {"$ref": "http://localhost:9/x"}}, "lies outside of it"),
        ({"type": "schema", "schema": {}, "modle": 1}, "has no key 'modle'"),
        ({"type": "llm", "modle": "m"}, "has no key 'modle'"),
        ({"type": "custom"}, "must be either"),
    ],
)
def test_an_evaluator_that_cannot_judge_is_an_error(run: Any, api: Any, evaluator: dict[str, Any], message: str) -> None:
    with pytest.raises(NodeFailed, match=message):
        run("reflection.evaluate", output={}, evaluator=evaluator)
    assert api.asked == []


def test_a_judge_without_a_verdict_is_an_error(run: Any, api: Any) -> None:
    api.says("I like it.")
    with pytest.raises(OutputUnsatisfied, match="no JSON with 'valid' or 'score'"):
        run("reflection.evaluate", output={}, evaluator={"type": "llm"})


def test_code_that_does_not_stand_in_the_workflow_is_refused(run: Any, api: Any) -> None:
    """What a model asks for is data, also when it asks an action that can run code."""
    attack = {"generator": {"run": "return 1"}, "evaluator": {"type": "custom", "run": "return True"}}
    api.says(json.dumps({"thought": "hm", "action": "reflection.loop", "action_input": attack}))
    with pytest.raises(Refused, match="must be code that stands in the workflow"):
        run("reason.react", goal="g", tools=["reflection.loop"])


def test_a_block_that_gives_nothing_is_an_error(local: Any) -> None:
    with pytest.raises(NodeFailed, match="gave nothing back"):
        local("reflection.loop", generator={"run": "pass"}, evaluator=COUNT)


def test_no_code_means_none_here_either(local: Any) -> None:
    with pytest.raises(Refused, match="--no-code"):
        local("reflection.loop", generator=IMPROVING, evaluator=COUNT, code_allowed=False)
