"""Texts → vectors: what every action that needs them shares, and ``embedding.create``.

Which model embeds is said by the node (``model``, ``model_path``, ``provider`` …) or by ``settings.llm.embedding_model``; where
neither does, it is the built-in embedding model on this machine.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from the_edge_agent.actions.model.question import deadline, model_action, refuse_foreign, rendered_settings
from the_edge_agent.actions.needs import EMBEDS
from the_edge_agent.errors import NodeFailed
from the_edge_agent.llm.options import LlmOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from the_edge_agent.engine.scope import Scope
    from the_edge_agent.llm.policy import Choice
    from the_edge_agent.llm.protocol import Embeddings

Json = Any
Result = dict[str, Any]

RETURNS = "{embedding, dimensions, model, backend, tokens_used}"
RETURNS_MANY = "{embedding or embeddings and count, dimensions, model, backend, tokens_used}"


class LocalEmbeddingParameters(TypedDict, total=False):
    """What an embedding model on this machine can be told; null is the same as not given."""

    model: str | None
    model_path: str | None
    n_ctx: int | None
    n_threads: int | None
    n_gpu_layers: int | None
    timeout: float | None
    on_error: Literal["raise", "return"]


class EmbeddingParameters(LocalEmbeddingParameters, total=False):
    """What any embedding model can be told, and which one is meant."""

    provider: str | None
    backend: str | None
    api_base: str | None
    api_key: str | None
    deployment: str | None
    extra: dict[str, Any] | None
    max_retries: int | None
    base_delay: float | None
    max_delay: float | None


_ANYWHERE = frozenset({"provider", "backend", "model", "timeout", "max_retries", "base_delay", "max_delay"})
_TAKES: Mapping[str, frozenset[str]] = {
    "local": _ANYWHERE | {"model_path", "n_ctx", "n_threads", "n_gpu_layers"},
    "api": _ANYWHERE | {"api_base", "api_key", "deployment", "extra"},
}


def chosen(scope: Scope, parameters: Mapping[str, Any], action: str) -> Choice:
    """The model that embeds for ``parameters``. Loads nothing.

    Raises what :func:`~the_edge_agent.llm.policy.choose_embedding` raises, and :class:`NodeFailed` for a parameter that the
    chosen backend does not take.
    """
    from the_edge_agent.llm.policy import choose_embedding

    given = {key: value for key, value in parameters.items() if value is not None}
    options = scope.host.resources.get("llm.options", LlmOptions)
    base = scope.workflow.path.parent if scope.workflow.path else Path.cwd()
    choice = choose_embedding(given, rendered_settings(scope), options, os.environ, base, action=action, node=scope.node)
    refuse_foreign(given, choice.backend, _TAKES)
    return choice


def vectors_of(scope: Scope, texts: Sequence[Json], parameters: Mapping[str, Any], *, action: str, name: str) -> Embeddings:
    """The vectors of ``texts``, which came as the parameter ``name``.

    Raises what :meth:`Embedder.embed` and :func:`chosen` raise, and :class:`NodeFailed` for what is no text or empty.
    ``timeout`` is in seconds.
    """
    from the_edge_agent.llm.connect import connect_embedder

    for number, text in enumerate(texts):
        where = f"'{name}'" if len(texts) == 1 else f"{name}[{number}]"
        if not isinstance(text, str):
            raise NodeFailed(f"{where} must be text, not {type(text).__name__}", hint="turn a value into text with | tojson")
        if not text.strip():
            raise NodeFailed(f"{where} is empty; nothing can be said about what it means", hint="leave empty texts out")
    choice = chosen(scope, parameters, action)
    # An API keeps its own time.
    limit = None if choice.backend == "api" else parameters.get("timeout")
    with deadline(scope.cancellation, limit) as cancellation:
        return connect_embedder(choice, scope.host.resources).embed(texts, extra=parameters.get("extra"), cancellation=cancellation)


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


@model_action("embedding.create", needs=EMBEDS, parameters=EmbeddingParameters, returns=RETURNS_MANY)
def create(scope: Scope, /, *, text: str | list[Json], batch: bool = False, **model: Unpack[EmbeddingParameters]) -> Result:
    """Turn a text, or each text of a list, into a vector. `batch` gives a list of vectors for a single text too."""
    if isinstance(text, str) and not batch:
        return one(scope, text, model, action="embedding.create")
    return many(scope, [text] if isinstance(text, str) else text, model, action="embedding.create", name="text")
