"""What a workflow needs is found wherever it stands: behind aliases, inside wrappers, in parameters, in subgraphs."""

from __future__ import annotations

import inspect
import json
import types
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.actions import builtin
from the_edge_agent.actions.needs import Call, Given
from the_edge_agent.agent import load, survey
from the_edge_agent.errors import ModelUnavailable, Refused
from the_edge_agent.llm.options import LlmOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from the_edge_agent.actions.registry import Action, Parameter
    from the_edge_agent.actions.survey import Survey

ACTIONS = builtin()
VALUES = {"string": "x", "integer": 1, "number": 1.0, "boolean": True, "mapping": {}, "list": ["x"], "null": None}
HARMLESS = next(name for name, action in ACTIONS.items() if not action.needs.words and not any(each.required for each in action.parameters))
NO_MODEL = {"model_path": "none.gguf", "embedding_model": "none.gguf"}
AGENTS = {"x": {"system_prompt": "Be brief."}}
Place = tuple[str, dict[str, Any]]
"""An action and what it is given."""


def _value(parameter: Parameter) -> Any:
    return parameter.choices[0] if parameter.choices else VALUES[parameter.kinds[0]] if parameter.kinds else "x"


def _least(action: Action) -> dict[str, Any]:
    """The least that ``action`` can be given, read off its declaration."""
    names = [each.name for each in action.parameters if each.required] + list(action.one_of[:1])
    given = {name: _value(parameter) for name in names if (parameter := action.parameter(name)) is not None}
    # Where it calls another action by a text, that has to be one.
    called = {str(call.name_at[0]): HARMLESS if len(call.name_at) == 1 else [HARMLESS] for call in action.needs.calls(Given(given))}
    return given | called


def _wrappings(action: Action, inner: Place) -> Iterator[Place]:
    """Every way to write ``inner`` into the parameters of ``action`` so that its own declaration finds the call."""
    name, parameters = inner
    texts = [each.name for each in action.parameters if "string" in each.kinds]
    mappings = [each.name for each in action.parameters if "mapping" in each.kinds]
    shapes = [{text: name, mapping: parameters} for text in texts for mapping in mappings]
    shapes += [{mapping: {key: name, "with": parameters}} for mapping in mappings for key in ("uses", "action")]
    for shape in shapes:
        given = _least(action) | shape
        if any((call.name, call.parameters) == inner for call in action.needs.calls(Given(given))):
            yield action.name, given


def _everywhere(inner: Place) -> Iterator[Place]:
    """``inner`` itself, under its second spelling, and inside every action that calls others."""
    name, parameters = inner
    yield inner
    yield f"actions.{name.replace('.', '_')}", parameters
    for action in ACTIONS.values():
        for wrapped in _wrappings(action, inner):
            yield wrapped
            yield from (("cache.wrap", {"action": wrapped[0], "args": wrapped[1]}),)


def _paths(action: Action) -> dict[str, str]:
    """Its parameters that name files, each with one."""
    return {each.name: "a.txt" for each in action.parameters if tuple(action.needs.files(Given({each.name: "a.txt"})))}


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a workflow whose only node, also as a subgraph's, is the one given."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))

    def write(place: Place, *, inside: bool = False, llm: dict[str, Any] | None = None) -> Path:
        node = {"name": "n", "uses": place[0], "with": place[1]}
        own = {"name": "w", "settings": {"agents": AGENTS, "llm": llm or {}}, "nodes": [node]}
        (tmp_path / "inner.yaml").write_text(json.dumps(own), encoding="utf-8")
        fan = {"name": "f", "type": "dynamic_parallel", "items": [1], "subgraph": "inner.yaml", "fan_in": "j"}
        outer = {"name": "o", "nodes": [fan, {"name": "j", "fan_in": True}]}
        (tmp_path / "outer.yaml").write_text(json.dumps(outer), encoding="utf-8")
        return tmp_path / ("outer.yaml" if inside else "inner.yaml")

    return write


def _survey(path: Path) -> Survey:
    found, problems = survey(path)
    assert found is not None, problems
    return found


WITH_MODELS = [name for name, action in ACTIONS.items() if tuple(action.needs.models(Given(_least(action), {"agents": AGENTS})))]
WITH_BLOCKS = [name for name, action in ACTIONS.items() if "code" in action.needs.words]
WITH_FILES = [name for name, action in ACTIONS.items() if _paths(action)]
WITH_NETWORK = [name for name, action in ACTIONS.items() if action.needs.network]


def test_the_registry_declares_something_of_every_kind() -> None:
    assert {word for action in ACTIONS.values() for word in action.needs.words} == {"actions", "code", "files", "llm", "network"}


@pytest.mark.parametrize("name", WITH_MODELS)
def test_a_missing_model_is_found_before_the_run_wherever_the_action_stands(flow: Any, name: str) -> None:
    for place in _everywhere((name, _least(ACTIONS[name]))):
        for inside in (False, True):
            path = flow(place, inside=inside, llm=NO_MODEL)
            with pytest.raises(ModelUnavailable, match=r"none\.gguf"):
                load(path)
            assert [use.known for use in _survey(path).uses if use.questions()][-1:] == [name]


@pytest.mark.parametrize("name", WITH_FILES)
def test_files_are_told_wherever_the_action_stands(flow: Any, name: str) -> None:
    action = ACTIONS[name]
    paths = _paths(action)
    for place in _everywhere((name, _least(action) | paths)):
        found = [file for use in _survey(flow(place)).uses for file in use.files()]
        assert set(paths.items()) <= set(found)


@pytest.mark.parametrize("name", WITH_NETWORK)
def test_the_network_is_told_wherever_the_action_stands(flow: Any, name: str) -> None:
    for place in _everywhere((name, _least(ACTIONS[name]))):
        assert any(use.action and use.action.needs.network for use in _survey(flow(place, inside=True)).uses)


def _with_block(action: Action, text: str) -> Iterator[dict[str, Any]]:
    """What ``action`` can be given so that its own declaration finds the block ``text``."""
    for parameter in action.parameters:
        given = _least(action) | {parameter.name: {"run": text}}
        if any(block.text == text for block in action.needs.blocks(Given(given))):
            yield given


@pytest.mark.parametrize("name", WITH_BLOCKS)
def test_code_is_checked_told_and_refused_wherever_the_action_stands(flow: Any, name: str) -> None:
    for given, broken in zip(_with_block(ACTIONS[name], "return 1"), _with_block(ACTIONS[name], "return ("), strict=True):
        for place in _everywhere((name, given)):
            path = flow(place, inside=True)
            assert "return 1" in [found.code.text for found in _survey(path).code]
            with pytest.raises(Refused, match="node 'n'"):
                load(path, allow_code=False)
        for place in _everywhere((name, broken)):
            found, problems = survey(flow(place))
            assert found is None
            assert [problem.code for problem in problems if problem.severity == "error"] == ["BAD_CODE"]


def test_code_behind_a_name_that_nobody_knows_yet_counts(flow: Any) -> None:
    place = ("cache.wrap", {"action": "{{ state.which }}", "args": {"generator": {"run": "return 1"}}})
    assert [found.code.text for found in _survey(flow(place)).code] == ["return 1"]
    with pytest.raises(Refused):
        load(flow(place), allow_code=False)


def test_a_block_in_a_parameter_is_found_at_its_own_line(tmp_path: Path) -> None:
    text = "name: w\nnodes:\n  - name: a\n    uses: reflection.correct\n    with:\n      output: 1\n      corrector:\n        run: |\n          x = (\n"
    (tmp_path / "w.yaml").write_text(text, encoding="utf-8")
    _, (problem,) = survey(tmp_path / "w.yaml")
    assert problem.spot is not None
    assert (problem.code, problem.node, problem.spot.line) == ("BAD_CODE", "a", 9)


def test_the_tools_of_a_model_are_known_actions(flow: Any) -> None:
    found, problems = survey(flow(("reason.react", {"goal": "g", "tools": ["http.get", "json.prase"]})))
    assert found is None
    assert [(problem.code, problem.hint) for problem in problems] == [("UNKNOWN_ACTION", "did you mean 'json.parse'?")]
    assert any(
        use.action and use.action.needs.network for use in _survey(flow(("reason.react", {"goal": "g", "tools": ["http.get"]}))).uses
    )


def test_what_an_executor_leaves_open_is_the_subtasks(flow: Any) -> None:
    _survey(flow(("plan.execute", {"subtask_executor": {"uses": "llm.call", "with": {"model": "m"}}})))
    found, problems = survey(flow(("plan.execute", {"subtask_executor": {"uses": "file.read"}})))
    assert found is None
    assert [problem.code for problem in problems] == ["MISSING_PARAMETER"]


def test_only_models_that_will_be_asked_are_told(flow: Any) -> None:
    loop = {"generator": {"run": "return 1"}, "evaluator": {"type": "schema", "schema": {}}}
    assert not [use for use in _survey(flow(("reflection.loop", loop))).uses if use.questions()]
    judged = loop | {"evaluator": {"type": "llm"}}
    assert [use.known for use in _survey(flow(("reflection.loop", judged))).uses if use.questions()] == ["reflection.loop"]


def test_a_model_file_that_is_named_has_to_be_there(flow: Any) -> None:
    path = flow(("json.parse", {"text": "1"}))
    load(path).close()
    with pytest.raises(ModelUnavailable, match="--gguf names the model"):
        load(path, llm=LlmOptions(gguf=path.with_name("nope.gguf")))


def test_deferred_parameters_see_what_is_there_when_they_are_used(tmp_path: Path) -> None:
    text = """
name: w
initial_state: {n: 1}
nodes:
  - name: loop
    uses: retry.loop
    with:
      action: data.validate
      args: {data: "{{ state.n }}", schema: {const: 2}}
      correction: json.parse
      correction_args: {text: "{\\"seen\\": {{ state.last_result.valid | tojson }}, \\"n\\": 2}"}
      max_retries: 1
    output: result
"""
    (tmp_path / "w.yaml").write_text(text, encoding="utf-8")
    with load(tmp_path / "w.yaml") as agent:
        assert agent.invoke()["result"]["data"] == {"seen": False, "n": 2}


def _target(action: Action) -> Any:
    """The function behind the check of its parameters."""
    return inspect.getclosurevars(action.function).nonlocals["target"]


SINKS = {
    "llm": {"ask", "ask_in_pieces", "vectors_of"},
    "actions": {"make", "action"},
    "code": {"program"},
    "network": {"httpx"},
    "files": {"local"},
}
"""What is needed → the names that code uses which needs it: functions of the house, methods of a host, a library."""


def _names(code: types.CodeType) -> set[str]:
    inner = [_names(each) for each in code.co_consts if isinstance(each, types.CodeType)]
    return set(code.co_names).union(*inner)


def _reached(function: Any, seen: set[int]) -> set[str]:
    """Every name that ``function`` uses, and the functions of the actions' modules that it calls."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None or id(code) in seen or not function.__module__.startswith("the_edge_agent.actions."):
        return set()
    seen.add(id(code))
    names = _names(code)
    called = [function.__globals__[name] for name in names if callable(function.__globals__.get(name))]
    methods = [method for each in called if inspect.isclass(each) for method in vars(each).values() if inspect.isfunction(method)]
    return names.union(*(_reached(each, seen) for each in (*called, *methods)))


@pytest.mark.parametrize("name", list(ACTIONS))
def test_what_an_action_does_it_declares(name: str) -> None:
    """The other way round: code that asks a model, calls an action, runs a block, opens a file or a connection says so."""
    declared = ACTIONS[name]
    reached = _reached(_target(declared), set())
    found = {word for word, sinks in SINKS.items() if reached & sinks}
    # error.retry calls what another node of the workflow names, which that node declares.
    assert found - set(declared.needs.words) <= ({"actions"} if name == "error.retry" else set())


def test_every_deferred_parameter_is_a_parameter() -> None:
    for action in ACTIONS.values():
        assert action.needs.deferred <= {each.name for each in action.parameters}, action.name


def test_a_call_names_where_it_stands(flow: Any) -> None:
    place = ("cache.wrap", {"action": "retry.loop", "args": {"action": "json.parse", "args": {"txt": "x"}}})
    _, problems = survey(flow(place))
    assert {problem.code for problem in problems} == {"UNKNOWN_PARAMETER", "MISSING_PARAMETER"}
    assert all(problem.spot is not None for problem in problems)
    assert Call("a", {}).filled == frozenset()
