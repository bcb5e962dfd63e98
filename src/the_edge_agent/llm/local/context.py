"""The C side of a loaded model: its weights, a context for its tokens, and its vocabulary. For one thread at a time."""

from __future__ import annotations

import ctypes as c
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, NoReturn, TypeVar

from the_edge_agent.cancellation import Cancelled
from the_edge_agent.errors import ContextOverflow, MachineUnable, ModelUnavailable, NodeFailed
from the_edge_agent.llm.local import llama, machine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from the_edge_agent.models.header import Header
    from the_edge_agent.parameters import LoadParameters

Q = TypeVar("Q")
A = TypeVar("A")

BLOCK = 256
"""Tokens of a prompt that are computed at once."""
DEFAULT_LENGTH = 4096
LARGEST_LENGTH = 2**24
SMALL = 64 * 1024 * 1024
"""Bytes of weights below which one thread is the default: more would mostly wait for each other, and where another
process wants the same cores that waiting costs a hundred times what a second thread gains."""


class Context(ABC, Generic[Q, A]):
    """A model with room for :attr:`length` tokens, which answers questions of one kind.

    Attributes:
        header: of the model's file.
        length: most tokens that fit in, those of the prompt and the answer together.
        pointer: llama.cpp's own context.
        vocabulary: of the model.
    """

    advice: ClassVar[str] = "name another model with --gguf FILE"
    """What to do about a model that cannot be used."""

    def __init__(self, header: Header, load: LoadParameters, abort: llama.Abort) -> None:
        """Load the model; ``abort`` stops that, and later whatever is computed.

        Raises:
            ModelUnavailable: it cannot be loaded.
            MachineUnable: it does not fit this machine.
            Cancelled: ``abort`` was requested.
        """
        self.header = header
        self.library = llama.library()
        self.length = _length(header, load)
        self.pointer: int | None = None
        self._model: int | None = None
        repack = self._check_machine(load)
        self.library.forget()
        try:
            self._model = self._load_model(load, abort, repack=repack)
            self.vocabulary = Vocabulary(self.library, self._model)
            self._make_context(self._params(load, abort))
            self._prepare()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def answer(self, question: Q, emit: Callable[[str], object]) -> A:
        """Answer ``question``; text goes to ``emit`` as soon as it is certain.

        Raises :class:`Cancelled` when the context's abort is requested, :class:`ContextOverflow` for what does not fit, and
        :class:`NodeFailed` for a question that cannot be meant.
        """

    def _prepare(self) -> None:
        """Make what the questions need, once there is a context."""

    def close(self) -> None:
        """Free context and model. Idempotent."""
        if self.pointer:
            self.library.llama_free(self.pointer)
        if self._model:
            self.library.llama_model_free(self._model)
        self.pointer = self._model = None

    def decode(self, tokens: Sequence[int]) -> None:
        """Compute ``tokens``, at most as many as a batch holds, after those that are in the context already."""
        count = len(tokens)
        self._tokens[:count] = tokens
        self._batch.n_tokens = count
        status = self.library.llama_decode(self.pointer, self._batch)
        if status == llama.ABORTED:
            raise Cancelled
        if status == llama.NO_ROOM:
            self.overflow(f"the context of {self.length} tokens is full", self.length + BLOCK)
        if status != 0:
            self.fail(f"llama.cpp failed while it computed (status {status})")

    def overflow(self, message: str, needed: int) -> NoReturn:
        """Raise :class:`ContextOverflow`; ``needed`` tokens would have been enough."""
        trained = self.header.context_length or self.length
        if trained > self.length:
            hint = f"set n_ctx: {min(trained, -(-needed // 256) * 256)} (this model goes up to {trained}), or shorten the prompt"
        else:
            hint = f"shorten the prompt or max_tokens, or use a model with a longer context; n_ctx cannot go beyond {trained} here"
        raise ContextOverflow(message, hint=hint)

    def fail(self, reason: str) -> NoReturn:
        """Raise :class:`ModelUnavailable`, with what llama.cpp said."""
        said = self.library.last_words()
        raise ModelUnavailable(
            f"cannot use the model {self.header.path}: {reason}{f' ({said})' if said else ''}",
            hint=f"get the file again, or {self.advice}",
        )

    def fail_meaningless(self) -> NoReturn:
        """Raise :class:`ModelUnavailable` for numbers that mean nothing."""
        self.fail("it computes no meaningful numbers: the file is damaged or of a kind this llama.cpp does not run correctly")

    def _check_machine(self, load: LoadParameters) -> bool:
        """Whether weights may be repacked for speed, which costs a copy of them."""
        if load.n_gpu_layers > 0 and not self.library.llama_supports_gpu_offload():
            raise MachineUnable(
                f"n_gpu_layers is {load.n_gpu_layers}, but the installed llama.cpp computes on the processor only",
                hint="set n_gpu_layers: to 0, or to -1 for as many as possible",
            )
        weights, cache = self.header.size, self.header.cache_bytes(self.length)
        machine.check_memory(f"the model {self.header.path.name}", weights, cache, tokens=self.length)
        available = machine.available_memory()
        # In this build repacking turns the answers of gemma3n into noise.
        return self.header.architecture != "gemma3n" and (available is None or 2 * weights + cache < available)

    def _load_model(self, load: LoadParameters, abort: llama.Abort, *, repack: bool) -> int:
        params = self.library.llama_model_default_params()
        params.load_mode = llama.MMAP
        params.n_gpu_layers = load.n_gpu_layers
        params.use_extra_bufts = repack
        progress = llama.ProgressCallback(lambda _done, _data: not abort.requested)
        params.progress_callback = c.cast(progress, c.c_void_p)
        model = llama.load_model(self.library, self.header.path, params)
        if not model:
            if abort.requested:
                raise Cancelled
            self.fail("llama.cpp cannot load it")
        if not self.library.llama_model_has_decoder(model) or self.library.llama_model_has_encoder(model):
            self.library.llama_model_free(model)
            self.fail("it is no model that continues a text")
        return model

    def _params(self, load: LoadParameters, abort: llama.Abort) -> llama.ContextParams:
        usual = 1 if self.header.size < SMALL else machine.cores()
        params: llama.ContextParams = self.library.llama_context_default_params()
        params.n_ctx = self.length
        params.n_batch = params.n_ubatch = BLOCK
        params.n_threads = params.n_threads_batch = min(load.n_threads or usual, machine.logical_cpus())
        params.no_perf = True
        params.abort_callback = abort.callback
        params.abort_callback_data = abort.data
        return params

    def _make_context(self, params: llama.ContextParams) -> None:
        self.pointer = self.library.llama_init_from_model(self._model, params)
        if not self.pointer:
            self.fail(f"llama.cpp cannot make a context of {self.length} tokens for it")
        self._memory = self.library.llama_get_memory(self.pointer)
        self._tokens = (llama.Token * params.n_batch)()
        self._batch = llama.Batch(token=c.cast(self._tokens, c.POINTER(llama.Token)))


def _length(header: Header, load: LoadParameters) -> int:
    wanted = DEFAULT_LENGTH if load.n_ctx is None else load.n_ctx
    trained = header.context_length or wanted or DEFAULT_LENGTH
    length = min(wanted or trained, trained)
    if not 0 < length <= LARGEST_LENGTH:
        raise MachineUnable(f"a context of {length} tokens cannot be had", hint="set n_ctx: to a few thousand")
    return length


class Vocabulary:
    """The tokens of a model: what a text is in them, and what they are as text.

    Attributes:
        size: number of tokens.
        bos: the token at the beginning of a text, negative when there is none.
        eos: the token at its end, negative when there is none.
        adds_bos: whether every prompt begins with ``bos``.
    """

    def __init__(self, library: llama.Library, model: int) -> None:
        self._library = library
        self._pointer = library.llama_model_get_vocab(model)
        self.size: int = library.llama_vocab_n_tokens(self._pointer)
        self.bos: int = library.llama_vocab_bos(self._pointer)
        self.eos: int = library.llama_vocab_eos(self._pointer)
        self.adds_bos: bool = self.bos >= 0 and library.llama_vocab_get_add_bos(self._pointer)
        self._pieces: dict[int, bytes | None] = {}
        self._buffer = c.create_string_buffer(256)

    def text(self, token: int) -> str:
        """How ``token`` is written in the vocabulary, ``""`` for a negative one."""
        text: bytes | None = self._library.llama_vocab_get_text(self._pointer, token) if token >= 0 else None
        return (text or b"").decode("utf-8", "replace")

    def control(self) -> list[str]:
        """The texts of all control tokens."""
        special, attributes = llama.CONTROL | llama.UNKNOWN, self._library.llama_vocab_get_attr
        return [self.text(token) for token in range(self.size) if attributes(self._pointer, token) & special]

    def tokens(self, text: str, what: str, *, control: bool) -> list[int]:
        """The tokens of ``text``, which a message calls ``what``.

        With ``control`` the texts of control tokens are those tokens and none are added; without, they are text, and the
        model's own are added at its ends. Raises :class:`NodeFailed` for half of a surrogate pair.
        """
        try:
            data = text.encode()
        except UnicodeEncodeError as problem:
            raise NodeFailed(f"{what} holds half of a surrogate pair: {problem.reason}", error_type="UnicodeEncodeError") from problem
        room = len(data) + 16
        tokens = (llama.Token * room)()
        count = self._library.llama_tokenize(self._pointer, data, len(data), tokens, room, not control, control)
        if count < 0:
            raise ContextOverflow(f"{what} of {len(data)} bytes is too long to be tokenized", hint="shorten it")
        return tokens[:count]

    def piece(self, token: int) -> bytes | None:
        """The bytes of ``token`` in an answer, ``None`` for one that ends it."""
        try:
            return self._pieces[token]
        except KeyError:
            pass
        found: bytes | None = None
        if not self._library.llama_vocab_is_eog(self._pointer, token):
            size = self._library.llama_token_to_piece(self._pointer, token, self._buffer, len(self._buffer), 0, False)  # noqa: FBT003 - C
            if size < 0:
                self._buffer = c.create_string_buffer(-size)
                return self.piece(token)
            found = self._buffer.raw[:size]
        self._pieces[token] = found
        return found
