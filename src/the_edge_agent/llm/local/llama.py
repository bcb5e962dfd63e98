"""A thin binding on llama.cpp's C API, as the pinned ``xllamacpp`` wheel exports it.

The package is not imported: its extension module is opened as the shared library it is, so none of
its own machinery (an HTTP server among it) ever runs. The structures below are those of ``llama.h`` in
the source archive of exactly :data:`BUILD`; they change between builds, so any other build is refused.

Nothing is printed: the library's log goes to :meth:`Library.last_words`.
"""

from __future__ import annotations

import collections
import ctypes as c
import errno
import os
import platform
import threading
from contextlib import contextmanager
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from the_edge_agent.errors import MachineUnable, ModelUnavailable, TeaError
from the_edge_agent.llm.local import machine
from the_edge_agent.models import embedded

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "xllamacpp"
BUILD = "2026.10.11549"
INSTALL = "pip install 'the-edge-agent[llm-local]'"

Pointer = c.c_void_p
Token = c.c_int32

CONTROL = 1 << 3
UNKNOWN = 1 << 0
"""``enum llama_token_attr``: tokens whose text in a message must stay text."""

MMAP = 1
"""``enum llama_load_mode``."""
NO_ROOM, ABORTED = 1, 2
"""What ``llama_decode`` returns besides 0 for success; other numbers are failures."""
NO_POOLING, MEAN, RANK = 0, 1, 4
"""``enum llama_pooling_type``."""

_LOG_WARNING = 3
_LOG_CONTINUED = 5


class ModelParams(c.Structure):
    """``struct llama_model_params``."""

    _fields_ = (
        ("devices", Pointer),
        ("tensor_buft_overrides", Pointer),
        ("n_gpu_layers", c.c_int32),
        ("split_mode", c.c_int),
        ("load_mode", c.c_int),
        ("lazy_mode", c.c_int),
        ("main_gpu", c.c_int32),
        ("tensor_split", Pointer),
        ("progress_callback", Pointer),
        ("progress_callback_user_data", Pointer),
        ("kv_overrides", Pointer),
        ("vocab_only", c.c_bool),
        ("check_tensors", c.c_bool),
        ("use_extra_bufts", c.c_bool),
        ("no_host", c.c_bool),
        ("no_alloc", c.c_bool),
        ("load_mtp", c.c_bool),
    )


class ContextParams(c.Structure):
    """``struct llama_context_params``."""

    _fields_ = (
        ("n_ctx", c.c_uint32),
        ("n_batch", c.c_uint32),
        ("n_ubatch", c.c_uint32),
        ("n_seq_max", c.c_uint32),
        ("n_rs_seq", c.c_uint32),
        ("n_outputs_max", c.c_uint32),
        ("n_outputs_max_per_seq", c.c_uint32),
        ("n_threads", c.c_int32),
        ("n_threads_batch", c.c_int32),
        ("ctx_type", c.c_int),
        ("rope_scaling_type", c.c_int),
        ("pooling_type", c.c_int),
        ("attention_type", c.c_int),
        ("flash_attn_type", c.c_int),
        ("rope_freq_base", c.c_float),
        ("rope_freq_scale", c.c_float),
        ("yarn_ext_factor", c.c_float),
        ("yarn_attn_factor", c.c_float),
        ("yarn_beta_fast", c.c_float),
        ("yarn_beta_slow", c.c_float),
        ("yarn_orig_ctx", c.c_uint32),
        ("defrag_thold", c.c_float),
        ("cb_eval", Pointer),
        ("cb_eval_user_data", Pointer),
        ("type_k", c.c_int),
        ("type_v", c.c_int),
        ("moe_cache_size", c.c_size_t),
        ("abort_callback", Pointer),
        ("abort_callback_data", Pointer),
        ("embeddings", c.c_bool),
        ("offload_kqv", c.c_bool),
        ("no_perf", c.c_bool),
        ("op_offload", c.c_bool),
        ("swa_full", c.c_bool),
        ("kv_unified", c.c_bool),
        ("samplers", Pointer),
        ("n_samplers", c.c_size_t),
        ("ctx_other", Pointer),
    )


class Batch(c.Structure):
    """``struct llama_batch``; with ``pos``, ``seq_id`` and ``logits`` null: sequence 0, positions counted on, logits of the last token."""

    _fields_ = (
        ("n_tokens", c.c_int32),
        ("token", c.POINTER(Token)),
        ("embd", Pointer),
        ("pos", Pointer),
        ("n_seq_id", Pointer),
        ("seq_id", Pointer),
        ("logits", Pointer),
    )


class ChainParams(c.Structure):
    """``struct llama_sampler_chain_params``."""

    _fields_ = (("no_perf", c.c_bool),)


LogCallback = c.CFUNCTYPE(None, c.c_int, c.c_char_p, Pointer)
ProgressCallback = c.CFUNCTYPE(c.c_bool, c.c_float, Pointer)

_TOKENS = c.POINTER(Token)
_WORKING: dict[str, tuple[Any, ...]] = {
    # Result, then arguments. These may take long: ctypes lets other threads run meanwhile.
    "llama_backend_init": (None,),
    "llama_model_load_from_file": (Pointer, c.c_char_p, ModelParams),
    "llama_model_load_from_file_ptr": (Pointer, Pointer, ModelParams),
    "llama_model_free": (None, Pointer),
    "llama_init_from_model": (Pointer, Pointer, ContextParams),
    "llama_free": (None, Pointer),
    "llama_tokenize": (c.c_int32, Pointer, c.c_char_p, c.c_int32, _TOKENS, c.c_int32, c.c_bool, c.c_bool),
    "llama_decode": (c.c_int32, Pointer, Batch),
    "llama_sampler_sample": (Token, Pointer, Pointer, c.c_int32),
    "llama_memory_clear": (None, Pointer, c.c_bool),
    "llama_memory_seq_rm": (c.c_bool, Pointer, c.c_int32, c.c_int32, c.c_int32),
}
_QUICK: dict[str, tuple[Any, ...]] = {
    # These return at once; giving other threads the interpreter in between would only cost time.
    "llama_log_set": (None, LogCallback, Pointer),
    "llama_version": (c.c_char_p,),
    "llama_supports_gpu_offload": (c.c_bool,),
    "llama_model_default_params": (ModelParams,),
    "llama_context_default_params": (ContextParams,),
    "llama_sampler_chain_default_params": (ChainParams,),
    "llama_model_get_vocab": (Pointer, Pointer),
    "llama_model_has_encoder": (c.c_bool, Pointer),
    "llama_model_has_decoder": (c.c_bool, Pointer),
    "llama_vocab_n_tokens": (c.c_int32, Pointer),
    "llama_vocab_bos": (Token, Pointer),
    "llama_vocab_eos": (Token, Pointer),
    "llama_vocab_get_add_bos": (c.c_bool, Pointer),
    "llama_vocab_get_attr": (c.c_int, Pointer, Token),
    "llama_vocab_get_text": (c.c_char_p, Pointer, Token),
    "llama_vocab_is_eog": (c.c_bool, Pointer, Token),
    "llama_token_to_piece": (c.c_int32, Pointer, Token, c.c_char_p, c.c_int32, c.c_int32, c.c_bool),
    "llama_get_memory": (Pointer, Pointer),
    "llama_get_logits_ith": (c.POINTER(c.c_float), Pointer, c.c_int32),
    "llama_get_embeddings_seq": (c.POINTER(c.c_float), Pointer, c.c_int32),
    "llama_model_n_embd_out": (c.c_int32, Pointer),
    "llama_sampler_chain_init": (Pointer, ChainParams),
    "llama_sampler_chain_add": (None, Pointer, Pointer),
    "llama_sampler_accept": (None, Pointer, Token),
    "llama_sampler_free": (None, Pointer),
    "llama_sampler_init_greedy": (Pointer,),
    "llama_sampler_init_dist": (Pointer, c.c_uint32),
    "llama_sampler_init_top_k": (Pointer, c.c_int32),
    "llama_sampler_init_top_p": (Pointer, c.c_float, c.c_size_t),
    "llama_sampler_init_min_p": (Pointer, c.c_float, c.c_size_t),
    "llama_sampler_init_temp": (Pointer, c.c_float),
    "llama_sampler_init_penalties": (Pointer, c.c_int32, c.c_int32, c.c_float, c.c_float, c.c_float),
}


class Abort:
    r"""A request to stop that llama.cpp looks at between two steps of its graph, without entering Python.

    It calls a ``bool f(void *)``: ``strlen`` of the empty string is 0, of "\1" it is 1.
    """

    def __init__(self) -> None:
        """Not requested."""
        self._text = c.create_string_buffer(2)
        self.data = c.cast(self._text, c.c_void_p)

    @property
    def callback(self) -> int:
        """Address of the function; raises :class:`MachineUnable` where the C library has none."""
        found: int | None = c.cast(c.CDLL(None).strlen, c.c_void_p).value
        if found is None:
            raise MachineUnable("the C library has no strlen")
        return found

    @property
    def requested(self) -> bool:
        """Whether to stop."""
        return self._text[0] != b"\0"

    def request(self) -> None:
        """Ask for a stop."""
        self._text[0] = b"\1"

    def clear(self) -> None:
        """Take the request back."""
        self._text[0] = b"\0"


_DEFAULTS = (
    (-1, -1, False, False, True, False),
    (512, 2048, 512, 1, -1, -1),
    (1, 1, 0, False, True, 0),
)


class Library:
    """llama.cpp, opened. One per process: :func:`library`. Functions are attributes under their C names."""

    def __init__(self, path: Path) -> None:
        """Open the shared library ``path``; raises :class:`ModelUnavailable` when its structures are not those above."""
        self.path = path
        self._lines: collections.deque[str] = collections.deque(maxlen=12)
        working, quick = c.CDLL(str(path)), c.PyDLL(str(path))
        for handle, table in ((working, _WORKING), (quick, _QUICK)):
            for name, (result, *arguments) in table.items():
                self._bind(handle, name, result, arguments)
        self._check_layout()
        # Last, because C keeps the address: an object that is refused must not leave its callback behind.
        self._callback = LogCallback(self._log)
        self.llama_log_set(self._callback, None)
        self.llama_backend_init()

    def __getattr__(self, name: str) -> Any:
        # Only reached for a name that was not bound; tells type checkers that the bound ones exist.
        raise AttributeError(name)

    def _bind(self, handle: c.CDLL, name: str, result: Any, arguments: list[Any]) -> None:
        try:
            function = getattr(handle, name)
        except AttributeError as problem:
            raise _wrong_build(f"it has no {name}") from problem
        function.restype = result
        function.argtypes = arguments
        setattr(self, name, function)

    def _check_layout(self) -> None:
        """Defaults that the pinned build is known to have, at both ends of each structure."""
        model, context = self.llama_model_default_params(), self.llama_context_default_params()
        shown = (
            (model.n_gpu_layers, model.load_mode, bool(model.kv_overrides), model.vocab_only, model.use_extra_bufts, model.load_mtp),
            (context.n_ctx, context.n_batch, context.n_ubatch, context.n_seq_max, context.pooling_type, context.flash_attn_type),
            (context.type_k, context.type_v, context.moe_cache_size, context.embeddings, context.swa_full, context.n_samplers),
        )
        if shown != _DEFAULTS:
            raise _wrong_build("its default parameters are not those of the pinned build")

    def _log(self, level: int, text: bytes | None, _: object) -> None:
        if text is None:
            return
        line = text.decode("utf-8", "replace").rstrip()
        if level == _LOG_CONTINUED:
            if self._lines and line.strip(". "):
                self._lines[-1] += line
        elif level >= _LOG_WARNING and line:
            self._lines.append(line)

    def forget(self) -> None:
        """Drop what was logged so far."""
        self._lines.clear()

    def last_words(self, lines: int = 3) -> str:
        """The last warnings and errors the library logged, newest last, on one line; ``""`` when it said nothing."""
        return "; ".join(list(self._lines)[-lines:])


def installed() -> Path:
    """Where the binding's shared library lies. Opens nothing.

    Raises:
        ModelUnavailable: the package is not installed, or it is another build than the pinned one.
    """
    spec = util.find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise ModelUnavailable("local models need llama.cpp, and its binding is not installed", hint=INSTALL)
    try:
        build = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        build = "unknown"
    if build != BUILD:
        raise _wrong_build(f"build {build} is installed")
    found = [path for folder in folders for path in sorted(Path(folder).glob(f"{PACKAGE}*.so"))]
    if not found:
        raise _wrong_build("its shared library is missing")
    return found[0]


def _wrong_build(reason: str) -> ModelUnavailable:
    return ModelUnavailable(f"this version works with {PACKAGE} {BUILD} only: {reason}", hint=f"{INSTALL} --force-reinstall")


def check_cpu(cpuinfo: str | None = None, machine: str | None = None) -> None:
    """Raise :class:`MachineUnable` where the wheel's code would end in an illegal instruction (x86-64 without AVX2, FMA or F16C)."""
    if (machine or platform.machine()) not in {"x86_64", "AMD64"}:
        return
    if cpuinfo is None:
        try:
            cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
    flags = next((line.partition(":")[2].split() for line in cpuinfo.splitlines() if line.startswith("flags")), None)
    missing = [name for name in ("avx2", "fma", "f16c", "bmi2") if name not in flags] if flags else []
    if missing:
        raise MachineUnable(
            f"this processor lacks {', '.join(missing).upper()}, which the installed llama.cpp needs",
            hint="use a machine with a processor from 2013 (Intel Haswell) or later, or name an API with provider: and api_base:",
        )


def open_failure(problem: OSError) -> TeaError:
    """What the dynamic loader said → an error that says what to install."""
    text = str(problem)
    if "libgomp" in text:
        return MachineUnable("llama.cpp needs the system library libgomp.so.1, which is not installed", hint="apt-get install libgomp1")
    if "GLIBC" in text:
        return MachineUnable(f"this system's C library is too old for the installed llama.cpp: {text}", hint="use a newer system")
    if "cannot map" in text or "failed to map" in text or "annot allocate" in text or problem.errno == errno.ENOMEM:
        return MachineUnable(f"there is not enough memory to open llama.cpp: {text}", hint="free memory, or raise the limit: ulimit -v")
    return ModelUnavailable(f"llama.cpp cannot be opened: {text}", hint=f"{INSTALL} --force-reinstall")


SPIN = "2000"
"""How often a waiting thread of llama.cpp looks before it sleeps (``GOMP_SPINCOUNT`` of GCC's OpenMP run time).

Its default of 300,000 is made for machines with nothing else to do: with two threads on two cores and one other
busy process a 120M model fell from 97 to 6 tokens a second. With this value it kept 30, and lost nothing alone.
"""

_OPEN: list[Library] = []
_OPENING = threading.Lock()


def library() -> Library:
    """The opened library, opened at the first call and kept for the life of the process.

    Raises:
        ModelUnavailable: not installed, or not the pinned build.
        MachineUnable: the processor or the system lacks something.
    """
    with _OPENING:
        if not _OPEN:
            path = installed()
            check_cpu()
            machine.check_room()
            try:
                with _patient_threads():
                    _OPEN.append(Library(path))
            except OSError as problem:
                raise open_failure(problem) from problem
        return _OPEN[0]


@contextmanager
def _patient_threads() -> Iterator[None]:
    """The run time reads its variables while it is opened; what the user set stays, and no child process sees ours."""
    if {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(os.environ):
        yield
        return
    os.environ["GOMP_SPINCOUNT"] = SPIN
    try:
        yield
    finally:
        del os.environ["GOMP_SPINCOUNT"]


def load_model(library: Library, path: Path, params: ModelParams) -> int | None:
    """The model in the file ``path``, or at its place inside the image this program runs from; ``None`` where llama.cpp refuses it.

    From an image it is mapped where it lies: llama.cpp reads a GGUF from the current position of a stream and keeps to it.
    """
    region = embedded.region(path)
    model: int | None
    if region is None:
        model = library.llama_model_load_from_file(os.fsencode(path), params)
        return model
    with _stream(region) as stream:
        model = library.llama_model_load_from_file_ptr(stream, params)
    return model


@contextmanager
def _stream(region: embedded.Region) -> Iterator[int]:
    """A C stream that stands at the start of ``region``. A mapping made from it outlives it."""
    c_library = c.CDLL(None, use_errno=True)
    c_library.fopen.restype = Pointer
    c_library.fclose.argtypes = (Pointer,)
    c_library.fseeko.argtypes = (Pointer, c.c_int64, c.c_int)
    stream: int | None = c_library.fopen(os.fsencode(region.file), b"rbe")
    if not stream:
        reason = os.strerror(c.get_errno()).lower()
        raise ModelUnavailable(f"cannot open the image {region.file}: {reason}", hint="start it again from where it lies now")
    try:
        c_library.fseeko(stream, region.offset, os.SEEK_SET)
        yield stream
    finally:
        c_library.fclose(stream)
