"""A bounded, careful reader of GGUF headers.

Only the metadata and the list of tensors are read, never a weight. Whatever the file claims, at most
:data:`MOST_BYTES` are read, and a count, length or nesting that cannot be meant ends in
:class:`~the_edge_agent.errors.ModelUnavailable` with the exact reason.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.models import embedded

if TYPE_CHECKING:
    from pathlib import Path

Scalar = str | int | float | bool
Metadata = Mapping[str, "Scalar | tuple[int | float | bool, ...]"]

MOST_BYTES = 96 * 1024 * 1024
"""No known header, vocabularies of a quarter million entries included, comes near this."""
MOST_KEYS = 65_536
MOST_TENSORS = 65_536
MOST_DIMENSIONS = 4
LONGEST_KEY = 65_535
LONGEST_KEPT_STRING = 1024 * 1024
LONGEST_KEPT_ARRAY = 4096
"""Longer arrays (vocabularies, merges, scores) are stepped over."""

STRING, ARRAY = 8, 9
SCALARS: Mapping[int, struct.Struct] = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
"""Kind of a metadata value → its layout; beside these there are ``STRING`` and ``ARRAY``."""
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")

BLOCKS: Mapping[int, tuple[int, int]] = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    30: (1, 2),
}
"""ggml tensor type → (weights in a block, bytes of a block), for the types common enough to check sizes by."""

_FILE_TYPES: Mapping[int, str] = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4",
    39: "NVFP4",
}
"""``general.file_type`` → its usual name (``enum llama_ftype`` in llama.h)."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says about itself. ``size`` is the file's length in bytes."""

    path: Path
    size: int
    version: int
    tensor_count: int
    metadata: Metadata

    def text(self, key: str) -> str | None:
        """The string under ``key``, ``None`` when there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None

    def number(self, key: str) -> int | None:
        """The integer under ``key``, ``None`` when there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def architecture(self) -> str:
        """The name llama.cpp knows the kind of model by, ``"unknown"`` where the file does not say."""
        return self.text("general.architecture") or "unknown"

    @property
    def name(self) -> str:
        """The model's own name, else the file's."""
        return self.text("general.name") or self.path.stem

    @property
    def context_length(self) -> int | None:
        """Tokens the model was trained for."""
        return self.number(f"{self.architecture}.context_length")

    @property
    def chat_template(self) -> str | None:
        """The Jinja template of its conversations."""
        return self.text("tokenizer.chat_template")

    @property
    def pooling(self) -> bool:
        """Whether it says how the tokens of a text become one vector, as embedding models do."""
        return bool(self.number(f"{self.architecture}.pooling_type"))

    @property
    def quantisation(self) -> str:
        """The usual name of the file type such as ``Q8_0``; ``"?"`` where the file does not say."""
        number = self.number("general.file_type")
        return _FILE_TYPES.get(number, str(number)) if number is not None else "?"

    def cache_bytes(self, tokens: int) -> int:
        """Bytes of an F16 key/value cache for ``tokens`` tokens, every layer at full length (an upper bound); 0 where unknown."""
        layers = self.number(f"{self.architecture}.block_count") or 0
        heads = self.number(f"{self.architecture}.attention.head_count") or 0
        width = self.number(f"{self.architecture}.embedding_length") or 0
        head = width // heads if heads else 0
        key = self.number(f"{self.architecture}.attention.key_length") or head
        value = self.number(f"{self.architecture}.attention.value_length") or head
        kv_heads = self.metadata.get(f"{self.architecture}.attention.head_count_kv", heads)
        all_heads = (
            sum(int(one) for one in kv_heads) if isinstance(kv_heads, tuple) else layers * (kv_heads if isinstance(kv_heads, int) else 0)
        )
        return 2 * tokens * all_heads * (key + value)


_READ: dict[Path, tuple[tuple[embedded.Region | None, int, int, int, int], Header]] = {}
"""The last header of each file, and the state of the file then. To step over 262,144 tokens takes 35 ms, before the run and at loading."""


def read(path: Path) -> Header:
    """Read the header of the GGUF file ``path``, which may be a model inside the image this program runs from.

    Raises:
        ModelUnavailable: there is no such file, it cannot be read, or it is no intact GGUF; the message says why.
    """
    return read_region(path, embedded.region(path))


def read_region(path: Path, region: embedded.Region | None) -> Header:
    """As :func:`read`, of the bytes in ``region``; ``None`` is the file ``path`` itself, which else is only the model's name."""
    try:
        # Opened without blocking: a named pipe called x.gguf must not hang the program.
        descriptor = os.open(region.file if region else path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as problem:
        raise _unavailable(path, _os_reason(problem)) from problem
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise _unavailable(path, "it is a folder, not a file", hint="name the .gguf file inside it")
        if not stat.S_ISREG(status.st_mode):
            raise _unavailable(path, "it is not a regular file")
        return _unchanged(path, region, descriptor, status)
    except OSError as problem:
        raise _unavailable(path, _os_reason(problem)) from problem
    finally:
        os.close(descriptor)


def _unchanged(path: Path, region: embedded.Region | None, descriptor: int, status: os.stat_result) -> Header:
    """What was read last time, or now where the file is another one or has changed."""
    state = (region, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    before, found = _READ.get(path, (None, None))
    if found is None or before != state:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            file.seek(region.offset if region else 0)
            size = max(0, min(region.length, status.st_size - region.offset)) if region else status.st_size
            found = _Reader(path, file, size).header()
        _READ[path] = (state, found)
    return found


def _os_reason(problem: OSError) -> str:
    if isinstance(problem, FileNotFoundError):
        return "there is no such file"
    return (problem.strerror or type(problem).__name__).lower()


def _unavailable(path: Path, reason: str, *, hint: str | None = None) -> ModelUnavailable:
    return ModelUnavailable(f"cannot use the model {path}: {reason}", hint=hint)


class _Reader:
    """Walks through the header once; ``position`` never passes the bytes read so far."""

    def __init__(self, path: Path, file: BinaryIO, size: int) -> None:
        self.path = path
        self.file = file
        self.size = size
        self.limit = min(size, MOST_BYTES)
        self.data = bytearray()
        self.position = 0

    def fail(self, reason: str) -> NoReturn:
        raise _unavailable(self.path, reason, hint="get the file again; it is not an intact GGUF file")

    def need(self, count: int) -> int:
        """Make ``count`` more bytes available and return where they start; the position moves behind them."""
        start = self.position
        end = start + count
        if end > len(self.data):
            if end > self.size:
                self.fail(f"it is truncated: the header goes on at byte {start}, the file ends at byte {self.size}")
            if end > self.limit:
                self.fail(f"its header is longer than {MOST_BYTES} bytes")
            # Doubling keeps the number of reads small and the bytes read below twice the header.
            wanted = min(self.limit, max(end, 2 * len(self.data), 1024 * 1024))
            self.data += self.file.read(wanted - len(self.data))
            if end > len(self.data):
                self.fail("it became shorter while it was read")
        self.position = end
        return start

    def u32(self) -> int:
        start = self.need(4)
        found: int = _U32.unpack_from(self.data, start)[0]
        return found

    def u64(self) -> int:
        start = self.need(8)
        found: int = _U64.unpack_from(self.data, start)[0]
        return found

    def string(self, longest: int, what: str) -> str:
        length = self.u64()
        if length > longest:
            self.fail(f"{what} claims to be {length} bytes long (at most {longest} are read)")
        start = self.need(length)
        return self.data[start : start + length].decode("utf-8", "replace")

    def header(self) -> Header:
        if self.size == 0:
            self.fail("it is empty")
        start = self.need(4) if self.size >= 4 else 0  # noqa: PLR2004 - the length of the magic
        magic = bytes(self.data[start : start + 4])
        if magic != b"GGUF":
            self.fail("it is not a GGUF file (it does not start with 'GGUF')")
        version = self.u32()
        if version & 0xFFFF == 0:
            self.fail("it is a big-endian GGUF file; this machine needs a little-endian one")
        if version not in (2, 3):
            self.fail(f"it is GGUF version {version}; versions 2 and 3 can be read")
        tensors, keys = self.u64(), self.u64()
        if tensors > MOST_TENSORS or keys > MOST_KEYS:
            self.fail(f"its header claims {tensors} tensors and {keys} metadata entries, which cannot be")
        metadata = self.metadata(keys)
        if "general.architecture" not in metadata:
            self.fail("it has no general.architecture")
        self.check_tensors(tensors, metadata)
        return Header(self.path, self.size, version, tensors, metadata)

    def metadata(self, count: int) -> dict[str, Scalar | tuple[int | float | bool, ...]]:
        found: dict[str, Scalar | tuple[int | float | bool, ...]] = {}
        for _ in range(count):
            key = self.string(LONGEST_KEY, "a metadata key")
            if key in found:
                self.fail(f"its metadata has {key!r} twice")
            value = self.value(self.u32(), key)
            if value is not None:
                found[key] = value
        return found

    def value(self, kind: int, key: str) -> Scalar | tuple[int | float | bool, ...] | None:
        if kind == STRING:
            return self.string(LONGEST_KEPT_STRING, f"the value of {key!r}")
        if kind == ARRAY:
            return self.array(key)
        scalar = SCALARS.get(kind)
        if scalar is None:
            self.fail(f"the value of {key!r} is of the unknown kind {kind}")
        start = self.need(scalar.size)
        found: Scalar = scalar.unpack_from(self.data, start)[0]
        return found

    def array(self, key: str) -> tuple[int | float | bool, ...] | None:
        """A short array of numbers; ``None`` for anything else, which is stepped over."""
        kind, length = self.u32(), self.u64()
        if kind == STRING:
            self.skip_strings(length, key)
            return None
        scalar = SCALARS.get(kind)
        if scalar is None:
            self.fail(f"the array {key!r} holds values of the unsupported kind {kind}")
        if length > MOST_BYTES // scalar.size:
            self.fail(f"the array {key!r} claims {length} values, which cannot be")
        start = self.need(length * scalar.size)
        if length > LONGEST_KEPT_ARRAY:
            return None
        return tuple(one for (one,) in scalar.iter_unpack(bytes(self.data[start : self.position])))

    def skip_strings(self, length: int, key: str) -> None:
        if length > MOST_BYTES // 8:
            self.fail(f"the array {key!r} claims {length} values, which cannot be")
        # Without a call or an attribute in the common case: vocabularies have hundreds of thousands of entries.
        unpack, data, at, known = _U64.unpack_from, self.data, self.position, len(self.data)
        for _ in range(length):
            start = at + 8
            if start > known:
                self.position = at
                self.need(8)
                known = len(data)
            at = start + unpack(data, start - 8)[0]
            if at > known:
                self.position = start
                self.need(at - start)
                known = len(data)
        self.position = at

    def check_tensors(self, count: int, metadata: Metadata) -> None:
        """Every tensor must lie inside the file: this is how half a download is told from a whole one."""
        ends = []
        for _ in range(count):
            name = self.string(LONGEST_KEY, "a tensor name")
            dimensions = self.u32()
            if dimensions > MOST_DIMENSIONS:
                self.fail(f"the tensor {name!r} claims {dimensions} dimensions")
            weights = 1
            for _ in range(dimensions):
                weights *= self.u64()
            block, size = BLOCKS.get(self.u32(), (1, 0))
            ends.append(self.u64() + weights // block * size)
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
            self.fail(f"its alignment {alignment!r} is no power of two")
        data = -(-self.position // alignment) * alignment
        end = data + max(ends, default=0)
        if ends and end > self.size:
            self.fail(f"it is truncated: its weights need {end} bytes, the file has {self.size}")
