"""Checks before a run that every node will get a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from the_edge_agent.errors import MachineUnable, ModelUnavailable
from the_edge_agent.llm.policy import PARAMETERS, Choice, choose, choose_embedding
from the_edge_agent.models import header
from the_edge_agent.models.find import HERE
from the_edge_agent.workflow.model import Action, Subgraph, walk

if TYPE_CHECKING:
    from pathlib import Path

    from the_edge_agent.llm.options import LlmOptions
    from the_edge_agent.models.find import Files
    from the_edge_agent.workflow.model import Node, Workflow

_CALLS = frozenset(
    {"llm.call", "llm.complete", "llm.chat", "llm.stream", "llm.retry", "llm.tools", "plan.decompose", "plan.execute", "plan.replan"}
)
_FAMILIES = ("llm.local.", "reason.", "agent.")
_EMBEDDINGS = frozenset(
    {"llm.embed", "llm.local.embed", "memory.embed", "llm.similarity", "embedding.create", "vector.store", "vector.query"}
)
_AGENT_NAMES = ("agent", "leader", "agents", "workers")
_GIVEN_VECTORS = ("vector_a", "vector", "embeddings")
_MODEL_NAMES = ("model", "generator_model", "critic_model")


def preflight(workflow: Workflow, options: LlmOptions, environ: Mapping[str, str]) -> None:
    """Check every action that will ask a model, as far as its parameters are constants. Loads and connects nothing.

    Raises:
        ModelUnavailable: naming node and place: a model that is named does not exist or is no intact GGUF with a chat
            template, llama.cpp is not installed, or nothing can serve the node.
        MachineUnable: this processor cannot run llama.cpp.
    """
    intact: set[tuple[Path, bool]] = set()
    for node, action, choice in choices(workflow, options, environ):
        embeds = _plain(action.name) in _EMBEDDINGS
        if choice.path is None or (choice.path, embeds) in intact:
            continue
        try:
            _check_file(choice.path, embeds=embeds)
        except (ModelUnavailable, MachineUnable) as problem:
            raise _placed(problem, node, action) from None
        intact.add((choice.path, embeds))


def choices(
    workflow: Workflow, options: LlmOptions, environ: Mapping[str, str], files: Files = HERE
) -> Iterator[tuple[Node, Action, Choice]]:
    """Every action that will ask a model and which of ``files`` it will ask, as far as its parameters are constants. Loads no model.

    Raises:
        ModelUnavailable: naming node and place: a model that is named does not exist, or nothing can serve the node.
    """
    for home, node, action in _homes(workflow):
        for parameters in _questions(action, home.settings):
            if _open(parameters) or _open(home.settings.get("llm")):
                continue
            base = home.path.parent if home.path else None
            decide = choose_embedding if _plain(action.name) in _EMBEDDINGS else choose
            try:
                choice = decide(parameters, home.settings, options, environ, base, action=_plain(action.name), files=files)
            except (ModelUnavailable, MachineUnable) as problem:
                raise _placed(problem, node, action) from None
            yield node, action, choice


def _placed(problem: ModelUnavailable | MachineUnable, node: Node, action: Action) -> ModelUnavailable | MachineUnable:
    problem.node = problem.node or node.name
    problem.spot = problem.spot or action.spot or node.spot
    return problem


def _check_file(path: Path, *, embeds: bool) -> None:
    """Everything that can be known about a local model without opening llama.cpp."""
    from the_edge_agent.llm.local import llama

    llama.installed()
    llama.check_cpu()
    found = header.read(path)
    if not embeds and found.chat_template is None:
        raise ModelUnavailable(
            f"the model {path} has no chat template, so it cannot take part in a conversation",
            hint="use an instruction-tuned ('it', 'instruct', 'chat') GGUF of this model",
        )


def _homes(workflow: Workflow) -> Iterator[tuple[Workflow, Node, Action]]:
    """Every action with the workflow whose settings count for it, which for a subgraph's are its own."""
    inner = [kind.workflow for _, kind in walk(workflow) if isinstance(kind, Subgraph)]
    foreign = {id(action) for sub in inner for _, action in sub.actions()}
    yield from ((workflow, node, action) for node, action in workflow.actions() if id(action) not in foreign)
    deeper = {id(kind.workflow) for sub in inner for _, kind in walk(sub) if isinstance(kind, Subgraph)}
    for sub in inner:
        if id(sub) not in deeper:
            yield from _homes(sub)


def _plain(name: str) -> str:
    """``actions.llm_call`` is ``llm.call``."""
    return name.removeprefix("actions.").replace("_", ".", 1) if name.startswith("actions.") else name


def _questions(action: Action, settings: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The parameters that choose a backend, one mapping for every model the action will ask."""
    name, literals = _plain(action.name), action.literals
    if name.startswith("agent."):
        yield from _agents(literals, settings)
    elif name.startswith("reflection."):
        evaluator = literals.get("evaluator")
        if isinstance(evaluator, Mapping) and evaluator.get("type") == "llm":
            yield evaluator
    elif name in _EMBEDDINGS:
        given = any(literals.get(key) is not None for key in _GIVEN_VECTORS)
        yield from () if given else (literals,)
    elif name == "plan.execute" and literals.get("subtask_executor"):
        return
    elif name in _CALLS or name.startswith(_FAMILIES):
        named = [literals[key] for key in _MODEL_NAMES if literals.get(key) is not None]
        yield from ({**literals, "model": model} for model in named or [None])


def _agents(literals: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    known = settings.get("agents")
    for key in _AGENT_NAMES:
        names = literals.get(key)
        for name in names if isinstance(names, list | tuple) else [names]:
            agent = known.get(name) if isinstance(known, Mapping) and isinstance(name, str) else None
            if isinstance(agent, Mapping):
                yield agent


def _open(values: object) -> bool:
    """Whether something that chooses a backend is a template, to be known only when the node runs."""
    return isinstance(values, Mapping) and any(
        isinstance(values.get(key), str) and ("{{" in values[key] or "{%" in values[key]) for key in (*PARAMETERS, "embedding_model")
    )
