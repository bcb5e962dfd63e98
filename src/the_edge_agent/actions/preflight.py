"""Before a run: does every node get the model that it will ask? Nothing is loaded, nothing connected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from the_edge_agent.actions.needs import templated
from the_edge_agent.errors import MachineUnable, ModelUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from the_edge_agent.actions.needs import Question
    from the_edge_agent.actions.survey import Survey, Use
    from the_edge_agent.llm.options import LlmOptions
    from the_edge_agent.llm.policy import Choice
    from the_edge_agent.models.find import Files


def preflight(survey: Survey, options: LlmOptions, environ: Mapping[str, str]) -> None:
    """Check every action that will ask a model, as far as its parameters are constants.

    Raises:
        ModelUnavailable: a model that is named does not exist or is no intact GGUF with a chat template, llama.cpp is not installed, or
            nothing can serve a node; where it is about a node, node and place are named.
        MachineUnable: this processor cannot run llama.cpp.
    """
    intact: set[tuple[Path, bool]] = set()
    for use, question, choice in choices(survey, options, environ):
        if choice.path is None or (choice.path, question.embeds) in intact:
            continue
        try:
            _check_file(choice.path, embeds=question.embeds)
        except (ModelUnavailable, MachineUnable) as problem:
            raise _placed(problem, use) from None
        intact.add((choice.path, question.embeds))
    if options.gguf is not None:
        # Named, so it has to be there, although no node may ask it.
        from the_edge_agent.models import find

        find.resolve(find.NamedModels(gguf=options.gguf), environ, None)


def choices(
    survey: Survey, options: LlmOptions, environ: Mapping[str, str], files: Files | None = None
) -> Iterator[tuple[Use, Question, Choice]]:
    """Every model that will be asked and what answers, as far as the parameters are constants. Opens no model.

    ``files`` is where model files are looked for, by default on this machine.

    Raises:
        ModelUnavailable: naming node and place: a model that is named does not exist, or nothing can serve the node.
    """
    from the_edge_agent.llm.policy import choose, choose_embedding
    from the_edge_agent.models.find import HERE

    for use in survey.uses:
        settings = use.workflow.settings
        for question in use.questions():
            if _open(question.parameters) or _open(settings.get("llm")):
                continue
            base = use.workflow.path.parent if use.workflow.path else None
            decide = choose_embedding if question.embeds else choose
            try:
                choice = decide(question.parameters, settings, options, environ, base, action=use.known, files=files or HERE)
            except (ModelUnavailable, MachineUnable) as problem:
                raise _placed(problem, use) from None
            yield use, question, choice


def _placed(problem: ModelUnavailable | MachineUnable, use: Use) -> ModelUnavailable | MachineUnable:
    problem.node = problem.node or use.node.name
    problem.spot = problem.spot or use.spot
    return problem


def _check_file(path: Path, *, embeds: bool) -> None:
    """Everything that can be known about a local model without opening llama.cpp."""
    from the_edge_agent.llm.local import llama
    from the_edge_agent.models import header

    llama.installed()
    llama.check_cpu()
    found = header.read(path)
    if not embeds and found.chat_template is None:
        raise ModelUnavailable(
            f"the model {path} has no chat template, so it cannot take part in a conversation",
            hint="use an instruction-tuned ('it', 'instruct', 'chat') GGUF of this model",
        )


def _open(values: object) -> bool:
    """Whether something that chooses a backend is a template, to be known only when the node runs."""
    from the_edge_agent.llm.policy import PARAMETERS

    return isinstance(values, Mapping) and any(templated(values.get(key)) for key in (*PARAMETERS, "embedding_model"))
