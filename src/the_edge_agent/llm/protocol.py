"""What the rest of the program knows of a language model.

A backend takes a :class:`Request` and gives a :class:`Reply`; pieces of the answer go to ``on_token``
as they come. Everything that differs between backends stays behind :class:`Backend`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.parameters import Sampling, given

FinishReason = Literal["stop", "length", "tool_calls"]
OnToken = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool; ``arguments`` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; ``tool_calls`` and ``tool_call_id`` (of a ``tool`` turn) are for APIs that know tools."""

    role: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model.

    ``max_tokens`` ``None`` means: until the model ends or its context is full (then
    :class:`ContextOverflow`); a number is the workflow's documented cut, reported as ``finish_reason`` "length".
    ``stop`` strings end the answer and are not part of it. ``extra`` holds parameters only an API knows.
    """

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def numbers(self) -> dict[str, Any]:
        """``max_tokens`` and the sampling, by name, as far as they are given."""
        limit = {} if self.max_tokens is None else {"max_tokens": self.max_tokens}
        return limit | given(self.sampling)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of the whole prompt and of the answer."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def total_tokens(self) -> int:
        """Both together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``usage`` is ``None`` where the provider does not count.

    ``chunks``: in how many pieces the content came. ``tool_calls`` is only filled by APIs.
    """

    content: str
    model: str
    backend: str
    finish_reason: FinishReason | str
    usage: Usage | None = None
    chunks: int = 0
    tool_calls: tuple[ToolCall, ...] = ()


class Backend(Protocol):
    """A model that answers. Safe to call from several threads."""

    name: str
    """``local``, ``api`` or ``shell``: the value of ``backend`` in results."""

    def chat(self, request: Request, *, on_token: OnToken | None = None, cancellation: Cancellation | None = None) -> Reply:
        """Answer ``request``.

        Raises :class:`ContextOverflow`, :class:`ModelUnavailable`, :class:`MachineUnable`, or
        :class:`NodeFailed` for an API that refuses. Stops soon after ``cancellation`` is requested
        (raising :class:`Cancelled`).
        """

    def close(self) -> None:
        """Free what the backend holds; calls after that are errors."""


def unit(vector: Sequence[float]) -> tuple[float, ...]:
    """``vector`` at length one, to seven decimals, which is what 32-bit numbers hold.

    Raises:
        ValueError: it has no direction: it is empty, all zeros, or not all of it is finite.
        TypeError: not all of it is numbers.
    """
    length = math.hypot(*vector)
    if not 0 < length < math.inf:
        raise ValueError("a vector without direction")
    return tuple(round(value / length, 7) for value in vector)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Texts as vectors of length one, in the order of the texts; the cosine of two is the sum of their products.

    ``tokens``: of all texts together, ``None`` where the provider does not count.
    """

    vectors: tuple[tuple[float, ...], ...]
    model: str
    backend: str
    tokens: int | None = None

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        return len(self.vectors[0]) if self.vectors else 0


class Embedder(Protocol):
    """A model that turns texts into vectors. Safe to call from several threads."""

    name: str
    """``local`` or ``api``: the value of ``backend`` in results."""

    def embed(
        self, texts: Sequence[str], *, extra: Mapping[str, Any] | None = None, cancellation: Cancellation | None = None
    ) -> Embeddings:
        """Embed ``texts``, none of them empty. A text is never cut, and its vector does not depend on its neighbours.

        ``extra`` holds parameters only an API knows. Raises what :meth:`Backend.chat` raises;
        :class:`ContextOverflow` for a text that is longer than the model's context.
        """

    def close(self) -> None:
        """Free what it holds; calls after that are errors."""


__all__ = [
    "Backend",
    "Cancellation",
    "Cancelled",
    "Embedder",
    "Embeddings",
    "FinishReason",
    "Message",
    "OnToken",
    "Reply",
    "Request",
    "Sampling",
    "Usage",
    "unit",
]
