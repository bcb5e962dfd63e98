"""A context that embeds: a text in, one vector of length one out.

How the tokens' vectors become one is the model's affair (``pooling_type`` in its metadata); where it does not say, their mean
is taken. Every text is computed alone: on a processor several at once are hardly faster, and so a text has the same vector
whatever stands beside it.
"""

from __future__ import annotations

import ctypes as c
from dataclasses import dataclass
from typing import TYPE_CHECKING

from the_edge_agent.errors import ContextOverflow, NodeFailed
from the_edge_agent.llm.local import llama
from the_edge_agent.llm.local.context import Context
from the_edge_agent.llm.protocol import unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from the_edge_agent.parameters import LoadParameters


@dataclass(frozen=True, slots=True)
class Vectors:
    """One unit vector a text, and the tokens all texts took."""

    rows: tuple[tuple[float, ...], ...]
    tokens: int


class EmbeddingContext(Context[tuple[str, ...], Vectors]):
    """A context that turns texts into vectors."""

    advice = "name another embedding model with settings.llm.embedding_model"

    def _params(self, load: LoadParameters, abort: llama.Abort) -> llama.ContextParams:
        params = super()._params(load, abort)
        pooling = self.header.number(f"{self.header.architecture}.pooling_type")
        if pooling == llama.RANK:
            self.fail("it ranks pairs of texts (a reranker) and gives no vectors")
        if pooling in {None, llama.NO_POOLING}:
            params.pooling_type = llama.MEAN
        params.embeddings = True
        # Where every token sees all others, a text has to be computed in one piece.
        params.n_batch = params.n_ubatch = self.length
        return params

    def _prepare(self) -> None:
        self._dimensions = self.library.llama_model_n_embd_out(self._model)
        # Kept, because the structure holds no more than its address.
        self._wanted = (c.c_int8 * self.length)(*[1] * self.length)
        self._batch.logits = c.cast(self._wanted, c.c_void_p)

    def answer(self, texts: tuple[str, ...], _emit: Callable[[str], object]) -> Vectors:
        """The vectors of ``texts``; every length is checked before anything is computed."""
        tokens = [self._checked(f"text {number}", text) for number, text in enumerate(texts, 1)]
        return Vectors(tuple(map(self._vector, tokens)), sum(map(len, tokens)))

    def _checked(self, where: str, text: str) -> list[int]:
        """The tokens of ``text``: at least one, and no more than fit."""
        tokens = self.vocabulary.tokens(text, where, control=False)
        if not tokens:
            raise NodeFailed(f"{where} has no tokens", error_type="ValueError", hint="embed texts that are not empty")
        count, trained = len(tokens), self.header.context_length or self.length
        if count > self.length:
            wider = f"set n_ctx: {min(trained, max(count, 512))} (this model goes up to {trained}), or " if trained > self.length else ""
            raise ContextOverflow(
                f"{where} has {count} tokens, the context of {self.header.path.name} has room for {self.length}",
                hint=f"{wider}split the text, for example into paragraphs (its beginning alone would say little of the rest)",
            )
        return tokens

    def _vector(self, tokens: list[int]) -> tuple[float, ...]:
        if self._memory:
            self.library.llama_memory_clear(self._memory, False)  # noqa: FBT003 - a C function
        self.decode(tokens)
        found = self.library.llama_get_embeddings_seq(self.pointer, 0)
        if not found:
            self.fail("llama.cpp computed no vector for a text")
        try:
            return unit(found[: self._dimensions])
        except ValueError:
            self.fail_meaningless()
