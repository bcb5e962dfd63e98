"""The C side of a loaded embedding model: a text in, one vector of length one out.

How the tokens' vectors become one is the model's affair (``pooling_type`` in its metadata); where it does not say, their mean
is taken. Every text is computed alone: on a processor several at once are hardly faster, and so a text has the same vector
whatever stands beside it.
"""

from __future__ import annotations

import ctypes as c
from typing import TYPE_CHECKING, Any

from the_edge_agent.cancellation import Cancelled
from the_edge_agent.errors import ContextOverflow, NodeFailed
from the_edge_agent.llm.local import llama
from the_edge_agent.llm.local.loaded import Mind, Task, Vectors
from the_edge_agent.llm.protocol import unit

if TYPE_CHECKING:
    from the_edge_agent.llm.options import LoadParameters

_NO_POOLING, _MEAN, _RANK = 0, 1, 4
"""``enum llama_pooling_type``."""
_ABORTED = 2


class EmbeddingMind(Mind):
    """A model with a context for embeddings; only its worker touches it."""

    other = "name another embedding model with settings.llm.embedding_model"

    def _context_params(self, load: LoadParameters, abort: Any) -> llama.ContextParams:
        params = super()._context_params(load, abort)
        pooling = self.header.number(f"{self.header.architecture}.pooling_type")
        if pooling == _RANK:
            self._fail("it ranks pairs of texts (a reranker) and gives no vectors")
        if pooling in {None, _NO_POOLING}:
            params.pooling_type = _MEAN
        params.embeddings = True
        # Where every token sees all others, a text has to be computed in one piece.
        params.n_batch = params.n_ubatch = self.context_length
        return params

    def _learn(self) -> None:
        lib = self.library
        self.memory = lib.llama_get_memory(self.context)
        self.vocabulary = lib.llama_model_get_vocab(self.model)
        self.dimensions = lib.llama_model_n_embd_out(self.model)
        length = self.context_length
        self.tokens = (llama.Token * length)()
        # Kept, because the structure holds no more than its address.
        self.wanted = (c.c_int8 * length)(*[1] * length)
        self.batch = llama.Batch(token=c.cast(self.tokens, c.POINTER(llama.Token)), logits=c.cast(self.wanted, c.c_void_p))

    def answer(self, task: Task) -> Vectors:
        """The vectors of ``task.texts``; every length is checked before anything is computed."""
        texts = [self._tokenized(number, text) for number, text in enumerate(task.texts)]
        return Vectors(tuple(self._vector(tokens, task) for tokens in texts), sum(map(len, texts)))

    def _tokenized(self, number: int, text: str) -> list[int]:
        where = f"text {number + 1}"
        try:
            data = text.encode()
        except UnicodeEncodeError as problem:
            raise NodeFailed(f"{where} holds half of a surrogate pair: {problem.reason}", error_type="UnicodeEncodeError") from problem
        room = len(data) + 16
        tokens = (llama.Token * room)()
        # What looks like a control token in a text is text.
        count = self.library.llama_tokenize(self.vocabulary, data, len(data), tokens, room, True, False)  # noqa: FBT003 - a C function
        if not 0 <= count <= self.context_length:
            self._too_long(f"{where} has {count} tokens" if count > 0 else f"{where} has {len(data)} bytes", count)
        if not count:
            raise NodeFailed(f"{where} has no tokens", error_type="ValueError", hint="embed texts that are not empty")
        return tokens[:count]

    def _too_long(self, has: str, count: int) -> None:
        trained = self.header.context_length or self.context_length
        wider = (
            f"set n_ctx: {min(trained, max(count, 512))} (this model goes up to {trained}), or " if trained > self.context_length else ""
        )
        raise ContextOverflow(
            f"{has}, the context of {self.header.path.name} has room for {self.context_length}",
            hint=f"{wider}split the text, for example into paragraphs (its beginning alone would say little of the rest)",
        )

    def _vector(self, tokens: list[int], task: Task) -> tuple[float, ...]:
        if task.cancelled:
            raise Cancelled
        if self.memory:
            self.library.llama_memory_clear(self.memory, False)  # noqa: FBT003 - a C function
        self.tokens[: len(tokens)] = tokens  # type: ignore[assignment]
        self.batch.n_tokens = len(tokens)
        status = self.library.llama_decode(self.context, self.batch)
        if status == _ABORTED:
            raise Cancelled
        found = self.library.llama_get_embeddings_seq(self.context, 0) if status == 0 else None
        if not found:
            self._fail(f"llama.cpp computed no vector for a text (status {status})")
        try:
            return unit(found[: self.dimensions])
        except ValueError:
            self._fail("it computes no meaningful numbers: the file is damaged or of a kind this llama.cpp does not run correctly")
