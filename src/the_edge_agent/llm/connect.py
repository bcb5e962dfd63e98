"""The models that one user can ask, from a choice to the backend that answers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.llm.options import LlmOptions
from the_edge_agent.resources import Resources

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from pathlib import Path

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
        return self._backends.get(("chat", *_identity(choice)), lambda: _backend(choice))

    def embedder(self, choice: Choice) -> Embedder:
        """The embedder of ``choice``, which :func:`~the_edge_agent.llm.policy.choose_embedding` made. Loads nothing yet."""
        return self._backends.get(("embed", *_identity(choice)), lambda: _embedder(choice))

    def close(self) -> None:
        """Close every backend that was given out. Idempotent; who asks later gets new ones."""
        self._backends.close()


def _identity(choice: Choice) -> tuple[Hashable, ...]:
    # As text: a template may have put anything there, which the backend then refuses.
    return choice.path, repr(choice.load), choice.endpoint, choice.program


def _backend(choice: Choice) -> Backend:
    if choice.endpoint is not None:
        from the_edge_agent.llm.api import ApiBackend

        return ApiBackend(choice.endpoint)
    if choice.program is not None:
        from the_edge_agent.llm.shell import ShellBackend

        return ShellBackend(choice.program)
    from the_edge_agent.llm.local.backend import LocalBackend

    return LocalBackend(_file(choice), choice.load)


def _embedder(choice: Choice) -> Embedder:
    if choice.endpoint is not None:
        from the_edge_agent.llm.api import ApiBackend

        return ApiBackend(choice.endpoint)
    from the_edge_agent.llm.local.backend import LocalEmbedder

    return LocalEmbedder(_file(choice), choice.load)


def _file(choice: Choice) -> Path:
    if choice.path is None:
        raise ModelUnavailable("a local choice without a model file")
    return choice.path
