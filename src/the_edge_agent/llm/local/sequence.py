"""One request in a context: its prompt is evaluated, then its answer is drawn token by token.

The prompt is evaluated in blocks of :data:`BLOCK` tokens that always begin at a multiple of it. Blocks which the last prompt
had too are kept: they were computed in the very same shape, so that an answer does not depend on what was asked before.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from the_edge_agent.llm.local.chat_template import chat_template
from the_edge_agent.llm.local.context import BLOCK, Context
from the_edge_agent.llm.local.sampler import Sampler
from the_edge_agent.llm.local.transcript import Transcript
from the_edge_agent.llm.protocol import FinishReason, Request, Usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence as Tokens

    from the_edge_agent.llm.protocol import Message


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request got: the text, why it ended, the tokens it took, and in how many pieces it came."""

    text: str
    finish_reason: FinishReason
    usage: Usage
    chunks: int


class ChatContext(Context[Request, Answer]):
    """A context that answers one request at a time."""

    def _prepare(self) -> None:
        vocabulary = self.vocabulary
        self._template = chat_template(
            self.header.chat_template,
            model=self.header.path.name,
            bos=vocabulary.text(vocabulary.bos),
            eos=vocabulary.text(vocabulary.eos),
            control=vocabulary.control(),
        )
        self._kept: list[int] = []
        self._checked = False

    def answer(self, request: Request, emit: Callable[[str], object]) -> Answer:
        """Answer ``request``; see :class:`Context`."""
        with closing(Sequence(self, self._prompt(request.messages), request, emit)) as sequence:
            self._evaluate(sequence.prompt)
            while (token := sequence.draw()) is not None:
                self.decode((token,))
            return sequence.answer()

    def decode(self, tokens: Tokens[int]) -> None:
        """Compute ``tokens``; nothing in the context is relied on any more when that fails."""
        try:
            super().decode(tokens)
        except BaseException:
            self._kept = []
            raise

    def _prompt(self, messages: Tokens[Message]) -> list[int]:
        pieces = self._template.render(messages)
        found = [token for piece in pieces for token in self.vocabulary.tokens(piece, "a message", control=True)]
        if self.vocabulary.adds_bos and found[:1] != [self.vocabulary.bos]:
            found.insert(0, self.vocabulary.bos)
        return found

    def _evaluate(self, prompt: list[int]) -> None:
        """Put ``prompt`` into the context; afterwards the logits of its last token are there."""
        reused = self._reusable(prompt)
        if not reused or not self.library.llama_memory_seq_rm(self._memory, 0, reused, -1):
            reused = 0
            self.library.llama_memory_clear(self._memory, True)  # noqa: FBT003 - a C function
        self._kept = []
        for start in range(reused, len(prompt), BLOCK):
            self.decode(prompt[start : start + BLOCK])
        self._kept = prompt[: len(prompt) // BLOCK * BLOCK]
        if not self._checked:
            self._check_logits()
            self._checked = True

    def _reusable(self, prompt: list[int]) -> int:
        """Tokens at the beginning that are in the context already, in whole blocks; the last token is always evaluated anew."""
        most = min(len(self._kept), len(prompt) - 1)
        same = next((index for index in range(most) if self._kept[index] != prompt[index]), most)
        return same // BLOCK * BLOCK

    def _check_logits(self) -> None:
        """A model whose weights do not fit this build computes noise without any error; its first logits show it."""
        logits = self.library.llama_get_logits_ith(self.pointer, -1)[: self.vocabulary.size]
        if any(value != value for value in logits) or min(logits) == max(logits):  # noqa: PLR0124 - NaN differs from itself
            self.fail_meaningless()


class Sequence:
    """The tokens of one request: those of its prompt, and those drawn for its answer."""

    def __init__(self, context: ChatContext, prompt: list[int], request: Request, emit: Callable[[str], object]) -> None:
        """Compute nothing; raises :class:`ContextOverflow` for a prompt that leaves too little room."""
        self.prompt = prompt
        self._context = context
        self._request = request
        self._emit = emit
        self._room = self._checked_room()
        self._transcript = Transcript(request.stop)
        self._sampler = Sampler(context.library, request.sampling, vocabulary=context.vocabulary.size, prompt=prompt)
        self._reason: FinishReason = "length"
        self._made = self._chunks = 0

    def _checked_room(self) -> int:
        """Tokens the answer may take; raises :class:`ContextOverflow` when they are none, or fewer than wanted."""
        prompt, length, wanted = len(self.prompt), self._context.length, self._request.max_tokens
        room = length - prompt
        if room < 1:
            self._context.overflow(f"the prompt has {prompt} tokens, the context has room for {length}", prompt + (wanted or 256))
        if wanted is not None and wanted > room:
            self._context.overflow(
                f"the prompt has {prompt} tokens and max_tokens asks for {wanted} more, the context has room for {length}", prompt + wanted
            )
        return room if wanted is None else wanted

    def draw(self) -> int | None:
        """Draw the next token from the logits that were computed last.

        Returns the token, which has to be computed before the next draw; ``None`` when the answer is over.
        """
        token = self._sampler.draw(self._context.pointer)
        piece = self._context.vocabulary.piece(token)
        if piece is None:
            self._reason = "stop"
            return None
        self._made += 1
        self._pass_on(self._transcript.add(piece))
        if self._transcript.stopped:
            self._reason = "stop"
            return None
        return token if self._made < self._room else None

    def _pass_on(self, text: str) -> None:
        if text:
            self._chunks += 1
            self._emit(text)

    def answer(self) -> Answer:
        """The whole answer, once it is over; raises :class:`ContextOverflow` when the context ended it."""
        self._pass_on(self._transcript.finish())
        prompt, made, length = len(self.prompt), self._made, self._context.length
        if self._reason == "length" and self._request.max_tokens is None:
            self._context.overflow(
                f"the answer did not end within the context: {prompt} tokens of prompt and {made} of answer fill all {length}", 2 * length
            )
        return Answer(self._transcript.text, self._reason, Usage(prompt, made), self._chunks)

    def close(self) -> None:
        """Free the sampler. Idempotent."""
        self._sampler.close()
