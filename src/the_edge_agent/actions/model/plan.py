"""``plan.*``: a goal split into subtasks that depend on each other, carried out in order, changed when one fails.

A plan is JSON: ``{id, goal, strategy, subtasks: [{id, description, dependencies, status, result, error, retry_count,
started_at, completed_at}], metadata}``; times are ISO 8601 in UTC. A subtask that fails does not fail the node:
``success`` says how it went.
"""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from the_edge_agent.actions.model.agent import CALL_FAILURES, child, concurrently
from the_edge_agent.actions.model.question import ask, declared, mapping_in, model_action, text_of
from the_edge_agent.actions.needs import Call, Given, Needs, Question, call_in, named_call
from the_edge_agent.actions.registry import action
from the_edge_agent.cancellation import Cancelled
from the_edge_agent.errors import NodeFailed, OutputUnsatisfied, TeaError
from the_edge_agent.llm.protocol import Message

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope

Result = dict[str, Any]
Plan = dict[str, Any]
Subtask = dict[str, Any]
OnFailure = Literal["abort", "skip", "retry", "replan"]

MAX_SUBTASKS = 15
STATUSES = ("pending", "in_progress", "completed", "failed", "skipped")

STRATEGIES = {
    "flat": "Make one list of subtasks, each of which can be done on its own or after others.",
    "hierarchical": 'Group the subtasks: a subtask may have "subtasks" of its own, which are done before it.',
    "iterative": "Make a short list of the first subtasks only; each goes on from the result of the one before.",
}

DECOMPOSE = """Goal: {goal}

Split the goal into at most {max_subtasks} subtasks. {strategy}
Reply with one JSON object and nothing else:
{{"subtasks": [{{"id": "short name", "description": "what to do", "dependencies": ["ids of subtasks that come first"]}}]}}"""

REPLAN = """Goal: {goal}

These subtasks are done:
{done}

This went wrong or is still to be done:
{left}
{reason}
Make a new list of subtasks for what is left, at most {max_subtasks}. They may depend on the done ones.
Reply with one JSON object and nothing else:
{{"subtasks": [{{"id": "short name", "description": "what to do", "dependencies": ["ids of subtasks that come first"]}}]}}"""

SUBTASK = """Goal: {goal}
{known}
Do this part of the goal now, and only this: {description}"""

_PLACES = re.compile(r"\{(?:id|description|goal)\}")
_QUESTION_NAMES = ("prompt", "task", "problem", "goal")
"""Where an action takes what it is to do: the subtask goes into the first of these that the executor leaves open."""


@model_action("plan.decompose", returns="{plan, planning_trace, success, plan_id, subtask_count}")
def decompose(
    scope: Scope,
    /,
    *,
    goal: str,
    strategy: Literal["flat", "hierarchical", "iterative"] = "flat",
    max_subtasks: int = MAX_SUBTASKS,
    **model: Any,
) -> Result:
    """Split a goal into subtasks that depend on each other."""
    question = DECOMPOSE.format(goal=goal, max_subtasks=max_subtasks, strategy=STRATEGIES[strategy])
    subtasks = _asked(scope, question, model, max_subtasks, done=())
    plan = {
        "id": f"plan-{uuid.uuid4().hex[:8]}",
        "goal": goal,
        "strategy": strategy,
        "subtasks": subtasks,
        "metadata": {"created_at": _now(), "max_subtasks": max_subtasks},
    }
    trace = [{"event": "decompose", "goal": goal, "strategy": strategy, "subtasks": [each["id"] for each in subtasks], "at": _now()}]
    return {"plan": plan, "planning_trace": trace, "success": True, "plan_id": plan["id"], "subtask_count": len(subtasks)}


def _subtasks(given: Given) -> Iterator[Question]:
    """The model that does the subtasks, or plans anew; none where an action does them and a failure changes no plan."""
    if not given.parameters.get("subtask_executor") or given.parameters.get("on_subtask_failure") == "replan":
        yield Question(given.parameters)


def _executors(given: Given) -> Iterator[Call]:
    call = call_in(given.parameters.get("subtask_executor"), ("subtask_executor",))
    if call is not None:
        yield replace(call, filled=frozenset(_QUESTION_NAMES))


@model_action(
    "plan.execute",
    returns="{plan, subtask_results, plan_status, replan_count, planning_trace, success}",
    parameters=declared(retries=False),
    needs=Needs(models=_subtasks, calls=_executors),
)
def execute(
    scope: Scope,
    /,
    *,
    plan: dict[str, Any] | None = None,
    parallel: bool = False,
    max_concurrent: int = 3,
    subtask_executor: dict[str, Any] | None = None,
    on_subtask_failure: OnFailure = "abort",
    max_retries: int = 2,
    max_replans: int = 2,
    **model: Any,
) -> Result:
    """Carry out a plan, each subtask after those it depends on; by default a model does each of them."""
    run = _Execution(
        scope=scope,
        plan=_plan(scope, plan),
        model=model,
        executor=None
        if subtask_executor is None
        else named_call(subtask_executor, "subtask_executor", hint="leave it out to let a model do the subtasks"),
        width=max(1, max_concurrent) if parallel else 1,
        on_failure=on_subtask_failure,
        max_retries=max_retries,
        max_replans=max_replans,
    )
    return run.result()


@model_action("plan.replan", returns="{plan, planning_trace, success, plan_id, subtask_count}")
def replan(
    scope: Scope,
    /,
    *,
    plan: dict[str, Any] | None = None,
    reason: str | None = None,
    max_subtasks: int = MAX_SUBTASKS,
    **model: Any,
) -> Result:
    """Keep what is done of a plan and split the rest anew."""
    changed = _replanned(scope, _plan(scope, plan), reason, max_subtasks, model)
    trace = [{"event": "replan", "reason": reason, "subtasks": [each["id"] for each in changed["subtasks"]], "at": _now()}]
    count = len(changed["subtasks"])
    return {"plan": changed, "planning_trace": trace, "success": True, "plan_id": changed["id"], "subtask_count": count}


@action("plan.status", returns="{status, progress, plan_id, goal, success, subtasks when asked for}")
def status(scope: Scope, /, *, plan: dict[str, Any] | None = None, include_details: bool = False) -> Result:
    """How far a plan is, without asking a model; `progress` counts completed and skipped subtasks, 0 to 1."""
    current = _plan(scope, plan)
    subtasks = current["subtasks"]
    counts = {each: sum(subtask["status"] == each for subtask in subtasks) for each in STATUSES}
    over = counts["completed"] + counts["skipped"]
    result: Result = {
        "status": {**counts, "total": len(subtasks)},
        "progress": over / len(subtasks) if subtasks else 0.0,
        "plan_id": current["id"],
        "goal": current["goal"],
        "success": True,
    }
    if include_details:
        result["subtasks"] = [{key: each[key] for key in ("id", "description", "status", "error")} for each in subtasks]
    return result


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _plan(scope: Scope, given: Mapping[str, Any] | None) -> Plan:
    """The plan given, else ``state.plan`` (also the whole result of plan.decompose), checked, as a copy of its own."""
    found = given if given is not None else scope.state.get("plan")
    if isinstance(found, Mapping) and "subtasks" not in found and isinstance(found.get("plan"), Mapping):
        found = found["plan"]
    if not isinstance(found, Mapping) or not isinstance(found.get("subtasks"), list):
        where = "'plan'" if given is not None else "state.plan"
        raise NodeFailed(f"{where} must be a plan: a mapping with a list of subtasks", hint="make one with plan.decompose")
    plan = copy.deepcopy(dict(found))
    plan["subtasks"] = [_subtask(each, number) for number, each in enumerate(plan["subtasks"], 1)]
    _check_order(plan["subtasks"], NodeFailed)
    return {"id": "", "goal": "", "strategy": "flat", "metadata": {}, **plan}


def _subtask(entry: object, number: int) -> Subtask:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("dependencies", []), list):
        raise NodeFailed(f"subtask {number} of the plan must be a mapping with a list of dependencies")
    state = entry.get("status", "pending")
    if state not in STATUSES:
        raise NodeFailed(f"subtask {number} of the plan has the status {state!r}", hint=f"use one of: {', '.join(STATUSES)}")
    blank = {"result": None, "error": None, "retry_count": 0, "started_at": None, "completed_at": None}
    return {"id": f"task-{number}", "description": "", "dependencies": [], "status": "pending", **blank, **entry}


def _check_order(subtasks: list[Subtask], error: type[NodeFailed | OutputUnsatisfied]) -> None:
    """Raise ``error`` unless ids are unique, dependencies exist and nothing waits for itself."""
    ids = [each["id"] for each in subtasks]
    twice = next((each for each in ids if ids.count(each) > 1), None)
    if twice is not None:
        raise error(f"the plan has two subtasks called {twice!r}")
    waiting = {each["id"]: list(each["dependencies"]) for each in subtasks}
    for name, needed in waiting.items():
        missing = next((each for each in needed if each not in waiting), None)
        if missing is not None:
            raise error(f"subtask {name!r} depends on {missing!r}, which the plan does not have")
    while ready := [name for name, needed in waiting.items() if not any(each in waiting for each in needed)]:
        for name in ready:
            del waiting[name]
    if waiting:
        raise error(f"these subtasks wait for each other: {', '.join(map(str, waiting))}")


def _asked(scope: Scope, question: str, model: Mapping[str, Any], most: int, done: tuple[Subtask, ...]) -> list[Subtask]:
    """The subtasks a model names, checked; they may depend on ``done``."""
    reply = ask(scope, (Message("user", question),), model)
    named = (mapping_in(reply["content"]) or {}).get("subtasks")
    if not isinstance(named, list) or not named:
        raise OutputUnsatisfied("the model's reply holds no JSON with subtasks", hint="use a larger model or set temperature: 0")
    entries = list(_flat(named))
    if len(entries) > most:
        raise OutputUnsatisfied(f"the model named {len(entries)} subtasks, at most {most} were asked for", hint="raise 'max_subtasks'")
    taken = len(done)
    fresh = [_subtask({**each, "status": "pending"}, taken + number) for number, each in enumerate(entries, 1)]
    _check_order([*done, *fresh], OutputUnsatisfied)
    return fresh


def _flat(named: list[Any], depth: int = 0) -> Iterator[Subtask]:
    """Subtasks in the order of doing: the inner ones of a group before the group, which depends on them."""
    for entry in named:
        if isinstance(entry, str):
            yield {"description": entry}
            continue
        if not isinstance(entry, dict) or not isinstance(entry.get("description"), str) or depth > _DEEPEST:
            raise OutputUnsatisfied(f"the model gave a subtask without a description: {text_of(entry)[:80]}")
        inner = entry.get("subtasks")
        inside = list(_flat(inner, depth + 1)) if isinstance(inner, list) else []
        yield from inside
        own = {"description": entry["description"]} | ({"id": str(entry["id"])} if entry.get("id") else {})
        needed = entry.get("dependencies") or []
        if not isinstance(needed, list):
            raise OutputUnsatisfied(f"the model gave dependencies that are no list: {text_of(needed)[:80]}")
        yield {**own, "dependencies": [*map(str, needed), *(each["id"] for each in inside if "id" in each)]}


_DEEPEST = 8


def _replanned(scope: Scope, plan: Plan, reason: str | None, most: int, model: Mapping[str, Any]) -> Plan:
    done = tuple(each for each in plan["subtasks"] if each["status"] in ("completed", "skipped"))
    left = [each for each in plan["subtasks"] if each not in done]
    question = REPLAN.format(
        goal=plan["goal"],
        done="\n".join(f"- {each['id']}: {each['description']}" for each in done) or "(none)",
        left="\n".join(f"- {each['description']}" + (f" (failed: {each['error']})" if each["error"] else "") for each in left) or "(none)",
        reason=f"\nWhy the plan has to change: {reason}\n" if reason else "",
        max_subtasks=most,
    )
    return {**plan, "subtasks": [*done, *_asked(scope, question, model, most, done)]}


@dataclass(slots=True)
class _Execution:
    """One run through a plan; owns ``plan`` and changes it."""

    scope: Scope
    plan: Plan
    model: Mapping[str, Any]
    executor: Call | None
    width: int
    on_failure: OnFailure
    max_retries: int
    max_replans: int
    replans: int = 0
    trace: list[Result] = field(default_factory=list)

    def result(self) -> Result:
        """Go on until nothing can start any more, then tell how it went."""
        for subtask in self.plan["subtasks"]:
            # What was under way or had failed in an earlier run is tried again.
            subtask["status"] = "pending" if subtask["status"] in ("in_progress", "failed") else subtask["status"]
        while ready := self._ready():
            batch = ready[: self.width]
            concurrently(self.scope, [partial(self._do, each) for each in batch], self.width)
            failed = [each for each in batch if each["status"] == "failed"]
            if failed and not self._settled(failed):
                break
        states = {each["status"] for each in self.plan["subtasks"]}
        outcome = "completed" if states <= {"completed"} else "partial" if states <= {"completed", "skipped"} else "failed"
        return {
            "plan": self.plan,
            "subtask_results": {each["id"]: each["result"] for each in self.plan["subtasks"] if each["status"] == "completed"},
            "plan_status": outcome,
            "replan_count": self.replans,
            "planning_trace": self.trace,
            "success": outcome == "completed",
        }

    def _ready(self) -> list[Subtask]:
        over = {each["id"] for each in self.plan["subtasks"] if each["status"] == "completed"}
        return [each for each in self.plan["subtasks"] if each["status"] == "pending" and over.issuperset(each["dependencies"])]

    def _do(self, subtask: Subtask, scope: Scope) -> None:
        subtask |= {"status": "in_progress", "started_at": _now(), "error": None}
        tries = 1 + (self.max_retries if self.on_failure == "retry" else 0)
        for attempt in range(tries):
            subtask["retry_count"] = attempt
            try:
                result = self._call(scope, subtask)
            except CALL_FAILURES as error:
                subtask |= {"status": "failed", "error": error.message}
                continue
            if isinstance(result, Mapping) and result.get("success") is False:
                subtask |= {"status": "failed", "error": text_of(result.get("error", "the action reported no success"))}
                continue
            subtask |= {"status": "completed", "result": result, "error": None}
            break
        subtask["completed_at"] = _now()
        self.trace.append({"event": subtask["status"], "subtask": subtask["id"], "error": subtask["error"], "at": _now()})

    def _call(self, scope: Scope, subtask: Subtask) -> Any:
        question = self._question(subtask)
        if self.executor is None:
            return ask(scope, (Message("user", question),), self.model, live=self.width == 1)["content"]
        name, given = self.executor.name, _filled(self.executor.parameters, self.plan, subtask)
        for key in _open_questions(name, given):
            given[key] = question
        results = {each["id"]: each["result"] for each in self.plan["subtasks"] if each["status"] == "completed"}
        inner = child(scope, {**copy.deepcopy(scope.state), "subtask": dict(subtask), "subtask_results": results})
        try:
            return scope.host.action(name)(inner, **given)
        except (TeaError, Cancelled):
            raise
        except Exception as error:
            raise NodeFailed(f"{type(error).__name__}: {error}", error_type=type(error).__name__) from error

    def _question(self, subtask: Subtask) -> str:
        done = [each for each in self.plan["subtasks"] if each["id"] in subtask["dependencies"] and each["status"] == "completed"]
        known = "".join(f"\nResult of '{each['description']}':\n{text_of(each['result'])}\n" for each in done)
        return SUBTASK.format(goal=self.plan["goal"], known=known, description=subtask["description"])

    def _settled(self, failed: list[Subtask]) -> bool:
        """Deal with failed subtasks; whether the plan goes on."""
        if self.on_failure == "skip":
            for each in failed:
                self._skip(each)
            return True
        if self.on_failure == "replan" and self.replans < self.max_replans:
            self.replans += 1
            reason = "; ".join(f"subtask {each['id']!r} failed: {each['error']}" for each in failed)
            most = int(self.plan["metadata"].get("max_subtasks", MAX_SUBTASKS))
            self.plan = _replanned(self.scope, self.plan, reason, most, self.model)
            self.trace.append({"event": "replan", "reason": reason, "at": _now()})
            return True
        return False

    def _skip(self, subtask: Subtask) -> None:
        """Skip it and everything that waits for it."""
        subtask["status"] = "skipped"
        for each in self.plan["subtasks"]:
            if each["status"] == "pending" and subtask["id"] in each["dependencies"]:
                self._skip(each)


def _filled(given: Any, plan: Plan, subtask: Subtask) -> Any:
    """``given`` with ``{id}``, ``{description}`` and ``{goal}`` replaced in its texts."""
    if isinstance(given, Mapping):
        return {key: _filled(value, plan, subtask) for key, value in given.items()}
    if isinstance(given, list):
        return [_filled(value, plan, subtask) for value in given]
    if isinstance(given, str):
        values = {"{id}": subtask["id"], "{description}": subtask["description"], "{goal}": plan["goal"]}
        return _PLACES.sub(lambda match: str(values[match[0]]), given)
    return given


def _open_questions(name: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    from the_edge_agent.actions import builtin

    found = builtin().get(name)
    if found is None or "messages" in given:
        return ()
    takes = [key for key in _QUESTION_NAMES if found.parameter(key)]
    return tuple(takes[:1]) if not any(key in given for key in takes) else ()
