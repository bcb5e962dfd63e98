"""The check before a run: models that are named are there, for every action that asks one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.actions.library import Library
from the_edge_agent.actions.preflight import preflight
from the_edge_agent.actions.survey import Survey
from the_edge_agent.errors import ModelUnavailable, Source, Spot
from the_edge_agent.llm.local import llama
from the_edge_agent.llm.options import LlmOptions
from the_edge_agent.models import builtin
from the_edge_agent.workflow.model import Action, Node, Steps, Subgraph, Workflow

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = LlmOptions()


class Literal:
    """Parameters without templates."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def render(self, _: object) -> Any:
        return self.value


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def action(name: str = "llm.call", **literals: Any) -> Action:
    return Action(name, literals, {key: Literal(value) for key, value in literals.items()}, Spot(Source("flow.yaml", ""), 7, 3))


def flow(*kinds: Any, folder: Path, **settings: Any) -> Workflow:
    nodes = {f"n{number}": Node(f"n{number}", kind) for number, kind in enumerate(kinds)}
    return Workflow("flow", nodes, {}, path=folder / "flow.yaml", settings=settings)


def check(workflow: Workflow, options: LlmOptions = OPTIONS, **environ: str) -> None:
    library = Library()
    library.add(workflow)
    preflight(Survey(workflow, library.of), options, {"HOME": str(workflow.path.parent if workflow.path else ""), **environ})


def test_a_workflow_that_can_run_passes(home: Path) -> None:
    check(flow(action(prompt="hi"), action("json.parse", text="{}"), folder=home))
    check(flow(action("reason.cot", problem="x"), folder=home))


@pytest.mark.parametrize(
    "name", ["llm.call", "llm.chat", "llm.stream", "llm.local.chat", "actions.llm_call", "reason.react", "plan.decompose"]
)
def test_a_missing_model_is_told_with_node_and_place(home: Path, name: str) -> None:
    with pytest.raises(ModelUnavailable, match="there is no such file") as caught:
        check(flow(action("json.parse"), action(name, model_path="none.gguf"), folder=home))
    assert caught.value.node == "n1"
    assert str(caught.value.spot) == "flow.yaml:7:3"
    assert caught.value.exit_code == 8


def test_actions_that_ask_no_model_do_not_matter(home: Path) -> None:
    settings = {"llm": {"model_path": "none.gguf"}}
    check(flow(action("json.parse"), action("plan.status"), folder=home, **settings))
    check(flow(action("reflection.loop", evaluator={"type": "schema"}), folder=home, **settings))
    with pytest.raises(ModelUnavailable):
        check(flow(action("reflection.loop", evaluator={"type": "llm"}), folder=home, **settings))


@pytest.mark.parametrize("name", ["llm.embed", "llm.local.embed", "memory.embed", "embedding.create", "vector.store", "vector.query"])
def test_embedding_models_are_checked_too(home: Path, name: str) -> None:
    check(flow(action(name), folder=home, llm={"model_path": "none.gguf"}))
    with pytest.raises(ModelUnavailable, match="there is no such file") as caught:
        check(flow(action(name, model_path="none.gguf"), folder=home))
    assert caught.value.node == "n0"
    with pytest.raises(ModelUnavailable, match="no such file"):
        check(flow(action(name), folder=home, llm={"embedding_model": "none.gguf"}))
    check(flow(action(name, model="{{ state.m }}"), folder=home))


def test_given_vectors_need_no_model(home: Path) -> None:
    llm = {"embedding_model": "none.gguf"}
    check(flow(action("llm.similarity", vector_a=[1], vector_b=[1]), action("vector.query", vector=[1]), folder=home, llm=llm))
    check(flow(action("vector.store", texts=["a"], embeddings=[[1]]), folder=home, llm=llm))
    with pytest.raises(ModelUnavailable):
        check(flow(action("llm.similarity", text_a="a", text_b="b"), folder=home, llm=llm))


def test_templates_are_left_to_the_run(home: Path) -> None:
    check(flow(action(model_path="{{ state.model }}"), folder=home))
    check(flow(action(), folder=home, llm={"model_path": "{{ variables.model }}"}))


def test_a_damaged_model_is_found_before_the_run(home: Path) -> None:
    (home / "half.gguf").write_bytes(builtin.path().read_bytes()[:100_000])
    with pytest.raises(ModelUnavailable, match="truncated"):
        check(flow(action(model="half.gguf"), folder=home))


def test_a_model_without_chat_template_is_found_before_the_run(home: Path) -> None:
    (home / "base.gguf").write_bytes(builtin.path().read_bytes().replace(b"tokenizer.chat_template", b"tokenizer.chat_tomplate"))
    with pytest.raises(ModelUnavailable, match="has no chat template"):
        check(flow(action(model="base.gguf"), folder=home))


def test_a_missing_binding_is_found_before_the_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama, "PACKAGE", "no_such_binding")
    with pytest.raises(ModelUnavailable, match="binding is not installed") as caught:
        check(flow(action(), folder=home))
    assert caught.value.hint == "pip install 'the-edge-agent[llm-local]'"
    check(flow(action(model="m", api_base="http://127.0.0.1:1/v1"), folder=home))


def test_nested_actions_and_subgraphs_count_with_their_own_settings(home: Path) -> None:
    (home / "sub").mkdir()
    shutil.copyfile(builtin.path(), home / "sub" / "own.gguf")
    inner = flow(action(), folder=home / "sub", llm={"model_path": "own.gguf"})
    check(flow(Subgraph(inner), folder=home))
    with pytest.raises(ModelUnavailable):
        check(flow(Subgraph(flow(action(), folder=home, llm={"model_path": "own.gguf"})), folder=home))
    with pytest.raises(ModelUnavailable) as caught:
        check(flow(Steps((Node("step", action(model="gpt-4")),)), folder=home))
    assert caught.value.node == "step"


def test_agents_are_checked_by_their_settings(home: Path) -> None:
    agents = {"good": {"model": builtin.path().stem}, "bad": {"model": "gpt-4"}}
    check(flow(action("agent.dispatch", agent="good"), folder=home, agents=agents))
    with pytest.raises(ModelUnavailable, match="'gpt-4' is no file"):
        check(flow(action("agent.parallel", agents=["good", "bad"]), folder=home, agents=agents))
