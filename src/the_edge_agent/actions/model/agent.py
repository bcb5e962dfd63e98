"""``agent.*``: models with a role, from ``settings.agents``, given tasks one by one, side by side or by a leader.

A call that fails does not fail the node: ``success`` is false then and ``error`` says why. What no other answer could
mend (no such agent, no model, a machine too small) is raised.
"""

from __future__ import annotations

import copy
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from the_edge_agent.actions.model.question import MODEL_PARAMETERS, ask, mapping_in, model_action, text_of
from the_edge_agent.actions.needs import Given, Needs, Question
from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine.branches import Jobs
from the_edge_agent.engine.scope import Scope
from the_edge_agent.errors import ContextOverflow, LimitReached, NodeFailed, OutputUnsatisfied
from the_edge_agent.llm.protocol import Message

if TYPE_CHECKING:
    from the_edge_agent.engine.state import State

T = TypeVar("T")
Result = dict[str, Any]
Job = Callable[[Scope], T]

CALL_FAILURES = (NodeFailed, ContextOverflow, LimitReached, OutputUnsatisfied)
"""What a single question can fail with while others may still succeed."""

NEXT = """{task}

What was worked out so far:
{result}"""

AGAIN = """{task}

The answers given so far:
{answers}

Give your answer again; change it if another one is better. Answer as briefly as before."""

LEAD = """You lead these workers: {workers}

Task: {task}
{known}
Reply with one JSON object and nothing else. To give work to workers:
{{"assignments": [{{"worker": "name", "task": "what to do"}}]}}
When the task is done:
{{"final_answer": "the result"}}"""

_OWN_KEYS = frozenset({"system_prompt", "task_template", "description", "tools"})
_KEYS = _OWN_KEYS | (frozenset(MODEL_PARAMETERS) - {"on_error"})
_TASK = re.compile(r"\{\{\s*task\s*\}\}|\{task\}")
_PLACES = re.compile(r"\{(?:task|result)\}")


def _team(*names: str) -> Needs:
    """The needs of an action whose parameters ``names`` name agents, which say their models."""

    def models(given: Given) -> Iterator[Question]:
        known = given.settings.get("agents")
        for key in names:
            named = given.parameters.get(key)
            for name in named if isinstance(named, list) else [named]:
                profile = known.get(name) if isinstance(known, Mapping) and isinstance(name, str) else None
                if isinstance(profile, Mapping):
                    yield Question(_asked(profile, given.parameters))

    return Needs(models=models)


def _asked(profile: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a model is asked with: the agent's own parameters, those of the node on top."""
    own = {key: value for key, value in profile.items() if key not in _OWN_KEYS and not key.startswith("x-")}
    return own | {key: value for key, value in given.items() if key in _KEYS}


@model_action(
    "agent.dispatch", needs=_team("agent"), returns="{response, content, usage, agent, success, attempts, elapsed_ms, error on failure}"
)
def dispatch(scope: Scope, /, *, agent: str, task: str, **model: Any) -> Result:
    """Give a task to one agent; `max_retries` more tries when the call fails."""
    return _dispatch(scope, agent, task, model, live=True)


@model_action(
    "agent.parallel",
    needs=_team("agents"),
    returns="{aggregation, success, elapsed_ms, agents_called, raw_results, and what the aggregation gives}",
)
def parallel(
    scope: Scope,
    /,
    *,
    agents: list[Any],
    task: str,
    aggregation: Literal["collect", "vote", "first", "consensus"] = "collect",
    max_concurrent: int | None = None,
    consensus_threshold: float = 0.5,
    max_rounds: int = 3,
    **model: Any,
) -> Result:
    """Give the same task to several agents at the same time; results come in the order of the agents."""
    names = _names(scope, agents)
    started = time.monotonic()
    width = max_concurrent or len(names)
    if width < 1:
        raise NodeFailed(f"'max_concurrent' must be at least 1, got {width}")
    team = _Team(scope, tuple(names), model, width)
    if aggregation == "first":
        outcome = team.first(task)
    elif aggregation == "consensus":
        outcome = _consensus(team, task, consensus_threshold, max_rounds)
    else:
        results = team.all(task)
        outcome = (_vote if aggregation == "vote" else _collect)(results) | {"success": all(each["success"] for each in results)}
        outcome["raw_results"] = results
    return {**outcome, "aggregation": aggregation, "agents_called": names, "elapsed_ms": _milliseconds(started)}


@model_action(
    "agent.sequential",
    needs=_team("agents"),
    returns="{result, sequential_result, chain, success, agents_called, elapsed_ms, failed_at and error on failure}",
)
def sequential(
    scope: Scope,
    /,
    *,
    agents: list[Any],
    task: str | None = None,
    tasks: list[Any] | None = None,
    transform: str | None = None,
    output_key: str = "sequential_result",
    **model: Any,
) -> Result:
    """Give a task to agents one after another, each told the result of the one before.

    `transform` is the text that an agent gets then, with `{task}` and `{result}` in it.
    """
    names = _names(scope, agents)
    todo = _tasks(names, task, tasks)
    started = time.monotonic()
    chain: list[Result] = []
    for name, own in zip(names, todo, strict=True):
        question = _handed_on(transform or NEXT, own, chain[-1]["response"]) if chain else own
        chain.append(_dispatch(scope, name, question, model, live=True))
        if not chain[-1]["success"]:
            error = {"error": chain[-1]["error"], "failed_at": name}
            return {**error, "chain": chain, "success": False, "agents_called": names[: len(chain)], "elapsed_ms": _milliseconds(started)}
    result = chain[-1]["response"]
    ends = {"chain": chain, "success": True, "agents_called": names, "elapsed_ms": _milliseconds(started)}
    return {output_key: result, "result": result, **ends}


@model_action("agent.coordinate", needs=_team("leader", "workers"), returns="{result, rounds, worker_results, success, error on failure}")
def coordinate(scope: Scope, /, *, leader: str, workers: list[Any], task: str, max_rounds: int = 3, **model: Any) -> Result:
    """Let a leading agent give work to others, round by round, until it has a result."""
    names = _names(scope, workers)
    done: list[Result] = []
    for number in range(1, max_rounds + 1):
        known = "\nResults of the workers:\n" + "\n".join(_report(each) for each in done) + "\n" if done else ""
        reply = _dispatch(scope, leader, LEAD.format(workers=", ".join(names), task=task, known=known), model, live=True)
        if not reply["success"]:
            return {"result": None, "rounds": number, "worker_results": done, "success": False, "error": reply["error"]}
        found = mapping_in(reply["response"])
        assigned = (found or {}).get("assignments")
        if not assigned:
            if found is None:
                scope.warn("NO_JSON", "the leader's reply holds no JSON; all of it is taken as the result")
            final = (found or {}).get("final_answer", (found or {}).get("result", reply["response"]))
            return {"result": final, "rounds": number, "worker_results": done, "success": True}
        chosen = _assignments(assigned, names)
        jobs = [partial(_job, worker, work, model) for worker, work in chosen]
        results = [each for each in concurrently(scope, jobs, len(names)) if each is not None]
        done += [{"round": number, "task": work, **result} for (_, work), result in zip(chosen, results, strict=True)]
    error = f"the leader had no result after {max_rounds} rounds"
    return {"result": None, "rounds": max_rounds, "worker_results": done, "success": False, "error": error}


def child(scope: Scope, state: State | None = None, cancellation: Cancellation | None = None) -> Scope:
    """A scope for work below ``scope``, with a state of its own (by default a deep copy)."""
    return Scope(
        workflow=scope.workflow,
        host=scope.host,
        state=copy.deepcopy(scope.state) if state is None else state,
        node=scope.node,
        branch=scope.branch,
        cancellation=cancellation or Cancellation(scope.cancellation),
        emit=scope.emit,
        constants=scope.constants,
    )


def concurrently(scope: Scope, jobs: Sequence[Job[T]], width: int, *, until: Callable[[T], bool] | None = None) -> list[T | None]:
    """Run ``jobs`` on at most ``width`` threads, each with a scope of its own; their results in order.

    As soon as ``until`` holds for a result, or a job raises, the others are asked to stop; a job that did not finish
    then has ``None``. Raises what the job raised, :class:`Cancelled` when the scope is cancelled.
    """
    if width == 1 or len(jobs) == 1:
        return _one_by_one(scope, jobs, until)
    stop = Cancellation(scope.cancellation)
    work = [partial(job, child(scope, cancellation=stop)) for job in jobs]
    results: list[T | None] = [None] * len(jobs)
    # Nobody waits for what is left at the end: it stops at its next token.
    with Jobs(scope.node, work, stop, width=width) as team, scope.cancellation.on_request(team.end):
        for number, result in team.finished():
            results[number] = result
            if until is not None and until(result):
                break
    if scope.cancellation.requested:
        raise Cancelled
    return results


def _one_by_one(scope: Scope, jobs: Sequence[Job[T]], until: Callable[[T], bool] | None) -> list[T | None]:
    results: list[T | None] = []
    for job in jobs:
        if scope.cancellation.requested:
            raise Cancelled
        result = job(scope)
        results.append(result)
        if until is not None and until(result):
            break
    return results + [None] * (len(jobs) - len(results))


def _profile(scope: Scope, name: str) -> Mapping[str, Any]:
    """The settings of an agent; :class:`NodeFailed` when there is none of this name or it has unknown keys."""
    agents = scope.workflow.settings.get("agents") or {}
    if not isinstance(agents, Mapping) or not isinstance(agents.get(name), Mapping):
        close = get_close_matches(name, list(agents), n=1) if isinstance(agents, Mapping) else []
        hint = (
            f"did you mean {close[0]!r}?" if close else "add it to the workflow: settings: {agents: {" + name + ": {system_prompt: ...}}}"
        )
        raise NodeFailed(f"settings.agents has no agent {name!r}", hint=hint)
    profile: Mapping[str, Any] = agents[name]
    unknown = sorted(key for key in profile if key not in _KEYS and not str(key).startswith("x-"))
    if unknown:
        raise NodeFailed(f"settings.agents.{name} has no key {unknown[0]!r}", hint=f"it takes: {', '.join(sorted(_KEYS))}")
    if profile.get("tools"):
        raise NodeFailed(f"settings.agents.{name}: agents cannot use tools", hint="let the node use reason.react with these tools")
    return profile


def _names(scope: Scope, agents: list[Any]) -> list[str]:
    wrong = next((each for each in agents if not isinstance(each, str)), None)
    if wrong is not None or not agents:
        raise NodeFailed(f"expected a list with names of agents, got {text_of(agents)}", hint="name agents of settings.agents")
    for name in agents:
        _profile(scope, name)
    return list(agents)


def _tasks(names: list[str], task: str | None, tasks: list[Any] | None) -> list[str]:
    if (task is None) == (tasks is None):
        raise NodeFailed("expected either 'task' or 'tasks', got " + ("neither of them" if task is None else "both"))
    if tasks is None:
        return [str(task)] * len(names)
    if len(tasks) != len(names) or not all(isinstance(each, str) for each in tasks):
        raise NodeFailed(f"'tasks' must be {len(names)} texts, one for each agent", hint="use 'task' for the same one")
    return tasks


def _handed_on(template: str, task: str, result: str) -> str:
    values = {"{task}": task, "{result}": result}
    return _PLACES.sub(lambda match: values[match[0]], template)


def _dispatch(scope: Scope, name: str, task: str, model: Mapping[str, Any], *, live: bool) -> Result:
    profile = _profile(scope, name)
    parameters = _asked(profile, model)
    retries = int(parameters.pop("max_retries", None) or 0)
    template = profile.get("task_template")
    question = _TASK.sub(lambda _match: task, text_of(template)) if template else task
    messages = [Message("system", text_of(profile["system_prompt"]))] if profile.get("system_prompt") else []
    messages.append(Message("user", question))
    started = time.monotonic()
    for attempt in range(1, retries + 2):
        base: Result = {"agent": name, "attempts": attempt}
        try:
            reply = ask(scope, messages, parameters, live=live)
        except CALL_FAILURES as error:
            failed: Result = {"response": None, "content": None, "usage": {}, "success": False, "error": error.message}
            outcome = {**base, **failed, "error_type": type(error).__name__}
        else:
            outcome = {**reply, **base, "success": True}
            break
    return {**outcome, "elapsed_ms": _milliseconds(started)}


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _job(name: str, task: str, model: Mapping[str, Any], scope: Scope) -> Result:
    # Answers of several agents at once would be one muddle of tokens.
    return _dispatch(scope, name, task, model, live=False)


@dataclass(frozen=True, slots=True)
class _Team:
    """Agents that are given the same task at the same time, at most ``width`` of them."""

    scope: Scope
    names: tuple[str, ...]
    model: Mapping[str, Any]
    width: int

    def all(self, task: str) -> list[Result]:
        """What each of them answers, in their order."""
        return [each for each in concurrently(self.scope, self._jobs(task), self.width) if each is not None]

    def first(self, task: str) -> Result:
        """The answer that is there first; the others are stopped."""
        order: list[Result] = []

        def enough(result: Result) -> bool:
            order.append(result)
            return bool(result["success"])

        concurrently(self.scope, self._jobs(task), self.width, until=enough)
        winner = next((each for each in order if each["success"]), None)
        if winner is None:
            return {"result": None, "agent": None, "success": False, "error": order[-1]["error"], "raw_results": order}
        return {"result": winner["response"], "agent": winner["agent"], "success": True, "raw_results": order}

    def _jobs(self, task: str) -> list[Job[Result]]:
        return [partial(_job, name, task, self.model) for name in self.names]


def _answered(results: Sequence[Result]) -> list[str]:
    return [each["response"].strip() for each in results if each["success"]]


def _collect(results: list[Result]) -> Result:
    return {"responses": [each["response"] for each in results], "count": len(_answered(results))}


def _vote(results: list[Result]) -> Result:
    votes = Counter(_answered(results))
    best = votes.most_common(1)
    return {"result": best[0][0] if best else None, "votes": dict(votes), "unanimous": len(votes) == 1, "total_votes": votes.total()}


def _consensus(team: _Team, task: str, threshold: float, max_rounds: int) -> Result:
    question, rounds, agreement = task, 0, 0.0
    result: str | None = None
    results: list[Result] = []
    while rounds < max(1, max_rounds):
        rounds += 1
        results = team.all(question)
        ranked = Counter(_answered(results)).most_common(2)
        agreement = ranked[0][1] / len(results) if ranked else 0.0
        tie = len(ranked) > 1 and ranked[0][1] == ranked[1][1]
        if ranked and agreement >= threshold and not tie:
            result = ranked[0][0]
            break
        answers = "\n".join(f"- {answer}" for answer in _answered(results))
        question = AGAIN.format(task=task, answers=answers)
    return {
        "result": result,
        "agreement": agreement,
        "consensus_reached": result is not None,
        "threshold": threshold,
        "rounds": rounds,
        "success": all(each["success"] for each in results),
    }


def _report(result: Result) -> str:
    outcome = result["response"] if result["success"] else f"failed: {result['error']}"
    return f"- {result['agent']} was asked: {result['task']}\n  {outcome}"


def _assignments(assigned: object, names: list[str]) -> list[tuple[str, str]]:
    chosen = []
    for each in assigned if isinstance(assigned, list) else [assigned]:
        worker, work = (each.get("worker"), each.get("task")) if isinstance(each, Mapping) else (None, None)
        if worker not in names or not isinstance(work, str):
            raise OutputUnsatisfied(
                f"the leader gave an assignment that is no {{worker, task}} of {', '.join(names)}: {text_of(each)[:80]}"
            )
        chosen.append((worker, work))
    return chosen
