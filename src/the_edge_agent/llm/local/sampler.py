"""How the next token is drawn: a chain of llama.cpp's own samplers, so that no token passes through Python.

What a field of :class:`~the_edge_agent.parameters.Sampling` that is ``None`` means here: temperature 0.7,
top_k 40, top_p 0.95, min_p 0.05, no penalties, a random seed. The order is llama.cpp's: penalties, top_k, top_p,
min_p, temperature, draw. Penalties look at the last 64 tokens, the end of the prompt included.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from the_edge_agent.llm.local.llama import Library
    from the_edge_agent.parameters import Sampling

TEMPERATURE = 0.7
TOP_K = 40
TOP_P = 0.95
MIN_P = 0.05
PENALTY_WINDOW = 64


class Sampler:
    """One answer's chain. Free it with :meth:`close`."""

    __slots__ = ("_chain", "_library", "_sample")

    def __init__(self, library: Library, sampling: Sampling, *, vocabulary: int, prompt: Sequence[int]) -> None:
        """``vocabulary``: number of tokens; ``prompt``: the tokens that penalties look back on."""
        self._library = library
        self._sample = library.llama_sampler_sample
        self._chain = library.llama_sampler_chain_init(library.llama_sampler_chain_default_params())
        penalties = self._penalties(sampling, vocabulary)
        if penalties:
            self._add(penalties)
        temperature = TEMPERATURE if sampling.temperature is None else sampling.temperature
        if temperature == 0:
            self._add(library.llama_sampler_init_greedy())
        else:
            self._add(library.llama_sampler_init_top_k(TOP_K if sampling.top_k is None else sampling.top_k))
            self._add(library.llama_sampler_init_top_p(TOP_P if sampling.top_p is None else sampling.top_p, 1))
            self._add(library.llama_sampler_init_min_p(MIN_P if sampling.min_p is None else sampling.min_p, 1))
            self._add(library.llama_sampler_init_temp(temperature))
            self._add(library.llama_sampler_init_dist(secrets.randbits(31) if sampling.seed is None else sampling.seed))
        if penalties:
            for token in prompt[-PENALTY_WINDOW:]:
                library.llama_sampler_accept(self._chain, token)

    def _add(self, sampler: Any) -> None:
        self._library.llama_sampler_chain_add(self._chain, sampler)

    def _penalties(self, sampling: Sampling, vocabulary: int) -> Any:
        repeat = 1.0 if sampling.repeat_penalty is None else sampling.repeat_penalty
        frequency, presence = sampling.frequency_penalty or 0.0, sampling.presence_penalty or 0.0
        if repeat == 1 and not frequency and not presence:
            return None
        return self._library.llama_sampler_init_penalties(vocabulary, PENALTY_WINDOW, repeat, frequency, presence)

    def draw(self, context: int | None) -> int:
        """The next token, from the logits that were computed last in llama.cpp's ``context``."""
        token: int = self._sample(self._chain, context, -1)
        return token

    def close(self) -> None:
        """Free the chain; samplers added to it go with it."""
        if self._chain:
            self._library.llama_sampler_free(self._chain)
            self._chain = None
