"""The local backends: a GGUF on this machine, run by llama.cpp inside this process.

A model is loaded once a process for the same file, the same load parameters and the same purpose, however many
backends use it, and freed when the last of them is closed.
"""

from __future__ import annotations

import atexit
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Generic

from the_edge_agent.errors import ModelUnavailable, NodeFailed
from the_edge_agent.llm.local.context import A, Context, Q
from the_edge_agent.llm.local.embedding import EmbeddingContext, Vectors
from the_edge_agent.llm.local.scheduler import Scheduler
from the_edge_agent.llm.local.sequence import Answer, ChatContext
from the_edge_agent.llm.protocol import Embeddings, OnToken, Reply, Request
from the_edge_agent.models import header
from the_edge_agent.parameters import check, given

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from the_edge_agent.cancellation import Cancellation
    from the_edge_agent.parameters import LoadParameters


class _Local(Generic[Q, A]):
    """One user of the model in the file ``path``, which is loaded at the first question. Safe to use from several threads."""

    name = "local"
    context: type[Context[Q, A]]

    def __init__(self, path: Path, load: LoadParameters, model: str | None = None) -> None:
        """Check ``load``; opens nothing. ``model`` is what answers say that gave them, where the file's name says nothing.

        Raises :class:`NodeFailed` for a number that cannot be meant.
        """
        check(given(load), local=True)
        self.path = path
        self.model = model or path.name
        self.load = load
        self._lock = threading.Lock()
        self._scheduler: Scheduler[Q, A] | None = None
        self._closed = False

    def close(self) -> None:
        """Give the model back; it is freed when nobody else uses it. Idempotent."""
        with self._lock:
            self._closed = True
            scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            _release(scheduler)

    def _ask(self, question: Q, on_token: OnToken | None, cancellation: Cancellation | None) -> A:
        with self._lock:
            if self._closed:
                raise ModelUnavailable(f"the backend of {self.model} is closed")
            if self._scheduler is None:
                self._scheduler = _acquire(self.path, self.load, self.context)
            scheduler = self._scheduler
        try:
            return scheduler.ask(question, on_token=on_token, cancellation=cancellation)
        except BaseException:
            if not scheduler.loaded:
                self._give_up(scheduler)
            raise

    def _give_up(self, scheduler: Scheduler[Q, A]) -> None:
        """Loading failed or was interrupted: the next question starts afresh."""
        with self._lock:
            mine = self._scheduler is scheduler
            if mine:
                self._scheduler = None
        if mine:
            _release(scheduler)


class LocalBackend(_Local[Request, Answer]):
    """Answers with the model in the file ``path``. Loads it at the first question. Safe to use from several threads."""

    context = ChatContext

    def chat(self, request: Request, *, on_token: OnToken | None = None, cancellation: Cancellation | None = None) -> Reply:
        """Answer ``request``; ``on_token`` is called on the calling thread.

        Raises what :class:`~the_edge_agent.llm.protocol.Backend` lists, and :class:`NodeFailed` for a parameter out of range or unknown here.
        """
        check(request.numbers, local=True)
        _refuse(request.extra)
        answer = self._ask(request, on_token, cancellation)
        return Reply(answer.text, self.model, self.name, answer.finish_reason, answer.usage, answer.chunks)


class LocalEmbedder(_Local[tuple[str, ...], Vectors]):
    """Embeds with the model in the file ``path``. Loads it at the first text. Safe to use from several threads."""

    context = EmbeddingContext

    def embed(
        self, texts: Sequence[str], *, extra: Mapping[str, Any] | None = None, cancellation: Cancellation | None = None
    ) -> Embeddings:
        """Embed ``texts``; raises what :class:`~the_edge_agent.llm.protocol.Embedder` lists, and :class:`NodeFailed` for ``extra``."""
        _refuse(extra or {})
        vectors = self._ask(tuple(texts), None, cancellation)
        return Embeddings(vectors.rows, self.model, self.name, vectors.tokens)


def _refuse(extra: Mapping[str, Any]) -> None:
    if extra:
        names = ", ".join(sorted(extra))
        raise NodeFailed(f"the local backend takes no parameter {names}", error_type="TypeError", hint=f"remove {names}, or name an API")


_Key = tuple[str, "LoadParameters", type[Context[Any, Any]]]
_POOL: dict[_Key, tuple[Scheduler[Any, Any], int]] = {}
"""Loaded models and how many backends use each."""
_POOL_LOCK = threading.Lock()


def _acquire(path: Path, load: LoadParameters, context: type[Context[Q, A]]) -> Scheduler[Q, A]:
    key = (str(path.resolve()), load, context)
    with _POOL_LOCK:
        if key in _POOL:
            scheduler, users = _POOL[key]
        else:
            scheduler, users = Scheduler(path.name, partial(context, header.read(path), load)), 0
        _POOL[key] = scheduler, users + 1
        return scheduler


def _release(scheduler: Scheduler[Any, Any]) -> None:
    with _POOL_LOCK:
        key = next((key for key, (known, _) in _POOL.items() if known is scheduler), None)
        if key is None:
            return
        users = _POOL[key][1] - 1
        if users:
            _POOL[key] = scheduler, users
            return
        del _POOL[key]
    scheduler.close()


@atexit.register
def _close_all() -> None:
    """Worker threads must be out of llama.cpp before the process tears its libraries down."""
    with _POOL_LOCK:
        schedulers = [scheduler for scheduler, _ in _POOL.values()]
        _POOL.clear()
    for scheduler in schedulers:
        scheduler.close()
