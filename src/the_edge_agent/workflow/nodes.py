"""One entry of ``nodes``, ``steps`` or ``body`` → a frozen :class:`Node`, every spelling of the dialect resolved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from the_edge_agent.errors import Problem, Spot, at_node
from the_edge_agent.workflow.dialect import node_kind
from the_edge_agent.workflow.model import (
    Action,
    Body,
    Code,
    DynamicParallel,
    ErrorPolicy,
    Kind,
    Matrix,
    Node,
    Nothing,
    Output,
    ParallelEach,
    Path,
    Steps,
    Subgraph,
    Value,
    WhileLoop,
    Workflow,
)
from the_edge_agent.workflow.source import Map, Report, Scalar, Seq, Tree, plain
from the_edge_agent.workflow.template import compile_condition, compile_value

_TRIES = ("max_retries", "retries", "retry_delay", "backoff_multiplier", "retryable_errors")
Open = Callable[[str, Spot, Report], Workflow | None]
"""Loads the subgraph a node names."""


_MARKER = re.compile(r"\s*(?:--\s*(lua)|%\s*(prolog))\b", re.IGNORECASE)


def marked_language(block: str) -> str | None:
    """The language that the comment at the start of ``block`` names: ``-- lua`` or ``% prolog``."""
    found = _MARKER.match(block)
    return found[found.lastindex or 0].lower() if found else None


def text(tree: Map, *keys: str) -> str | None:
    """The string under the first of ``keys`` that is there."""
    value = first(tree, *keys)
    return value.value if isinstance(value, Scalar) and isinstance(value.value, str) else None


def first(tree: Map, *keys: str) -> Tree | None:
    """The value under the first of ``keys`` that is there."""
    return next((tree.items[key] for key in keys if key in tree.items), None)


def number(tree: Map, key: str) -> float | None:
    """The number under ``key``."""
    value = tree.items.get(key)
    right = isinstance(value, Scalar) and isinstance(value.value, int | float) and not isinstance(value.value, bool)
    return value.value if right and isinstance(value, Scalar) else None


def flag(tree: Map, key: str) -> bool:
    """Whether ``key`` is there and true."""
    value = tree.items.get(key)
    return isinstance(value, Scalar) and value.value is True


def spot_finder(tree: Tree) -> Callable[[Path], Spot | None]:
    """Finds the place of a value inside ``tree`` by its path of keys and indexes."""

    def find(path: Path) -> Spot | None:
        here = tree
        for step in path:
            if isinstance(here, Map) and step in here.items:
                here = here.items[str(step)]
            elif isinstance(here, Seq) and isinstance(step, int) and step < len(here.items):
                here = here.items[step]
            else:
                break
        return here.content if isinstance(here, Scalar) else here.spot

    return find


@dataclass(frozen=True, slots=True)
class NodeReader:
    """Reads nodes; everything wrong goes to ``report``.

    ``variables`` are the workflow's (``${name}`` in code), ``policy`` is the ``on_error`` of nodes that have none.
    """

    report: Report
    variables: Mapping[str, Any]
    policy: ErrorPolicy | None
    open_subgraph: Open

    def read(self, tree: Map, name: str) -> Node:
        """The node in ``tree``; parts of a wrong shape were reported by the grammar and are left out."""
        named = replace(self, report=lambda problem: self.report(at_node(problem, name)))
        return named.node(tree, name)

    def node(self, tree: Map, name: str) -> Node:
        """The node in ``tree``, with problems reported as they are."""
        kind = self._kind(tree)
        on_error = tree.items.get("on_error")
        collect = (isinstance(on_error, Scalar) and on_error.value == "collect") or (
            isinstance(on_error, Map) and text(on_error, "mode") == "collect"
        )
        interrupt = text(tree, "interrupt")
        return Node(
            name=name,
            kind=kind,
            spot=tree.spot,
            output=None if isinstance(kind, Matrix | ParallelEach) else self._output(tree),
            on_error=self._on_error(tree, collect=collect),
            timeout=self._timeout(tree),
            interrupt=frozenset({"before"}) if interrupt == "before" else frozenset({"after"}) if interrupt == "after" else frozenset(),
            fan_in=flag(tree, "fan_in"),
            collect=collect,
            description=text(tree, "description") or "",
        )

    def _on_error(self, tree: Map, *, collect: bool) -> ErrorPolicy | None:
        """The node's error policy. ``collect`` is about branches, so ``retry`` and ``fallback`` stand beside it."""
        on_error = tree.items.get("on_error")
        if isinstance(on_error, Map):
            mode, given = text(on_error, "mode"), [key for key in _TRIES if key in on_error.items]
            if mode not in (None, "retry"):
                self._no_effect(on_error, given, f"beside 'mode: {mode}' nothing is tried again")
            elif given and "retry" in tree.items:
                message = "'on_error' and 'retry' both say how often the node is tried"
                self.report(Problem("DUPLICATE_KEY", message, tree.keys["retry"], hint="keep one of the two"))
        if collect:
            return error_policy(Map({key: value for key, value in tree.items.items() if key != "on_error"}, tree.spot), None)
        return error_policy(tree, self.policy)

    def _no_effect(self, tree: Map, keys: Iterable[str], why: str) -> None:
        for key in keys:
            if key in tree.items:
                self.report(Problem("NO_EFFECT", f"'{key}' has no effect here: {why}", tree.keys[key], severity="warning"))

    def _timeout(self, tree: Map) -> float | None:
        """The node's ``timeout``, or that of its block (``run: {code: …, timeout: …}``)."""
        run = first(tree, "run", "script")
        inner = number(run, "timeout") if isinstance(run, Map) else None
        return number(tree, "timeout") or inner

    def _kind(self, tree: Map) -> Kind:
        word = node_kind(tree, "node", lambda _: None)
        if word == "while_loop":
            return self._while(tree)
        if word == "dynamic_parallel":
            return self._dynamic(tree)
        if word is not None and word.startswith("matrix"):
            return self._matrix(tree)
        if word is not None and word.startswith("parallel_each"):
            return self._each(tree)
        return self._body(tree)

    def _body(self, tree: Map) -> Body:
        run = first(tree, "run", "script")
        if run is not None:
            return self._code(run, tree)
        if first(tree, "uses", "action") is not None:
            return self._action(tree)
        if "steps" in tree.items:
            return Steps(self._nodes(tree.items["steps"]))
        return Nothing()

    def _code(self, run: Tree, tree: Map) -> Code | Nothing:
        language = text(tree, "language")
        if isinstance(run, Scalar) and isinstance(run.value, str):
            return Code(language or marked_language(run.value) or "python", run.value, run.content, None, self.variables)
        if not isinstance(run, Map):
            return Nothing()
        kind = text(run, "type")
        if kind == "expression":
            value = run.items.get("value")
            if not isinstance(value, Scalar) or not isinstance(value.value, str):
                self.report(Problem("MISSING_FIELD", "run: {type: expression} needs 'value'", run.spot, hint="add 'value: EXPRESSION'"))
                return Nothing()
            return Code("python", value.value, value.content, text(run, "output_key") or "result", self.variables)
        code = run.items.get("code")
        if not isinstance(code, Scalar) or not isinstance(code.value, str):
            self.report(Problem("MISSING_FIELD", "run: {type: …} needs 'code'", run.spot, hint="add 'code: |' and the code below it"))
            return Nothing()
        self._no_effect(run, ("value", "output_key"), "it goes with 'type: expression'")
        said = (kind if kind != "inline" else None, text(run, "language"), language)
        chosen = next(filter(None, said), None) or marked_language(code.value) or "python"
        for place, word in ((run, said[1]), (tree, said[2])):
            if word not in (None, chosen):
                self._no_effect(place, ("language",), f"the block is said to be {chosen}")
        return Code(chosen, code.value, code.content, None, self.variables)

    def _action(self, tree: Map) -> Action:
        name = first(tree, "uses", "action")
        given = first(tree, "with", "params")
        parameters = given if isinstance(given, Map) else Map({}, tree.spot)
        literals = plain(parameters)
        return Action(
            name=str(name.value) if isinstance(name, Scalar) else "",
            literals=literals,
            parameters={key: self._value(value, f"with.{key}") for key, value in parameters.items.items()},
            spot=name.spot if name else tree.spot,
            place=spot_finder(parameters),
        )

    def _value(self, tree: Tree, key: str) -> Value:
        return compile_value(plain(tree), key=key, spot_of=spot_finder(tree), report=self.report)

    def _count(self, tree: Map, *keys: str) -> Value | None:
        value = first(tree, *keys)
        return None if value is None else self._value(value, next(key for key in keys if key in tree.items))

    def _output(self, tree: Map) -> Output | None:
        value = first(tree, "output", "outputs", "output_key")
        if isinstance(value, Scalar) and isinstance(value.value, str):
            return Output(key=value.value)
        if isinstance(value, Map):
            return Output(fields=tuple((key, self._value(item, f"output.{key}")) for key, item in value.items.items()))
        return None

    def _nodes(self, tree: Tree | None) -> tuple[Node, ...]:
        """The nodes of ``steps`` or ``body``; one without a name is called ``step_<n>``."""
        items = tree.items if isinstance(tree, Seq) else ()
        return tuple(self.read(item, text(item, "name") or f"step_{i + 1}") for i, item in enumerate(items) if isinstance(item, Map))

    def _while(self, tree: Map) -> WhileLoop:
        condition = tree.items.get("condition")
        source = condition.value if isinstance(condition, Scalar) and isinstance(condition.value, str | bool) else False
        spot = condition.spot if condition else tree.spot
        limit = number(tree, "max_iterations")
        return WhileLoop(
            condition=compile_condition(source, key="condition", spot=spot, report=self.report),
            max_iterations=int(limit or 1),
            body=self._nodes(tree.items.get("body")),
            on_limit="error" if text(tree, "on_limit") == "error" else "continue",
        )

    def _dynamic(self, tree: Map) -> DynamicParallel:
        modes = [key for key in ("action", "steps", "subgraph") if key in tree.items]
        if len(modes) != 1:
            given = "none" if not modes else " and ".join(modes)
            message = f"dynamic_parallel needs exactly one of 'action', 'steps', 'subgraph'; given: {given}"
            self.report(Problem("DYN_PARALLEL_MODE", message, tree.spot, hint="say what a branch does, once"))
        if "subgraph" not in modes:
            self._no_effect(tree, ("input",), "it goes with 'subgraph'")
        config = tree.items.get("parallel_config")
        settings = config if isinstance(config, Map) else tree
        action = tree.items.get("action")
        return DynamicParallel(
            items=self._items(tree, "items"),
            body=self._branch_body(tree, modes[0] if modes else ""),
            fan_in=text(tree, "fan_in") or "",
            item_var=text(tree, "item_var") or "item",
            index_var=text(tree, "index_var") or "index",
            output=self._output(action) if isinstance(action, Map) else None,
            max_concurrency=self._count(tree, "max_concurrency") or self._count(settings, "max_concurrency"),
            fail_fast=flag(tree, "fail_fast") or flag(settings, "fail_fast"),
        )

    def _branch_body(self, tree: Map, mode: str) -> Action | Steps | Subgraph:
        value = tree.items.get(mode)
        if mode == "action" and isinstance(value, Map):
            return self._action(value)
        if mode == "subgraph" and isinstance(value, Scalar) and isinstance(value.value, str):
            loaded = self.open_subgraph(value.value, value.spot, self.report)
            if loaded is not None:
                given = tree.items.get("input")
                return Subgraph(loaded, None if given is None else self._value(given, "input"))
        return Steps(self._nodes(value))

    def _items(self, tree: Map, key: str) -> Value:
        return self._value(tree.items.get(key, Seq((), tree.spot)), key)

    def _matrix(self, tree: Map) -> Matrix:
        strategy = tree.items["strategy"]
        settings = strategy if isinstance(strategy, Map) else Map({}, tree.spot)
        matrix = settings.items.get("matrix")
        axes = matrix.items if isinstance(matrix, Map) else {}
        return Matrix(
            axes=tuple((axis, self._value(values, f"strategy.matrix.{axis}")) for axis, values in axes.items()),
            body=self._body(tree),
            fan_in=text(tree, "fan_in"),
            output=self._output(tree),
            max_concurrency=self._count(settings, "max_parallel"),
            fail_fast=flag(settings, "fail_fast"),
        )

    def _each(self, tree: Map) -> ParallelEach:
        return ParallelEach(
            items=self._items(tree, "parallel_each"),
            body=self._body(tree),
            fan_in=text(tree, "fan_in"),
            output=self._output(tree),
            max_concurrency=self._count(tree, "max_workers"),
            fail_fast=flag(tree, "fail_fast"),
        )


def error_policy(tree: Map, default: ErrorPolicy | None) -> ErrorPolicy | None:
    """What ``on_error``, ``retry`` and ``fallback`` of a node say together; ``default`` where they say nothing."""
    on_error, retry, fallback = tree.items.get("on_error"), tree.items.get("retry"), text(tree, "fallback")
    policy = default
    if isinstance(on_error, Scalar):
        policy = _from_mode(str(on_error.value), Map({}, on_error.spot), default or ErrorPolicy())
    elif isinstance(on_error, Map):
        policy = from_mapping(on_error, default)
    if isinstance(retry, Map):
        after = policy if on_error is not None and policy is not None else ErrorPolicy()
        policy = replace(_from_retry(retry), then=after.then, fallback=after.fallback, capture_traceback=after.capture_traceback)
    if fallback is not None:
        policy = replace(policy or ErrorPolicy(), then="graceful", fallback=fallback)
    return policy


def from_mapping(tree: Map, default: ErrorPolicy | None = None) -> ErrorPolicy:
    """``on_error`` (or ``settings.error_handling``) as a mapping."""
    guess = "retry" if first(tree, "max_retries", "retries") else "graceful" if "fallback" in tree.items else None
    mode = text(tree, "mode") or guess
    if mode is None:
        mode = "graceful" if default is not None and default.then == "graceful" else "raise"
    return _from_mode(mode, tree, default or ErrorPolicy())


def _from_mode(mode: str, tree: Map, default: ErrorPolicy) -> ErrorPolicy:
    names = tree.items.get("retryable_errors")
    retries = number(tree, "max_retries") if "max_retries" in tree.items else number(tree, "retries")
    delay, multiplier = number(tree, "retry_delay"), number(tree, "backoff_multiplier")
    return replace(
        default,
        retries=int(retries if retries is not None else default.retries or 3) if mode == "retry" else 0,
        delay=default.delay if delay is None else delay,
        multiplier=default.multiplier if multiplier is None else multiplier,
        retryable=tuple(map(str, plain(names))) if isinstance(names, Seq) else default.retryable,
        then="raise" if mode == "raise" else "graceful",
        fallback=text(tree, "fallback") or default.fallback,
        capture_traceback=flag(tree, "capture_traceback") or default.capture_traceback,
    )


def _from_retry(tree: Map) -> ErrorPolicy:
    """The other implementation's ``retry:``: every error is tried again, and when no try is left the node fails."""
    retries, delay = number(tree, "max_retries"), number(tree, "base_delay_ms")
    longest, multiplier = number(tree, "max_delay_ms"), number(tree, "backoff_multiplier")
    jitter = tree.items.get("jitter")
    return ErrorPolicy(
        retries=3 if retries is None else int(retries),
        delay=(1000 if delay is None else delay) / 1000,
        multiplier=2.0 if multiplier is None else multiplier,
        max_delay=(30_000 if longest is None else longest) / 1000,
        jitter=0.0 if isinstance(jitter, Scalar) and jitter.value is False else 0.1,
        retryable=("*",),
    )
