"""The local backends: a GGUF on this machine, run by llama.cpp inside this process.

A model is loaded once a process for the same file, the same load parameters and the same purpose, however many
backends use it, and freed when the last of them is closed.
"""

from __future__ import annotations

import atexit
import queue
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from the_edge_agent.cancellation import Cancelled
from the_edge_agent.errors import ModelUnavailable, NodeFailed
from the_edge_agent.llm.local.embedding import EmbeddingMind
from the_edge_agent.llm.local.loaded import Answer, LoadedModel, Mind, Task, Vectors
from the_edge_agent.llm.protocol import Embeddings, OnToken, Reply, Request
from the_edge_agent.models import header
from the_edge_agent.parameters import check, given

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from the_edge_agent.cancellation import Cancellation
    from the_edge_agent.parameters import LoadParameters

_Key = tuple[str, "LoadParameters", type[Mind]]
T = TypeVar("T", Answer, Vectors)

PATIENCE = 0.02
"""Seconds between two looks at a cancellation; a waiting caller does nothing else."""


class _Share:
    """One user's share in the loaded model of the file ``path``, taken at the first task. Safe to use from several threads."""

    name = "local"
    mind: type[Mind] = Mind

    def __init__(self, path: Path, load: LoadParameters) -> None:
        """Check ``load``; opens nothing. Raises :class:`NodeFailed` for a number that cannot be meant."""
        check(given(load), local=True)
        self.path = path
        self.load = load
        self._lock = threading.Lock()
        self._model: LoadedModel | None = None
        self._closed = False

    def close(self) -> None:
        """Give the model back; it is freed when nobody else uses it. Idempotent."""
        with self._lock:
            self._closed = True
            model, self._model = self._model, None
        if model is not None:
            _release(model)

    def _loaded(self, cancellation: Cancellation | None) -> LoadedModel:
        with self._lock:
            if self._closed:
                raise ModelUnavailable(f"the backend of {self.path.name} is closed")
            if self._model is None:
                self._model = _acquire(self.path, self.load, self.mind)
            model = self._model
        try:
            _wait(model, cancellation)
        except BaseException:
            self._give_up(model)
            raise
        return model

    def _give_up(self, model: LoadedModel) -> None:
        """Loading failed or was interrupted: the next question starts afresh."""
        with self._lock:
            mine = self._model is model
            if mine:
                self._model = None
        if mine:
            _release(model)


class LocalBackend(_Share):
    """Answers with the model in the file ``path``. Loads it at the first question. Safe to use from several threads."""

    def chat(self, request: Request, *, on_token: OnToken | None = None, cancellation: Cancellation | None = None) -> Reply:
        """Answer ``request``; ``on_token`` is called on the calling thread.

        Raises what :class:`~the_edge_agent.llm.protocol.Backend` lists, and :class:`NodeFailed` for a parameter out of range or unknown here.
        """
        check(request.numbers, local=True)
        _check_extra(request.extra)
        model = self._loaded(cancellation)
        answer = _done(model, Task(request, live=on_token is not None), Answer, on_token, cancellation)
        return Reply(answer.text, self.path.name, self.name, answer.finish_reason, answer.usage, answer.chunks)


class LocalEmbedder(_Share):
    """Embeds with the model in the file ``path``. Loads it at the first text. Safe to use from several threads."""

    mind = EmbeddingMind

    def embed(
        self, texts: Sequence[str], *, extra: Mapping[str, Any] | None = None, cancellation: Cancellation | None = None
    ) -> Embeddings:
        """Embed ``texts``; raises what :class:`~the_edge_agent.llm.protocol.Embedder` lists, and :class:`NodeFailed` for ``extra``."""
        _check_extra(extra or {})
        done = _done(self._loaded(cancellation), Task(texts=tuple(texts)), Vectors, None, cancellation)
        return Embeddings(done.rows, self.path.name, self.name, done.tokens)


def _wait(model: LoadedModel, cancellation: Cancellation | None) -> None:
    while not model.wait(PATIENCE if cancellation else 1):
        if cancellation is not None and cancellation.requested:
            raise Cancelled


def _done(model: LoadedModel, task: Task, kind: type[T], on_token: OnToken | None, cancellation: Cancellation | None) -> T:
    """Submit ``task`` and wait for its outcome, which is a ``kind``."""
    model.submit(task)
    try:
        return _collect(model, task, kind, on_token, cancellation)
    except BaseException:
        # Also for Ctrl-C and for an on_token that raised: nobody waits for the rest any more.
        model.cancel(task)
        raise


def _collect(model: LoadedModel, task: Task, kind: type[T], on_token: OnToken | None, cancellation: Cancellation | None) -> T:
    asked = False
    while True:
        try:
            piece = task.pieces.get(timeout=PATIENCE if cancellation else 1)
        except queue.Empty:
            piece = ""
        if isinstance(piece, kind):
            return piece
        if isinstance(piece, BaseException):
            raise piece
        if isinstance(piece, str) and piece and on_token is not None and not asked:
            on_token(piece)
        if not asked and cancellation is not None and cancellation.requested:
            asked = True
            model.cancel(task)


def _check_extra(extra: Mapping[str, Any]) -> None:
    if extra:
        names = ", ".join(sorted(extra))
        raise NodeFailed(f"the local backend takes no parameter {names}", error_type="TypeError", hint=f"remove {names}, or name an API")


_POOL: dict[_Key, tuple[LoadedModel, int]] = {}
"""Loaded models and how many backends use each."""
_POOL_LOCK = threading.Lock()


def _acquire(path: Path, load: LoadParameters, mind: type[Mind]) -> LoadedModel:
    key = (str(path.resolve()), load, mind)
    with _POOL_LOCK:
        if key in _POOL:
            model, users = _POOL[key]
        else:
            model, users = LoadedModel(header.read(path), load, mind), 0
        _POOL[key] = model, users + 1
        return model


def _release(model: LoadedModel) -> None:
    with _POOL_LOCK:
        key = next((key for key, (known, _) in _POOL.items() if known is model), None)
        if key is None:
            return
        users = _POOL[key][1] - 1
        if users:
            _POOL[key] = model, users
            return
        del _POOL[key]
    model.close()


@atexit.register
def _close_all() -> None:
    """Worker threads must be out of llama.cpp before the process tears its libraries down."""
    with _POOL_LOCK:
        models = [model for model, _ in _POOL.values()]
        _POOL.clear()
    for model in models:
        model.close()
