"""The models that one user can ask, from a choice to the backend that answers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.llm.options import LlmOptions
from the_edge_agent.resources import Resources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from the_edge_agent.llm.policy import Choice
    from the_edge_agent.llm.protocol import Backend, Embedder


class Models:
    """What a user said of models, and one backend for all who choose the same. Safe to use from several threads.

    Attributes:
        options: of the command line or the API.
        environ: the environment that :func:`~the_edge_agent.llm.policy.choose` reads.
    """

    def __init__(self, options: LlmOptions | None = None, environ: Mapping[str, str] = os.environ) -> None:
        """Open nothing."""
        self.options = options or LlmOptions()
        self.environ = environ
        self._backends = Resources()

    def chat(self, choice: Choice) -> Backend:
        """The backend of ``choice``. Loads nothing yet."""
        backend: Backend = self._backend(choice, embeds=False)
        return backend

    def embedder(self, choice: Choice) -> Embedder:
        """The embedder of ``choice``, which :func:`~the_edge_agent.llm.policy.choose_embedding` made. Loads nothing yet."""
        embedder: Embedder = self._backend(choice, embeds=True)
        return embedder

    def close(self) -> None:
        """Close every backend that was given out. Idempotent; who asks later gets new ones."""
        self._backends.close()

    def _backend(self, choice: Choice, *, embeds: bool) -> Any:
        # The load parameters as text: a template may have put anything there, which the backend then refuses.
        identity = (embeds, choice.path, repr(choice.load), choice.endpoint, choice.program)
        return self._backends.get(identity, lambda: _connected(choice, embeds=embeds))


def _connected(choice: Choice, *, embeds: bool) -> Any:
    if choice.endpoint is not None:
        from the_edge_agent.llm.api import ApiBackend

        return ApiBackend(choice.endpoint)
    if choice.program is not None:
        from the_edge_agent.llm.shell import ShellBackend

        return ShellBackend(choice.program)
    from the_edge_agent.llm.local.backend import LocalBackend, LocalEmbedder

    if choice.path is None:
        raise ModelUnavailable("a local choice without a model file")
    return (LocalEmbedder if embeds else LocalBackend)(choice.path, choice.load, choice.model)
