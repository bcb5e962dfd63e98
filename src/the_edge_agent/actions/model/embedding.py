"""Texts → vectors: what every action that needs them shares, and ``embedding.create``.

Which model embeds is said by the node (``model``, ``model_path``, ``provider`` …) or by ``settings.llm.embedding_model``; where
neither does, it is the built-in embedding model on this machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from the_edge_agent.actions.model import question
from the_edge_agent.actions.model.question import declared, model_action
from the_edge_agent.actions.needs import EMBEDS
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from the_edge_agent.engine.scope import Scope
    from the_edge_agent.llm.policy import Choice
    from the_edge_agent.llm.protocol import Embedder, Embeddings

Json = Any
Result = dict[str, Any]

EMBEDDING_PARAMETERS = declared(embedding=True)
RETURNS = "{embedding, dimensions, model, backend, tokens_used}"
RETURNS_MANY = "{embedding or embeddings and count, dimensions, model, backend, tokens_used}"


def chosen(scope: Scope, parameters: Mapping[str, Any], action: str) -> Choice:
    """The model that embeds for ``parameters``; raises what :func:`question.chosen` raises. Loads nothing."""
    given = {key: value for key, value in parameters.items() if value is not None}
    return question.chosen(scope, given, question.rendered_settings(scope), action, embedding=True)


def vectors_of(scope: Scope, texts: Sequence[Json], parameters: Mapping[str, Any], *, action: str, name: str) -> Embeddings:
    """The vectors of ``texts``, which came as the parameter ``name``.

    Raises what :meth:`Embedder.embed` and :func:`chosen` raise, and :class:`NodeFailed` for what is no text or empty.
    ``timeout`` is in seconds.
    """
    for number, text in enumerate(texts):
        where = f"'{name}'" if len(texts) == 1 else f"{name}[{number}]"
        if not isinstance(text, str):
            raise NodeFailed(f"{where} must be text, not {type(text).__name__}", hint="turn a value into text with | tojson")
        if not text.strip():
            raise NodeFailed(f"{where} is empty; nothing can be said about what it means", hint="leave empty texts out")
    choice = chosen(scope, parameters, action)
    # An API keeps its own time.
    limit = None if choice.backend == "api" else parameters.get("timeout")
    embedder: Embedder = scope.host.models.embedder(choice)
    with question.deadline(scope.cancellation, limit) as cancellation:
        return embedder.embed(texts, extra=parameters.get("extra"), cancellation=cancellation)


def one(scope: Scope, text: str, parameters: Mapping[str, Any], *, action: str) -> Result:
    """The vector of ``text`` as the result of an action."""
    found = vectors_of(scope, [text], parameters, action=action, name="text")
    return {"embedding": list(found.vectors[0]), **_about(found)}


def many(scope: Scope, texts: list[Json], parameters: Mapping[str, Any], *, action: str, name: str) -> Result:
    """The vectors of ``texts`` as the result of an action."""
    if not texts:
        raise NodeFailed(f"'{name}' is an empty list", hint="give at least one text")
    found = vectors_of(scope, texts, parameters, action=action, name=name)
    return {"embeddings": [list(vector) for vector in found.vectors], "count": len(found.vectors), **_about(found)}


def _about(found: Embeddings) -> Result:
    return {"dimensions": found.dimensions, "model": found.model, "backend": found.backend, "tokens_used": found.tokens}


@model_action("embedding.create", needs=EMBEDS, parameters=EMBEDDING_PARAMETERS, returns=RETURNS_MANY)
def create(scope: Scope, /, *, text: str | list[Json], batch: bool = False, **model: Any) -> Result:
    """Turn a text, or each text of a list, into a vector. `batch` gives a list of vectors for a single text too."""
    if isinstance(text, str) and not batch:
        return one(scope, text, model, action="embedding.create")
    return many(scope, [text] if isinstance(text, str) else text, model, action="embedding.create", name="text")
