"""A model in memory: one worker thread that owns it, and the queue of what is asked of it.

llama.cpp's contexts are for one thread at a time. Callers hand a :class:`Task` to the worker and wait for its
pieces, so a main thread stays open for Ctrl-C while another thread computes. Tasks are answered one after another,
in the order they came.

The prompt is evaluated in blocks of :data:`BLOCK` tokens that always begin at a multiple of it. Blocks which
the last prompt had too are kept: they were computed in the very same shape, so that an answer does not depend on what
was asked before.
"""

from __future__ import annotations

import ctypes as c
import queue
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from the_edge_agent.cancellation import Cancelled
from the_edge_agent.errors import ContextOverflow, MachineUnable, ModelUnavailable, NodeFailed
from the_edge_agent.llm.local import llama, machine
from the_edge_agent.llm.local.chat_template import ChatTemplate, chat_template
from the_edge_agent.llm.local.sampler import Sampler
from the_edge_agent.llm.local.transcript import Transcript
from the_edge_agent.llm.protocol import FinishReason, Request, Usage

if TYPE_CHECKING:
    from the_edge_agent.llm.options import LoadParameters
    from the_edge_agent.models.header import Header

BLOCK = 256
DEFAULT_CONTEXT = 4096
LARGEST_CONTEXT = 2**24
SMALL = 64 * 1024 * 1024
"""Bytes of weights below which one thread is the default: more would mostly wait for each other, and where another
process wants the same cores that waiting costs a hundred times what a second thread gains."""

_MMAP = 1
_ABORTED = 2
_NO_ROOM = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished task: the text, why it ended, and the tokens it took."""

    text: str
    finish_reason: FinishReason
    usage: Usage
    chunks: int


@dataclass(frozen=True, slots=True)
class Vectors:
    """A finished task of an embedding model: one unit vector a text, and the tokens all texts took."""

    rows: tuple[tuple[float, ...], ...]
    tokens: int


@dataclass(eq=False, slots=True)
class Task:
    """A request to a chat model, or ``texts`` for an embedding model, on its way.

    ``pieces`` carries text for ``on_token``, then an :class:`Answer`, :class:`Vectors` or an exception.
    """

    request: Request = field(default_factory=lambda: Request(()))
    live: bool = False
    texts: tuple[str, ...] = ()
    pieces: queue.SimpleQueue[str | Answer | Vectors | BaseException] = field(default_factory=queue.SimpleQueue)
    cancelled: bool = False


class LoadedModel:
    """A model, its context and its worker. ``wait`` for it before the first task; ``close`` it at the end."""

    def __init__(self, header: Header, load: LoadParameters, mind: type[Mind] | None = None) -> None:
        """Start loading; returns at once. What goes wrong is raised by :meth:`wait`. ``mind`` is what answers: a :class:`Mind` that chats."""
        self.header = header
        self._mind = mind or Mind
        self.context_length = 0
        self._load = load
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._closing = False
        self._lock = threading.Lock()
        self._current: Task | None = None
        # Read by llama.cpp between two steps of its graph: "" goes on, anything else stops (see _stop_flag).
        self._abort = c.create_string_buffer(2)
        self._worker = threading.Thread(target=self._work, name=f"tea-model-{header.path.name}", daemon=True)
        self._worker.start()

    def wait(self, seconds: float) -> bool:
        """Whether the model is there, after waiting up to ``seconds``.

        Raises:
            ModelUnavailable: it cannot be loaded.
            MachineUnable: it does not fit this machine.
        """
        ready = self._ready.wait(seconds)
        if self._failure is not None:
            raise self._failure
        return ready

    def submit(self, task: Task) -> None:
        """Queue ``task``."""
        if self._closing:
            raise ModelUnavailable(f"the model {self.header.path.name} is closed")
        self._tasks.put(task)

    def cancel(self, task: Task) -> None:
        """Stop ``task`` soon, whether it waits or runs; its last piece is :class:`Cancelled`."""
        with self._lock:
            task.cancelled = True
            if self._current is task:
                self._abort[0] = b"\1"

    def close(self) -> None:
        """Stop what runs and free the model. Idempotent."""
        with self._lock:
            self._closing = True
            self._abort[0] = b"\1"
        self._tasks.put(None)
        self._worker.join()

    def _work(self) -> None:
        try:
            mind = self._mind(self.header, self._load, self._abort, lambda: not self._closing)
        except BaseException as failure:  # noqa: BLE001 - handed to whoever waits
            self._failure = failure
            self._ready.set()
            return
        self.context_length = mind.context_length
        self._ready.set()
        try:
            while (task := self._tasks.get()) is not None:
                self._serve(mind, task)
        finally:
            mind.close()

    def _serve(self, mind: Mind, task: Task) -> None:
        with self._lock:
            self._current = task
            self._abort[0] = b"\1" if self._closing else b"\0"
        try:
            outcome: Answer | Vectors | BaseException = Cancelled() if task.cancelled or self._closing else mind.answer(task)
        except BaseException as failure:  # noqa: BLE001 - handed to the caller
            outcome = failure
        with self._lock:
            self._current = None
        task.pieces.put(outcome)


def _stop_flag() -> int:
    r"""Address of a function that tells llama.cpp whether to stop, without entering Python between its steps.

    It wants ``bool f(void *)``; ``strlen`` of the empty string is 0, of "\1" it is 1.
    """
    found: int | None = c.cast(c.CDLL(None).strlen, c.c_void_p).value
    if found is None:
        raise MachineUnable("the C library has no strlen")
    return found


class Mind:
    """The C side of a loaded model; only its worker touches it. This one chats; :mod:`.embedding` has the one that embeds."""

    other = "name another model with --gguf FILE"
    """What to do about a model that cannot be used."""

    def __init__(self, header: Header, load: LoadParameters, abort: Any, go_on: Any) -> None:
        self.header = header
        self.library = llama.library()
        self.model: int | None = None
        self.context: int | None = None
        self.context_length = self._wanted_context(load)
        repack = self._check_machine(load)
        self.library.forget()
        try:
            self.model = self._load_model(load, go_on, repack=repack)
            self.context = self._make_context(load, abort)
            self._learn()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Free context and model. Idempotent."""
        if self.context:
            self.library.llama_free(self.context)
        if self.model:
            self.library.llama_model_free(self.model)
        self.context = self.model = None

    def _wanted_context(self, load: LoadParameters) -> int:
        wanted = DEFAULT_CONTEXT if load.n_ctx is None else load.n_ctx
        trained = self.header.context_length or wanted or DEFAULT_CONTEXT
        length = min(wanted or trained, trained)
        if not 0 < length <= LARGEST_CONTEXT:
            raise MachineUnable(f"a context of {length} tokens cannot be had", hint="set n_ctx: to a few thousand")
        return length

    def _check_machine(self, load: LoadParameters) -> bool:
        """Whether weights may be repacked for speed, which costs a copy of them."""
        if load.n_gpu_layers > 0 and not self.library.llama_supports_gpu_offload():
            raise MachineUnable(
                f"n_gpu_layers is {load.n_gpu_layers}, but the installed llama.cpp computes on the processor only",
                hint="set n_gpu_layers: to 0, or to -1 for as many as possible",
            )
        weights, cache = self.header.size, self.header.cache_bytes(self.context_length)
        machine.check_memory(f"the model {self.header.path.name}", weights, cache, tokens=self.context_length)
        available = machine.available_memory()
        # In this build repacking turns the answers of gemma3n into noise.
        return self.header.architecture != "gemma3n" and (available is None or 2 * weights + cache < available)

    def _load_model(self, load: LoadParameters, go_on: Any, *, repack: bool) -> int:
        params = self.library.llama_model_default_params()
        params.load_mode = _MMAP
        params.n_gpu_layers = load.n_gpu_layers
        params.use_extra_bufts = repack
        progress = llama.ProgressCallback(lambda _done, _data: bool(go_on()))
        params.progress_callback = c.cast(progress, c.c_void_p)
        model = llama.load_model(self.library, self.header.path, params)
        if not model:
            if not go_on():
                raise Cancelled
            self._fail("llama.cpp cannot load it")
        if not self.library.llama_model_has_decoder(model) or self.library.llama_model_has_encoder(model):
            self.library.llama_model_free(model)
            self._fail("it is no model that continues a text")
        return model

    def _make_context(self, load: LoadParameters, abort: Any) -> int:
        params = self._context_params(load, abort)
        context: int | None = self.library.llama_init_from_model(self.model, params)
        if not context:
            self._fail(f"llama.cpp cannot make a context of {self.context_length} tokens for it")
        return context

    def _context_params(self, load: LoadParameters, abort: Any) -> llama.ContextParams:
        usual = 1 if self.header.size < SMALL else machine.cores()
        threads = min(load.n_threads or usual, machine.logical_cpus())
        params: llama.ContextParams = self.library.llama_context_default_params()
        params.n_ctx = self.context_length
        params.n_batch = params.n_ubatch = BLOCK
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        params.abort_callback = _stop_flag()
        params.abort_callback_data = c.cast(abort, c.c_void_p)
        return params

    def _learn(self) -> None:
        """Everything about the vocabulary that the loop needs at hand."""
        lib, model = self.library, self.model
        self.memory = lib.llama_get_memory(self.context)
        self.vocabulary = lib.llama_model_get_vocab(model)
        self.size = lib.llama_vocab_n_tokens(self.vocabulary)
        self.bos = lib.llama_vocab_bos(self.vocabulary) if lib.llama_vocab_get_add_bos(self.vocabulary) else -1
        special = llama.CONTROL | llama.UNKNOWN
        attributes = lib.llama_vocab_get_attr
        control = [self._text(token) for token in range(self.size) if attributes(self.vocabulary, token) & special]
        self.template: ChatTemplate = chat_template(
            self.header.chat_template,
            model=self.header.path.name,
            bos=self._text(lib.llama_vocab_bos(self.vocabulary)),
            eos=self._text(lib.llama_vocab_eos(self.vocabulary)),
            control=control,
        )
        self.pieces: dict[int, bytes | None] = {}
        self.buffer = c.create_string_buffer(256)
        self.tokens = (llama.Token * BLOCK)()
        self.batch = llama.Batch(token=c.cast(self.tokens, c.POINTER(llama.Token)))
        self.kept: list[int] = []
        self.checked = False

    def _text(self, token: int) -> str:
        text: bytes | None = self.library.llama_vocab_get_text(self.vocabulary, token) if token >= 0 else None
        return (text or b"").decode("utf-8", "replace")

    def _fail(self, reason: str) -> NoReturn:
        said = self.library.last_words()
        raise ModelUnavailable(
            f"cannot use the model {self.header.path}: {reason}{f' ({said})' if said else ''}",
            hint=f"get the file again, or {self.other}",
        )

    def answer(self, task: Task) -> Answer | Vectors:
        """Do ``task``; raises :class:`Cancelled` when it is given up."""
        request = task.request
        prompt = self._tokenize(self.template.render(request.messages))
        room = self._room(len(prompt), request.max_tokens)
        self._evaluate(prompt, task)
        sampler = Sampler(self.library, request.sampling, vocabulary=self.size, prompt=prompt)
        try:
            return self._continue(task, sampler, len(prompt), room)
        finally:
            sampler.close()

    def _room(self, prompt: int, wanted: int | None) -> int:
        """Tokens the answer may take; raises :class:`ContextOverflow` when they are none, or fewer than wanted."""
        room = self.context_length - prompt
        if room < 1:
            self._overflow(f"the prompt has {prompt} tokens, the context has room for {self.context_length}", prompt + (wanted or 256))
        if wanted is not None and wanted > room:
            self._overflow(
                f"the prompt has {prompt} tokens and max_tokens asks for {wanted} more, the context has room for {self.context_length}",
                prompt + wanted,
            )
        return room if wanted is None else wanted

    def _overflow(self, message: str, needed: int) -> NoReturn:
        trained = self.header.context_length or self.context_length
        if trained > self.context_length:
            hint = f"set n_ctx: {min(trained, -(-needed // 256) * 256)} (this model goes up to {trained}), or shorten the prompt"
        else:
            hint = f"shorten the prompt or max_tokens, or use a model with a longer context; n_ctx cannot go beyond {trained} here"
        raise ContextOverflow(message, hint=hint)

    def _tokenize(self, pieces: tuple[str, ...]) -> list[int]:
        found: list[int] = []
        for piece in pieces:
            try:
                text = piece.encode()
            except UnicodeEncodeError as problem:
                raise NodeFailed(
                    f"a message holds half of a surrogate pair: {problem.reason}", error_type="UnicodeEncodeError"
                ) from problem
            room = len(text) + 16
            tokens = (llama.Token * room)()
            count = self.library.llama_tokenize(self.vocabulary, text, len(text), tokens, room, False, True)  # noqa: FBT003 - a C function
            if count < 0:
                raise ContextOverflow(f"a message of {len(text)} bytes is too long to be tokenized", hint="shorten the prompt")
            found += tokens[:count]
        if self.bos >= 0 and found[:1] != [self.bos]:
            found.insert(0, self.bos)
        return found

    def _evaluate(self, prompt: list[int], task: Task) -> None:
        """Put ``prompt`` into the context; afterwards the logits of its last token are there."""
        reused = self._reusable(prompt)
        if not reused or not self.library.llama_memory_seq_rm(self.memory, 0, reused, -1):
            reused = 0
            self.library.llama_memory_clear(self.memory, True)  # noqa: FBT003 - a C function
        self.kept = []
        for start in range(reused, len(prompt), BLOCK):
            block: list[llama.Token | int] = [*prompt[start : start + BLOCK]]
            self.tokens[: len(block)] = block
            self._decode(len(block), task)
        self.kept = prompt[: len(prompt) // BLOCK * BLOCK]
        if not self.checked:
            self._check_logits()
            self.checked = True

    def _reusable(self, prompt: list[int]) -> int:
        """Tokens at the beginning that are in the context already, in whole blocks; the last token is always evaluated anew."""
        most = min(len(self.kept), len(prompt) - 1)
        same = next((index for index in range(most) if self.kept[index] != prompt[index]), most)
        return same // BLOCK * BLOCK

    def _decode(self, count: int, task: Task) -> None:
        if task.cancelled:
            raise Cancelled
        self.batch.n_tokens = count
        status = self.library.llama_decode(self.context, self.batch)
        if status == 0:
            return
        self.kept = []
        if status == _ABORTED:
            raise Cancelled
        if status == _NO_ROOM:
            self._overflow(f"the context of {self.context_length} tokens is full", self.context_length + BLOCK)
        self._fail(f"llama.cpp failed while it computed (status {status})")

    def _check_logits(self) -> None:
        """A model whose weights do not fit this build computes noise without any error; its first logits show it."""
        logits = self.library.llama_get_logits_ith(self.context, -1)[: self.size]
        if any(value != value for value in logits) or min(logits) == max(logits):  # noqa: PLR0124 - NaN differs from itself
            self._fail("it computes no meaningful numbers: the file is damaged or of a kind this llama.cpp does not run correctly")

    def _continue(self, task: Task, sampler: Sampler, prompt: int, room: int) -> Answer:
        transcript = Transcript(task.request.stop)
        sample, context, chain = self.library.llama_sampler_sample, self.context, sampler.chain
        reason: FinishReason = "length"
        made = chunks = 0
        while made < room:
            token = sample(chain, context, -1)
            piece = self._piece(token)
            if piece is None:
                reason = "stop"
                break
            made += 1
            text = transcript.add(piece)
            if text:
                chunks += 1
                if task.live:
                    task.pieces.put(text)
            if transcript.stopped:
                reason = "stop"
                break
            if made < room:
                self.tokens[0] = token
                self._decode(1, task)
        rest = transcript.finish()
        if rest:
            chunks += 1
            if task.live:
                task.pieces.put(rest)
        if reason == "length" and task.request.max_tokens is None:
            self._overflow(
                f"the answer did not end within the context: {prompt} tokens of prompt and {made} of answer fill all {self.context_length}",
                2 * self.context_length,
            )
        return Answer(transcript.text, reason, Usage(prompt, made), chunks)

    def _piece(self, token: int) -> bytes | None:
        """The bytes of ``token``, ``None`` for one that ends the answer."""
        try:
            return self.pieces[token]
        except KeyError:
            pass
        found: bytes | None = None
        if not self.library.llama_vocab_is_eog(self.vocabulary, token):
            size = self.library.llama_token_to_piece(self.vocabulary, token, self.buffer, len(self.buffer), 0, False)  # noqa: FBT003 - C
            if size < 0:
                self.buffer = c.create_string_buffer(-size)
                return self._piece(token)
            found = self.buffer.raw[:size]
        self.pieces[token] = found
        return found
