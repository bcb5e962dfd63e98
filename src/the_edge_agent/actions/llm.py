"""``llm.*``: ask a model.

All of them take the same parameters, give the same result shape and follow the same rules (see
:mod:`the_edge_agent.actions.question`). ``llm.local.*`` are the same questions, never put to anything but a model
on this machine.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Unpack

from the_edge_agent.actions.question import (
    RETURNS,
    LocalParameters,
    ModelParameters,
    ask,
    ask_in_pieces,
    conversation,
    model_action,
)
from the_edge_agent.actions.registry import action
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope

Result = dict[str, Any]
Messages = list[Any]

RETURNS_STREAM = RETURNS.replace("}", ", streamed, chunk_count}")

_RANGES = ((0.9, "Very similar"), (0.7, "Similar"), (0.5, "Somewhat similar"), (0.3, "Slightly similar"))


PROMPT = ("prompt", "messages")
"""A call is given one of them."""


@model_action("llm.call", one_of=PROMPT)
def call(
    scope: Scope,
    /,
    *,
    prompt: str | None = None,
    system: str | None = None,
    messages: Messages | None = None,
    **model: Unpack[ModelParameters],
) -> Result:
    """Ask a model: `prompt` (with optional `system`) or `messages`."""
    return ask(scope, conversation(prompt=prompt, system=system, messages=messages), model)


@model_action("llm.complete", one_of=PROMPT)
def complete(
    scope: Scope,
    /,
    *,
    prompt: str | None = None,
    system: str | None = None,
    messages: Messages | None = None,
    **model: Unpack[ModelParameters],
) -> Result:
    """Another name of llm.call."""
    return ask(scope, conversation(prompt=prompt, system=system, messages=messages), model)


@model_action("llm.chat", one_of=PROMPT)
def chat(
    scope: Scope,
    /,
    *,
    prompt: str | None = None,
    system: str | None = None,
    messages: Messages | None = None,
    **model: Unpack[ModelParameters],
) -> Result:
    """Ask a model to go on with a conversation; like llm.call, with a default model on an API."""
    return ask(scope, conversation(prompt=prompt, system=system, messages=messages), model, action="llm.chat")


@model_action("llm.stream", one_of=PROMPT, returns=RETURNS_STREAM)
def stream(
    scope: Scope,
    /,
    *,
    prompt: str | None = None,
    system: str | None = None,
    messages: Messages | None = None,
    **model: Unpack[ModelParameters],
) -> Result:
    """Ask a model and count the pieces its answer came in."""
    return ask_in_pieces(scope, conversation(prompt=prompt, system=system, messages=messages), model, action="llm.stream")


@model_action("llm.retry", one_of=PROMPT)
def retry(
    scope: Scope,
    /,
    *,
    prompt: str | None = None,
    system: str | None = None,
    messages: Messages | None = None,
    **model: Unpack[ModelParameters],
) -> Result:
    """The old name of llm.call with `max_retries: 3`."""
    scope.warn("DEPRECATED_ACTION", "llm.retry is the old name of llm.call with max_retries: 3")
    model.setdefault("max_retries", 3)
    return ask(scope, conversation(prompt=prompt, system=system, messages=messages), model)


@model_action("llm.local.call", one_of=PROMPT, parameters=LocalParameters)
def local_call(
    scope: Scope,
    /,
    *,
    prompt: str | None = None,
    system: str | None = None,
    messages: Messages | None = None,
    **model: Unpack[LocalParameters],
) -> Result:
    """Ask a model on this machine, never one elsewhere."""
    return ask(scope, conversation(prompt=prompt, system=system, messages=messages), model, action="llm.local.call")


@model_action("llm.local.chat", one_of=PROMPT, parameters=LocalParameters)
def local_chat(
    scope: Scope,
    /,
    *,
    prompt: str | None = None,
    system: str | None = None,
    messages: Messages | None = None,
    **model: Unpack[LocalParameters],
) -> Result:
    """Go on with a conversation on this machine, never elsewhere."""
    return ask(scope, conversation(prompt=prompt, system=system, messages=messages), model, action="llm.local.chat")


@model_action("llm.local.stream", one_of=PROMPT, parameters=LocalParameters, returns=RETURNS_STREAM)
def local_stream(
    scope: Scope,
    /,
    *,
    prompt: str | None = None,
    system: str | None = None,
    messages: Messages | None = None,
    **model: Unpack[LocalParameters],
) -> Result:
    """Ask a model on this machine and count the pieces of its answer."""
    return ask_in_pieces(scope, conversation(prompt=prompt, system=system, messages=messages), model, action="llm.local.stream")


@action("llm.similarity", returns="{cosine_similarity, interpretation}")
def similarity(_: Scope, /, *, vector_a: list[Any], vector_b: list[Any]) -> Result:
    """Cosine similarity of two vectors, from -1 to 1, and a word for it."""
    a, b = _vector("vector_a", vector_a), _vector("vector_b", vector_b)
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
