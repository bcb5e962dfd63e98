"""``llm.*``: ask a model, or turn texts into vectors.

All questions take the same parameters, give the same result shape and follow the same rules (see
:mod:`the_edge_agent.actions.model.question`). ``llm.local.*`` are the same questions, never put to anything but a model
on this machine.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from the_edge_agent.actions.model import embedding
from the_edge_agent.actions.model.embedding import EMBEDDING_PARAMETERS
from the_edge_agent.actions.model.question import MODEL_PARAMETERS, RETURNS, ask, ask_in_pieces, conversation, declared, model_action
from the_edge_agent.actions.needs import EMBEDS, Needs, embeds
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from the_edge_agent.engine.scope import Scope
    from the_edge_agent.llm.protocol import Message

Result = dict[str, Any]

RETURNS_STREAM = RETURNS.replace("}", ", streamed, chunk_count}")

_RANGES = ((0.9, "Very similar"), (0.7, "Similar"), (0.5, "Somewhat similar"), (0.3, "Slightly similar"))


_QUESTION: Mapping[str, Any] = {"prompt": str | None, "system": str | None, "messages": list[Any] | None}
"""What is asked: ``prompt`` with an optional ``system``, or ``messages``."""
_ANYWHERE = {**_QUESTION, **MODEL_PARAMETERS}
_HERE = {**_QUESTION, **declared(local=True)}
_ONE_OF = ("prompt", "messages")


@model_action("llm.call", parameters=_ANYWHERE, one_of=_ONE_OF)
def call(scope: Scope, /, **given: Any) -> Result:
    """Ask a model: `prompt` (with optional `system`) or `messages`."""
    return ask(scope, *_parts(given))


@model_action("llm.complete", parameters=_ANYWHERE, one_of=_ONE_OF)
def complete(scope: Scope, /, **given: Any) -> Result:
    """Another name of llm.call."""
    return ask(scope, *_parts(given))


@model_action("llm.chat", parameters=_ANYWHERE, one_of=_ONE_OF)
def chat(scope: Scope, /, **given: Any) -> Result:
    """Ask a model to go on with a conversation; like llm.call, with a default model on an API."""
    return ask(scope, *_parts(given), action="llm.chat")


@model_action("llm.stream", parameters=_ANYWHERE, one_of=_ONE_OF, returns=RETURNS_STREAM)
def stream(scope: Scope, /, **given: Any) -> Result:
    """Ask a model and count the pieces its answer came in."""
    return ask_in_pieces(scope, *_parts(given), action="llm.stream")


@model_action("llm.retry", parameters=_ANYWHERE, one_of=_ONE_OF)
def retry(scope: Scope, /, **given: Any) -> Result:
    """The old name of llm.call with `max_retries: 3`."""
    scope.warn("DEPRECATED_ACTION", "llm.retry is the old name of llm.call with max_retries: 3")
    given.setdefault("max_retries", 3)
    return ask(scope, *_parts(given))


@model_action("llm.local.call", parameters=_HERE, one_of=_ONE_OF)
def local_call(scope: Scope, /, **given: Any) -> Result:
    """Ask a model on this machine, never one elsewhere."""
    return ask(scope, *_parts(given), action="llm.local.call")


@model_action("llm.local.chat", parameters=_HERE, one_of=_ONE_OF)
def local_chat(scope: Scope, /, **given: Any) -> Result:
    """Go on with a conversation on this machine, never elsewhere."""
    return ask(scope, *_parts(given), action="llm.local.chat")


@model_action("llm.local.stream", parameters=_HERE, one_of=_ONE_OF, returns=RETURNS_STREAM)
def local_stream(scope: Scope, /, **given: Any) -> Result:
    """Ask a model on this machine and count the pieces of its answer."""
    return ask_in_pieces(scope, *_parts(given), action="llm.local.stream")


def _parts(given: Mapping[str, Any]) -> tuple[tuple[Message, ...], dict[str, Any]]:
    """The conversation, and what is said of the model."""
    question = {key: value for key, value in given.items() if key in _QUESTION}
    return conversation(**question), {key: value for key, value in given.items() if key not in question}


_TEXTS = ("text", "texts")


@model_action("llm.embed", needs=EMBEDS, parameters=EMBEDDING_PARAMETERS, one_of=_TEXTS, returns=embedding.RETURNS_MANY)
def embed(scope: Scope, /, *, text: str | None = None, texts: list[Any] | None = None, **model: Any) -> Result:
    """Turn a text into a vector, or each of several: the closer their meaning, the smaller the angle."""
    return _embedded(scope, text, texts, model, "llm.embed")


@model_action(
    "llm.local.embed", needs=EMBEDS, parameters=declared(embedding=True, local=True), one_of=_TEXTS, returns=embedding.RETURNS_MANY
)
def local_embed(scope: Scope, /, *, text: str | None = None, texts: list[Any] | None = None, **model: Any) -> Result:
    """Turn texts into vectors on this machine, never elsewhere."""
    return _embedded(scope, text, texts, model, "llm.local.embed")


def _embedded(scope: Scope, text: str | None, texts: list[Any] | None, model: Mapping[str, Any], name: str) -> Result:
    if text is not None:
        return embedding.one(scope, text, model, action=name)
    return embedding.many(scope, texts or [], model, action=name, name="texts")


@model_action(
    "llm.similarity",
    needs=Needs(models=embeds("vector_a")),
    parameters=EMBEDDING_PARAMETERS,
    one_of=("text_a", "vector_a"),
    returns="{cosine_similarity, interpretation}",
)
def similarity(
    scope: Scope,
    /,
    *,
    text_a: str | None = None,
    text_b: str | None = None,
    vector_a: list[Any] | None = None,
    vector_b: list[Any] | None = None,
    **model: Any,
) -> Result:
    """Cosine similarity of two texts, or of two vectors, from -1 to 1, and a word for it."""
    if vector_a is not None:
        return _compared(_vector("vector_a", vector_a), _vector("vector_b", _given("vector_b", vector_b)))
    texts = [text_a, _given("text_b", text_b)]
    found = embedding.vectors_of(scope, texts, model, action="llm.similarity", name="text")
    return _compared(*map(list, found.vectors))


def _given(name: str, value: Any) -> Any:
    if value is None:
        raise NodeFailed(f"llm.similarity needs the parameter '{name}' as well", hint=f"add `{name}:` under `with:`")
    return value


def _compared(a: list[float], b: list[float]) -> Result:
    if len(a) != len(b):
        raise NodeFailed(f"vectors of {len(a)} and {len(b)} numbers cannot be compared", hint="take both from the same model")
    lengths = math.hypot(*a), math.hypot(*b)
    if 0.0 in lengths:
        raise NodeFailed("a vector of zeros has no direction", hint="check where the vector comes from")
    cosine = max(-1.0, min(1.0, math.fsum((x / lengths[0]) * (y / lengths[1]) for x, y in zip(a, b, strict=True))))
    word = next((word for least, word in _RANGES if cosine >= least), "Not similar")
    return {"cosine_similarity": cosine, "interpretation": word}


def _vector(name: str, values: list[Any]) -> list[float]:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise NodeFailed(f"'{name}' must be a list of numbers, found {value!r}")
    if not values:
        raise NodeFailed(f"'{name}' is empty", hint="give at least one number")
    return [float(value) for value in values]
