"""The JSON Schema for editors and the parser accept the same files."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from the_edge_agent.errors import Problem, Source
from the_edge_agent.workflow.dialect import SETTINGS, WORKFLOW
from the_edge_agent.workflow.schema import json_schema
from the_edge_agent.workflow.source import Tree, compose, plain

CASES = Path(__file__).parents[2] / "cases"
SAMPLES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    1.5,
    5000,
    "",
    " ",
    "text",
    "__end__",
    "retry",
    "before",
    "5",
    [],
    {},
    ["a"],
    [1],
    [{}],
    {"a": 1},
    {"a": "b"},
]


@cache
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema())


def tree_of(text: str) -> Tree | None:
    """The tree of ``text``, ``None`` when it is no YAML with JSON values."""
    problems: list[Problem] = []
    tree = compose(Source("flow.yaml", text), problems.append)
    return None if problems else tree


def problems_of(tree: Tree) -> list[Problem]:
    problems: list[Problem] = []
    right = WORKFLOW.check(tree, "", problems.append)
    assert right == (not [problem for problem in problems if problem.severity == "error"]), "check() says what it reports"
    return problems


def workflows() -> dict[str, str]:
    cases = {str(path.relative_to(CASES)): yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(CASES.rglob("*.yaml"))}
    return {name: case["workflow"] for name, case in cases.items()}


WORKFLOWS = workflows()
DOCUMENTS = {name: plain(tree) for name, text in WORKFLOWS.items() if (tree := tree_of(text)) is not None}
VALID = [document for document in DOCUMENTS.values() if validator().is_valid(document)]

# A key of settings that only looks like a typing error cannot be told apart by a schema.
NEAR_MISSES = {"broken/unknown_key_in_settings.yaml"}


@pytest.mark.parametrize("name", sorted(DOCUMENTS.keys() - NEAR_MISSES))
def test_schema_and_parser_agree_on_every_case(name: str) -> None:
    tree = tree_of(WORKFLOWS[name])
    assert tree is not None
    assert_agreement(tree)


def assert_agreement(tree: Tree) -> None:
    errors = [str(problem) for problem in problems_of(tree) if problem.severity == "error"]
    refusals = [f"{list(error.absolute_path)}: {error.message:.300}" for error in validator().iter_errors(plain(tree))]
    assert bool(errors) == bool(refusals), f"parser: {errors}\nschema: {refusals}\n{plain(tree)}"


@pytest.mark.parametrize(
    "text", ["settings: {opik: {}}", "settings: {own: {}}", "config: {own: 1}", "settings: {auto_trace: 1}", "endpoint: {}", "x-any: 1"]
)
def test_schema_and_parser_agree_on_free_and_foreign_keys(text: str) -> None:
    tree = tree_of(f"nodes: [{{name: a}}]\n{text}\n")
    assert tree is not None
    assert_agreement(tree)


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert len(VALID) > 100


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of everything inside ``value``."""
    inner: list[tuple[str | int, Any]] = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [place for key, item in inner for place in ((*path, key), *places(item, (*path, key)))]


def parent_of(document: Any, path: tuple[str | int, ...]) -> Any:
    for step in path[:-1]:
        document = document[step]
    return document


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A workflow that was valid until up to three of its keys or values were changed."""
    document = deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 3))):
        found = places(document)
        if not found:
            break
        path = draw(st.sampled_from(found))
        parent = parent_of(document, path)
        how = draw(st.sampled_from(["drop", "rename", "replace", "add"]))
        if how == "drop":
            del parent[path[-1]]
        elif how == "rename" and isinstance(parent, dict):
            parent[draw(st.sampled_from(KEYS))] = parent.pop(path[-1])
        elif how == "add" and isinstance(parent, dict):
            parent[draw(st.sampled_from(KEYS))] = deepcopy(draw(st.sampled_from(SAMPLES)))
        else:
            parent[path[-1]] = deepcopy(draw(st.sampled_from(SAMPLES)))
    return document


KEYS = [
    *(
        "name",
        "run",
        "script",
        "uses",
        "action",
        "with",
        "params",
        "output",
        "outputs",
        "steps",
        "type",
        "goto",
        "if",
        "to",
        "from",
        "when",
    ),
    *(
        "condition",
        "parallel",
        "targets",
        "fan_in",
        "items",
        "strategy",
        "matrix",
        "parallel_each",
        "max_workers",
        "on_error",
        "retry",
        "fallback",
    ),
    *(
        "mode",
        "max_retries",
        "retries",
        "timeout",
        "interrupt",
        "body",
        "max_iterations",
        "streams",
        "endpoint",
        "firestore",
        "nodes",
        "edges",
    ),
    *("settings", "config", "imports", "path", "package", "x-own", "zzqqzz"),
]


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(mutated())
def test_schema_and_parser_agree_on_mutations(document: Any) -> None:
    tree = tree_of(yaml.safe_dump(document, allow_unicode=True))
    if tree is None or any(problem.code == "UNKNOWN_KEY" and near_miss(problem) for problem in problems_of(tree)):
        return
    assert plain(tree) == document
    assert_agreement(tree)


def near_miss(problem: Problem) -> bool:
    """Whether a lenient mapping refused a key because it resembles a known one."""
    return problem.message.startswith((SETTINGS.title, "config ")) and "did you mean" in (problem.hint or "")


def test_every_key_is_explained() -> None:
    def explained(schema: Any, where: str) -> None:
        if isinstance(schema, dict):
            for name, inner in schema.get("properties", {}).items():
                assert inner.get("description"), f"{where}.{name}"
            for key, inner in schema.items():
                explained(inner, f"{where}.{key}")
        elif isinstance(schema, list):
            for inner in schema:
                explained(inner, where)

    explained(json_schema(), "")
