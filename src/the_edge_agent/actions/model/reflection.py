"""``reflection.*``: make something, judge it, make it again until it is good enough.

The generator, a custom evaluator and the corrector are each an action (``{action, with}``) or a block of code
(``{run, language}``; without ``language`` a comment at the start of the block says it, as in a node). They see the state
with these keys on top: ``reflection_iteration`` (from 1), ``reflection_output``, ``reflection_errors``,
``reflection_suggestions``, ``reflection_history``, ``reflection_best`` and ``reflection_best_score``. A block gives its
value as ``return`` or in a variable ``result``.

Code is executed only if it stands in the workflow file exactly like that: a template inside it would paste data
into code, and what a model wrote is no code of the workflow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

from the_edge_agent.actions.data.data import dotted, violations
from the_edge_agent.actions.model.agent import child
from the_edge_agent.actions.model.question import MODEL_PARAMETERS, ask, mapping_in, model_action, text_of
from the_edge_agent.actions.needs import CALL_KEYS, Block, Call, Given, Needs, Question, call_in, now
from the_edge_agent.actions.registry import MISSING
from the_edge_agent.actions.survey import language_of, runs
from the_edge_agent.engine.scope import NOTHING, Scope
from the_edge_agent.errors import NodeFailed, OutputUnsatisfied, Refused
from the_edge_agent.llm.protocol import Message
from the_edge_agent.workflow.model import Code, Workflow

Json = Any
Result = dict[str, Any]
OnFailure = Literal["return_best", "return_last", "raise"]

PASSING = 0.5
"""The least score that is valid where no threshold is given."""

JUDGE = """{criteria}

What is to be judged:
{output}

Reply with one JSON object and nothing else:
{{"valid": true or false, "score": 0.0 to 1.0, "errors": ["what is wrong"], "suggestions": ["what to change"]}}"""

JUDGE_DEFAULT = "Judge whether this is correct, complete and clear."

CORRECT = """{instruction}

What is to be corrected:
{output}

What is wrong with it:
{errors}
{suggestions}
Reply with the corrected version and nothing else."""

CORRECT_DEFAULT = "Correct this. Change nothing that is right."

_EVALUATOR_KEYS = frozenset({"type", "schema", "prompt", "threshold", "run", "language", "action", "uses", "with"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an evaluator found; ``score`` is 0 (useless) to 1 (perfect)."""

    valid: bool
    score: float
    errors: tuple[Json, ...] = ()
    suggestions: tuple[Json, ...] = ()

    def shown(self) -> Result:
        """As JSON; suggestions only where there are any."""
        found: Result = {"score": self.score, "valid": self.valid, "errors": list(self.errors)}
        return found | ({"suggestions": list(self.suggestions)} if self.suggestions else {})


def _parts(*roles: str, unsaid: bool = False) -> Needs:
    """The needs of an action whose parameters ``roles`` are each an action, a block of code or ``{type: llm}``.

    ``unsaid``: where none of them is given, a model does it.
    """

    def given_parts(given: Given) -> Iterator[tuple[str, Mapping[str, Any]]]:
        yield from ((role, part) for role in roles if isinstance(part := given.parameters.get(role), Mapping))

    def models(given: Given) -> Iterator[Question]:
        parts = dict(given_parts(given))
        for part in parts.values():
            if part.get("type") == "llm":
                yield Question({**given.parameters, **part})
        if unsaid and not parts:
            yield Question(given.parameters)

    def calls(given: Given) -> Iterator[Call]:
        yield from (call for role, part in given_parts(given) if "run" not in part and (call := call_in(part, (role,))) is not None)

    def blocks(given: Given) -> Iterator[Block]:
        for role, part in given_parts(given):
            if isinstance(part.get("run"), str):
                yield Block(part["run"], part.get("language"), (role, "run"))

    return Needs(models=models, calls=calls, blocks=blocks)


@model_action(
    "reflection.loop",
    returns="{reflection_iteration, reflection_output, reflection_errors, reflection_history, reflection_best, "
    "reflection_best_score, valid, success, and the keys of the output}",
    needs=replace(_parts("generator", "evaluator", "corrector"), deferred=frozenset({"generator", "evaluator", "corrector"})),
)
def loop(
    scope: Scope,
    /,
    *,
    generator: dict[str, Any],
    evaluator: dict[str, Any],
    corrector: dict[str, Any] | None = None,
    max_iterations: int = 3,
    on_failure: OnFailure = "return_best",
    **model: Any,
) -> Result:
    """Generate, evaluate, correct until it is valid; their templates are rendered each time: `{{ state.reflection_errors | default([]) }}`.

    Without a corrector the generator runs again. Before the loop the state has no `reflection_…` yet, hence the default.
    """
    if max_iterations < 1:
        raise NodeFailed(f"'max_iterations' must be at least 1, got {max_iterations}")
    run = _Loop()
    while not run.verdict.valid and run.iteration < max_iterations:
        run.iteration += 1
        inner = child(scope, {**scope.state, **run.seen()})
        if run.iteration == 1 or corrector is None:
            output = _made(inner, now(generator, inner, "generator"), "generator")
        else:
            output = _corrected(inner, run.output, run.verdict, now(corrector, inner, "corrector"), model)
        inner = child(scope, {**scope.state, **run.seen(), "reflection_output": output})
        run.take(output, evaluate_output(inner, output, now(evaluator, inner, "evaluator"), model))
    if not run.verdict.valid and on_failure == "raise":
        errors = "; ".join(_text(each) for each in run.verdict.errors) or f"score {run.verdict.score:g}"
        raise OutputUnsatisfied(f"no valid result after {run.iteration} iterations: {errors}", hint="raise 'max_iterations'")
    return run.result(best=on_failure == "return_best" and not run.verdict.valid)


@model_action("reflection.evaluate", needs=_parts("evaluator"), returns="{valid, score, errors, suggestions, success}")
def evaluate(scope: Scope, /, *, evaluator: dict[str, Any], output: Json = MISSING, **model: Any) -> Result:
    """Judge `output` (by default `state.reflection_output`) with a JSON Schema, a model, an action or a block of code."""
    judged = _default(scope, output, "reflection_output")
    inner = child(scope, {**scope.state, "reflection_output": judged})
    return {"suggestions": [], **evaluate_output(inner, judged, evaluator, model).shown(), "success": True}


@model_action("reflection.correct", needs=_parts("corrector", unsaid=True), returns="{corrected_output, reflection_output, success}")
def correct(
    scope: Scope,
    /,
    *,
    output: Json = MISSING,
    errors: list[Any] | None = None,
    suggestions: list[Any] | None = None,
    corrector: dict[str, Any] | None = None,
    **model: Any,
) -> Result:
    """Correct `output` (by default `state.reflection_output`) with an action or a block of code, else with a model."""
    wrong = _default(scope, output, "reflection_output")
    found = errors if errors is not None else scope.state.get("reflection_errors", [])
    hints = suggestions if suggestions is not None else scope.state.get("reflection_suggestions", [])
    verdict = Verdict(valid=False, score=0.0, errors=_several(found), suggestions=_several(hints))
    state = {"reflection_output": wrong, "reflection_errors": list(verdict.errors), "reflection_suggestions": list(verdict.suggestions)}
    corrected = _corrected(child(scope, {**scope.state, **state}), wrong, verdict, corrector or {"type": "llm"}, model)
    return {"corrected_output": corrected, "reflection_output": corrected, "success": True}


@dataclass(slots=True)
class _Loop:
    """How far one reflection.loop is."""

    iteration: int = 0
    output: Json = None
    verdict: Verdict = Verdict(valid=False, score=0.0)
    best: Json = None
    best_score: float = -1.0
    history: list[Result] = field(default_factory=list)

    def seen(self) -> Result:
        """What a generator, evaluator or corrector sees in the state."""
        return {
            "reflection_iteration": self.iteration,
            "reflection_output": self.output,
            "reflection_errors": list(self.verdict.errors),
            "reflection_suggestions": list(self.verdict.suggestions),
            "reflection_history": list(self.history),
            "reflection_best": self.best,
            "reflection_best_score": max(self.best_score, 0.0),
        }

    def take(self, output: Json, verdict: Verdict) -> None:
        self.output, self.verdict = output, verdict
        self.history.append({"iteration": self.iteration, "output": output, **verdict.shown()})
        if verdict.score > self.best_score or verdict.valid:
            self.best, self.best_score = output, verdict.score

    def result(self, *, best: bool) -> Result:
        output = self.best if best else self.output
        told = {key: value for key, value in self.seen().items() if key != "reflection_suggestions"}
        outcome = {**told, "reflection_output": output, "success": self.verdict.valid, "valid": self.verdict.valid}
        return {**(output if isinstance(output, dict) else {}), **outcome}


def evaluate_output(scope: Scope, output: Json, evaluator: Mapping[str, Any], model: Mapping[str, Any]) -> Verdict:
    """Judge ``output``; other keys of an ``llm`` evaluator say which model judges and go before ``model``."""
    kind = evaluator.get("type", "custom" if {"run", "action", "uses"} & set(evaluator) else None)
    if kind == "llm":
        return _by_model(scope, output, evaluator, model)
    unknown = sorted(set(evaluator) - _EVALUATOR_KEYS)
    if unknown:
        raise NodeFailed(f"a {kind} evaluator has no key {unknown[0]!r}", hint=f"it takes: {', '.join(sorted(_EVALUATOR_KEYS))}")
    if kind == "schema":
        return _by_schema(output, evaluator)
    if kind == "custom":
        return _verdict(_made(scope, evaluator, "evaluator", also=_EVALUATOR_KEYS), evaluator.get("threshold"))
    raise NodeFailed(
        f"'evaluator' must have the type schema, llm or custom, got {kind!r}", hint="write evaluator: {type: schema, schema: {...}}"
    )


def _by_schema(output: Json, evaluator: Mapping[str, Any]) -> Verdict:
    from jsonschema import SchemaError
    from referencing.exceptions import Unresolvable

    schema = evaluator.get("schema")
    if not isinstance(schema, Mapping):
        raise NodeFailed("a schema evaluator needs 'schema', a JSON Schema", hint="write evaluator: {type: schema, schema: {...}}")
    try:
        faults = sorted(violations(schema, output), key=lambda fault: dotted(fault.absolute_path))
    except SchemaError as error:
        raise NodeFailed(f"'schema' is no JSON Schema: {error.message}") from None
    except Unresolvable as error:
        raise NodeFailed(f"'schema' refers to {error.ref!r}, which lies outside of it", hint="put it under $defs") from None
    errors = [
        {"path": dotted(each.absolute_path), "message": each.message, "schema_path": list(each.absolute_schema_path)} for each in faults
    ]
    return Verdict(valid=not errors, score=0.0 if errors else 1.0, errors=tuple(errors))


def _by_model(scope: Scope, output: Json, evaluator: Mapping[str, Any], model: Mapping[str, Any]) -> Verdict:
    own = {key: value for key, value in evaluator.items() if key not in ("type", "prompt", "threshold")}
    unknown = sorted(set(own) - set(MODEL_PARAMETERS))
    if unknown:
        raise NodeFailed(f"an llm evaluator has no key {unknown[0]!r}", hint="it takes type, prompt, threshold and what llm.call takes")
    question = JUDGE.format(criteria=evaluator.get("prompt") or JUDGE_DEFAULT, output=text_of(output))
    reply = ask(scope, (Message("user", question),), {**model, **own})
    found = mapping_in(reply["content"])
    if found is None or not {"valid", "score"} & set(found):
        raise OutputUnsatisfied(
            "the judging model's reply holds no JSON with 'valid' or 'score'", hint="use a larger model for the evaluator"
        )
    return _verdict(found, evaluator.get("threshold"))


def _verdict(found: Json, threshold: float | None) -> Verdict:
    """A boolean, a number or ``{valid, score, errors, suggestions}`` → a verdict."""
    if isinstance(found, bool):
        return Verdict(valid=found, score=float(found))
    if isinstance(found, int | float):
        return Verdict(valid=found >= (PASSING if threshold is None else threshold), score=float(found))
    if not isinstance(found, Mapping) or not {"valid", "score"} & set(found):
        raise NodeFailed(f"an evaluator must give true, false, a score or {{valid, score, errors}}, got {_text(found)[:80]}")
    valid, score = found.get("valid"), found.get("score", 1.0 if found.get("valid") else 0.0)
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise OutputUnsatisfied(f"an evaluator gave a score that is no number: {_text(score)[:80]}")
    if threshold is not None or not isinstance(valid, bool):
        valid = score >= (PASSING if threshold is None else threshold)
    return Verdict(valid, float(score), _several(found.get("errors")), _several(found.get("suggestions")))


def _several(value: Json) -> tuple[Json, ...]:
    return tuple(value) if isinstance(value, list | tuple) else () if value is None else (value,)


def _text(value: object) -> str:
    if isinstance(value, Mapping) and "message" in value:
        path = value.get("path")
        return f"{path}: {value['message']}" if path else str(value["message"])
    return text_of(value)


def _corrected(scope: Scope, output: Json, verdict: Verdict, corrector: Mapping[str, Any], model: Mapping[str, Any]) -> Json:
    if corrector.get("type") != "llm":
        return _made(scope, corrector, "corrector")
    question = CORRECT.format(
        instruction=corrector.get("prompt") or CORRECT_DEFAULT,
        output=text_of(output),
        errors="\n".join(f"- {_text(each)}" for each in verdict.errors) or "- it was not good enough",
        suggestions="".join(f"- suggestion: {_text(each)}\n" for each in verdict.suggestions),
    )
    own = {key: value for key, value in corrector.items() if key not in ("type", "prompt")}
    return _parsed(ask(scope, (Message("user", question),), {**model, **own})["content"], like=output)


def _parsed(text: str, like: Json) -> Json:
    """The mapping in ``text`` where ``like`` is one, else ``text``."""
    found = mapping_in(text) if isinstance(like, Mapping) else None
    return text if found is None else found


def _made(scope: Scope, part: Mapping[str, Any], role: str, also: frozenset[str] = frozenset()) -> Json:
    """What the action or the block of code of ``part`` gives."""
    unknown = sorted(part.keys() - CALL_KEYS - {"run", "language"} - also)
    if unknown or ("run" in part) == bool(part.keys() & {"action", "uses"}):
        raise NodeFailed(
            f"'{role}' must be either {{action: NAME, with: {{...}}}} or {{run: CODE}}" + (f", it has {unknown[0]!r}" if unknown else "")
        )
    if "run" in part:
        return _executed(scope, part["run"], part.get("language"))
    call = call_in(part)
    if call is None:
        raise NodeFailed(f"'{role}' must be {{action: NAME, with: {{...}}}}")
    result = call.make(scope)
    if call.name.startswith("llm.") and isinstance(result, Mapping) and isinstance(result.get("content"), str):
        found = mapping_in(result["content"])
        return result["content"] if found is None else found
    return result


def _executed(scope: Scope, text: object, language: object) -> Json:
    if not scope.host.code_allowed:
        raise Refused("a block inside 'with' is code, which --no-code refuses", hint="look at it (tea inspect), then run without --no-code")
    if not isinstance(text, str) or text not in embedded_code(scope.workflow):
        raise Refused(
            "'run' inside 'with' must be code that stands in the workflow like this, without templates",
            hint="read values from the state: state['name'] instead of {{ state.name }}",
        )
    value = scope.host.program(_code(language_of(Block(text, language, ())), text)).run(scope)
    if isinstance(value, Mapping) and "result" in value:
        value = value["result"]
    if value is NOTHING:
        raise NodeFailed("a block inside 'with' gave nothing back", hint="use return, or set a variable called result")
    return value


@cache
def _code(language: str, text: str) -> Code:
    """One object for one text, because a host compiles an object once; as many as workflows have such blocks."""
    return Code(language, text)


def embedded_code(workflow: Workflow) -> frozenset[str]:
    """The texts of all ``run`` keys inside parameters of actions: code that is not a node of its own."""
    return frozenset(block.text for _, action in workflow.actions() for block in runs(action.literals))


def _default(scope: Scope, given: Json, key: str) -> Json:
    if given is not MISSING:
        return given
    if key not in scope.state:
        raise NodeFailed(f"'output' is not given and the state has no {key}", hint="add output: under with:")
    return scope.state[key]
