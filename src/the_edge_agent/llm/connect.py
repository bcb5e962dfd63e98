"""From a choice to the backend or embedder that answers, one for all who choose the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.llm.api import ApiBackend
from the_edge_agent.llm.shell import ShellBackend

if TYPE_CHECKING:
    from the_edge_agent.llm.policy import Choice
    from the_edge_agent.llm.protocol import Backend, Embedder
    from the_edge_agent.resources import Resources


def connect(choice: Choice, resources: Resources) -> Backend:
    """The backend of ``choice``, one for all who choose the same; ``resources`` closes it. Loads nothing yet."""
    return resources.get(f"llm:{_digest(choice)}", lambda: _backend(choice))


def connect_embedder(choice: Choice, resources: Resources) -> Embedder:
    """:func:`connect` for a choice of :func:`choose_embedding`."""
    return resources.get(f"embedding:{_digest(choice)}", lambda: _embedder(choice))


def _digest(choice: Choice) -> str:
    endpoint = choice.endpoint
    identity = (
        choice.backend,
        choice.path,
        choice.load,
        endpoint,
        endpoint.key if endpoint else "",
        choice.program,
        choice.program and choice.program.env,
    )
    return hashlib.sha256(repr(identity).encode()).hexdigest()


def _backend(choice: Choice) -> Backend:
    if choice.endpoint is not None:
        return ApiBackend(choice.endpoint)
    if choice.program is not None:
        return ShellBackend(choice.program)
    from the_edge_agent.llm.local.backend import LocalBackend

    if choice.path is None:
        raise ModelUnavailable("a local choice without a model file")
    return LocalBackend(choice.path, choice.load)


def _embedder(choice: Choice) -> Embedder:
    if choice.endpoint is not None:
        return ApiBackend(choice.endpoint)
    from the_edge_agent.llm.local.backend import LocalEmbedder

    if choice.path is None:
        raise ModelUnavailable("a local choice without a model file")
    return LocalEmbedder(choice.path, choice.load)
