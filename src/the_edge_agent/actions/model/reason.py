"""``reason.*``: ways of making a model think: step by step, with actions, with a critic, in parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from the_edge_agent.actions.model.question import ask, mapping_in, model_action, text_of
from the_edge_agent.actions.needs import Call, Given, Needs, Question, asks
from the_edge_agent.cancellation import Cancelled
from the_edge_agent.errors import NodeFailed, OutputUnsatisfied, Paused, Refused
from the_edge_agent.llm.protocol import Message

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import ActionFunction, Scope

Result = dict[str, Any]

THINKING = {
    "step_by_step": "Think step by step, one numbered step after the other.",
    "pros_cons": "Weigh what speaks for and what speaks against each possible answer.",
    "tree": "Follow several lines of thought, judge each of them, and go on with the best one.",
    "first_principles": "Start from facts that are certain and build the answer on nothing else.",
}

COT = """Problem: {problem}

{thinking}
Reply with one JSON object and nothing else: {{"thinking": "your reasoning", "answer": "your final answer"}}"""

REACT = """You reach a goal by using actions, one at a time.

Goal: {goal}

Actions you can use:
{tools}

Reply with one JSON object and nothing else. To use an action:
{{"thought": "why", "action": "name of the action", "action_input": {{"parameter": "value"}}}}
When you know the answer:
{{"thought": "why", "final_answer": "the answer"}}"""

NOT_JSON = "your reply was not one JSON object with either 'action' and 'action_input' or 'final_answer'"

DRAFT = """Task: {task}

Do the task. Reply with one JSON object and nothing else:
{{"output": "your result", "confidence": 0.0 to 1.0, "potential_issues": ["what may be wrong"]}}"""

CRITIQUE = """Task: {task}

Current output:
{output}

Find what is wrong with the current output and improve it. Reply with one JSON object and nothing else:
{{"issues": ["what is wrong"], "suggestions": ["what to change"], "improved_output": "the better result", "improvement_score": 0.0 to 1.0}}
If nothing is wrong, leave "issues" empty and repeat the output."""

DECOMPOSE = """Problem: {problem}

Split the problem into sub-problems that are easier to solve. A sub-problem may have sub-problems of its own, at most {max_depth} levels deep.
Reply with one JSON object and nothing else:
{{"sub_problems": [{{"problem": "a sub-problem", "sub_problems": []}}]}}"""

SUB_PROBLEM = """It is part of this problem: {problem}
{known}
Solve this part only: {part}"""

SYNTHESIS = """Problem: {problem}

The parts of the problem and their answers:
{known}

{instruction}
Reply with one JSON object and nothing else: {{"reasoning": "how the answers fit together", "final_answer": "the answer to the problem"}}"""

SYNTHESIS_DEFAULT = "Put the answers together into one answer to the problem."


def _user(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def _mapping_or_warn(scope: Scope, reply: Result, key: str) -> Result:
    """The JSON of a reply; the whole reply under ``key``, with a warning, when it holds none that has it."""
    found = mapping_in(reply["content"])
    if found is not None and key in found:
        return found
    scope.warn("NO_JSON", f"the model's reply holds no JSON with {key!r}; all of it is taken as the {key}")
    return {key: reply["content"]}


@model_action("reason.cot", returns="{thinking, answer, reasoning_trace, model, thinking_format, reasoning_thinking, reasoning_answer}")
def cot(
    scope: Scope,
    /,
    *,
    problem: str,
    thinking_format: Literal["step_by_step", "pros_cons", "tree", "first_principles"] = "step_by_step",
    few_shot_examples: list[Any] | None = None,
    **model: Any,
) -> Result:
    """Think before answering."""
    examples = [turn for example in few_shot_examples or () for turn in _example(example)]
    question = COT.format(problem=problem, thinking=THINKING[thinking_format])
    reply = ask(scope, (*examples, *_user(question)), model)
    found = _mapping_or_warn(scope, reply, "answer")
    thinking, answer = found.get("thinking", ""), found["answer"]
    return {
        "thinking": thinking,
        "answer": answer,
        "reasoning_trace": [{"step": 1, "thinking": thinking, "answer": answer}],
        "model": reply["model"],
        "thinking_format": thinking_format,
        "reasoning_thinking": thinking,
        "reasoning_answer": answer,
    }


def _example(example: object) -> tuple[Message, Message]:
    if not isinstance(example, Mapping) or not {"problem", "answer"} <= set(example) <= {"problem", "thinking", "answer"}:
        raise NodeFailed("an entry of 'few_shot_examples' must be {problem, thinking, answer}", hint="thinking may be left out")
    solution = {"thinking": example.get("thinking", ""), "answer": example["answer"]}
    return Message("user", f"Problem: {text_of(example['problem'])}"), Message("assistant", text_of(solution))


def _tools(given: Given) -> Iterator[Call]:
    """The actions a model may call; what they are given it says itself."""
    tools = given.parameters.get("tools")
    for number, name in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(name, str):
            yield Call(name, {}, ("tools", number), filled=None)


@model_action(
    "reason.react",
    returns="{steps, final_answer, reasoning_trace, react_steps, reasoning_answer, model, total_steps, warning when cut short}",
    needs=Needs(models=asks, calls=_tools),
)
def react(scope: Scope, /, *, goal: str, tools: list[Any], max_steps: int = 10, **model: Any) -> Result:
    """Reach a goal by using actions: think, act, look at the result, until there is an answer."""
    if max_steps < 1:
        raise NodeFailed(f"'max_steps' must be at least 1, got {max_steps}")
    usable = _usable(scope, tools)
    turns = [Message("user", REACT.format(goal=goal, tools=_tool_list(usable)))]
    steps: list[Result] = []
    answer: Any = None
    warning: str | None = f"no answer after {max_steps} steps"
    name = ""
    while len(steps) < max_steps:
        reply = ask(scope, turns, model)
        name = reply["model"]
        step, final = _step(scope, reply["content"], usable)
        steps.append(step)
        if final:
            answer, warning = step["final_answer"], None
            break
        turns += [Message("assistant", reply["content"]), Message("user", f"Observation: {step['observation']}")]
    result = {
        "steps": steps,
        "final_answer": answer,
        "reasoning_trace": steps,
        "react_steps": steps,
        "reasoning_answer": answer,
        "model": name,
        "total_steps": len(steps),
    }
    if warning:
        scope.warn("STEP_LIMIT", warning)
        result["warning"] = warning
    return result


def _usable(scope: Scope, tools: list[Any]) -> dict[str, ActionFunction]:
    wrong = next((tool for tool in tools if not isinstance(tool, str)), None)
    if wrong is not None:
        raise NodeFailed(f"'tools' must be names of actions, found {text_of(wrong)}", hint="write tools: [json.parse, file.read]")
    return {name: scope.host.action(name) for name in tools}


def _tool_list(usable: Mapping[str, ActionFunction]) -> str:
    from the_edge_agent.actions import builtin

    known = builtin()
    lines = []
    for name in usable:
        found = known.get(name)
        given = ", ".join(each.name + ("" if each.required else "?") for each in found.parameters) if found else "..."
        lines.append(f"- {name}({given})" + (f": {found.summary}" if found else ""))
    return "\n".join(lines) or "(none)"


def _step(scope: Scope, content: str, usable: Mapping[str, ActionFunction]) -> tuple[Result, bool]:
    """One reply → what was done, and whether it is the answer."""
    found = mapping_in(content) or {}
    thought, chosen, given = found.get("thought", ""), found.get("action"), found.get("action_input")
    if "final_answer" in found:
        return {"thought": thought, "action": "final_answer", "action_input": {}, "final_answer": found["final_answer"]}, True
    if chosen == "final_answer":
        answer = given.get("answer", given) if isinstance(given, dict) else given
        return {"thought": thought, "action": chosen, "action_input": given, "final_answer": answer}, True
    step = {"thought": thought, "action": chosen, "action_input": given}
    if chosen is None:
        return {**step, "observation": text_of({"error": NOT_JSON})}, False
    return {**step, "observation": text_of(_observation(scope, chosen, given, usable))}, False


def _observation(scope: Scope, chosen: object, given: object, usable: Mapping[str, ActionFunction]) -> object:
    if not isinstance(chosen, str) or chosen not in usable:
        return {"error": f"there is no action {chosen!r}; use one of: {', '.join(usable) or 'none'}"}
    if given is not None and not isinstance(given, dict):
        return {"error": "action_input must be a JSON object with the action's parameters"}
    try:
        return usable[chosen](scope, **(given or {}))
    except (Cancelled, Paused, Refused):
        raise
    except Exception as error:  # noqa: BLE001 - whatever an action raises is what the model has to see
        return {"error": f"{type(error).__name__}: {error}"}


def _two_models(given: Given) -> Iterator[Question]:
    """The one that writes and the one that criticises."""
    parameters = given.parameters
    for name in ("generator_model", "critic_model"):
        yield Question({**parameters, "model": parameters.get(name) or parameters.get("model")})


@model_action(
    "reason.self_correct",
    returns="{output, improvement_history, reasoning_trace, reasoning_answer, model, generator_model, critic_model, rounds_completed}",
    needs=Needs(models=_two_models),
)
def self_correct(
    scope: Scope,
    /,
    *,
    task: str,
    improvement_rounds: int = 2,
    generator_model: str | None = None,
    critic_model: str | None = None,
    **model: Any,
) -> Result:
    """Do a task, then let a critic improve the result round by round until it finds nothing wrong."""
    drafting = {**model, "model": generator_model or model.get("model")}
    judging = {**model, "model": critic_model or model.get("model")}
    draft = ask(scope, _user(DRAFT.format(task=task)), drafting)
    found = _mapping_or_warn(scope, draft, "output")
    output = found["output"]
    trace: list[Result] = [{"type": "draft", **found}]
    history: list[Result] = []
    critic = critic_model or draft["model"]
    for number in range(1, improvement_rounds + 1):
        reply = ask(scope, _user(CRITIQUE.format(task=task, output=text_of(output))), judging)
        critic = reply["model"]
        review = _mapping_or_warn(scope, reply, "improved_output")
        history.append({"round": number, "previous_output": output, **review})
        trace.append({"type": "critique", **history[-1]})
        output = review["improved_output"]
        if "issues" in review and not review["issues"]:
            break
    return {
        "output": output,
        "improvement_history": history,
        "reasoning_trace": trace,
        "reasoning_answer": output,
        "model": draft["model"],
        "generator_model": draft["model"],
        "critic_model": critic,
        "rounds_completed": len(history),
    }


@model_action(
    "reason.decompose", returns="{sub_problems, sub_answers, final_answer, synthesis_reasoning, reasoning_trace, reasoning_answer, model}"
)
def decompose(
    scope: Scope,
    /,
    *,
    problem: str,
    max_depth: int = 2,
    synthesis_prompt: str | None = None,
    **model: Any,
) -> Result:
    """Split a problem, solve the parts, put the answers together."""
    reply = ask(scope, _user(DECOMPOSE.format(problem=problem, max_depth=max_depth)), model)
    tree = (mapping_in(reply["content"]) or {}).get("sub_problems")
    if not isinstance(tree, list) or not tree:
        raise OutputUnsatisfied("the model named no sub-problems", hint="use a larger model, or reason.cot for a problem this simple")
    parts = list(_leaves(tree, 1, max_depth))
    answers: list[Result] = []
    for part in parts:
        question = SUB_PROBLEM.format(problem=problem, known=_known(answers), part=part)
        answers.append({"problem": part, "answer": ask(scope, _user(question), model)["content"]})
    question = SYNTHESIS.format(problem=problem, known=_known(answers), instruction=synthesis_prompt or SYNTHESIS_DEFAULT)
    last = ask(scope, _user(question), model)
    found = _mapping_or_warn(scope, last, "final_answer")
    final, reasoning = found["final_answer"], found.get("reasoning", "")
    trace = [
        {"type": "decompose", "sub_problems": parts},
        *({"type": "solve", **answer} for answer in answers),
        {"type": "synthesis", "reasoning": reasoning, "answer": final},
    ]
    return {
        "sub_problems": parts,
        "sub_answers": answers,
        "final_answer": final,
        "synthesis_reasoning": reasoning,
        "reasoning_trace": trace,
        "reasoning_answer": final,
        "model": last["model"],
    }


def _leaves(tree: list[Any], depth: int, max_depth: int) -> Iterator[str]:
    """The sub-problems that have none of their own, in order; :class:`OutputUnsatisfied` for one below ``max_depth``."""
    if depth > max_depth:
        raise OutputUnsatisfied(f"the model split the problem more than {max_depth} levels deep", hint="raise 'max_depth'")
    for entry in tree:
        text = (
            next((entry[key] for key in ("problem", "question", "description") if key in entry), None) if isinstance(entry, dict) else entry
        )
        inner = entry.get("sub_problems") if isinstance(entry, dict) else None
        if isinstance(inner, list) and inner:
            yield from _leaves(inner, depth + 1, max_depth)
        elif isinstance(text, str) and text.strip():
            yield text
        else:
            raise OutputUnsatisfied(f"the model gave a sub-problem without text: {json.dumps(entry)[:80]}")


def _known(answers: list[Result]) -> str:
    return "\n".join(f"- {answer['problem']}\n  Answer: {answer['answer']}" for answer in answers)
