"""The header reader against the built-in model, and against every way a file can be broken."""

from __future__ import annotations

import contextlib
import os
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.models import builtin, header

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = builtin.path().read_bytes()


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(*entries: bytes, tensors: int = 0, keys: int | None = None, version: int = 3, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, len(entries) if keys is None else keys) + b"".join(entries) + rest


ARCHITECTURE = text("general.architecture") + struct.pack("<I", 8) + text("llama")


def refused(folder: Path, data: bytes) -> str:
    path = folder / "model.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelUnavailable) as caught:
        header.read(path)
    assert str(path) in caught.value.message
    return caught.value.message


def test_the_built_in_model_tells_what_it_is() -> None:
    found = header.read(builtin.path())
    assert (found.name, found.architecture, found.quantisation) == ("The Edge Agent tiny chat", "llama", "Q8_0")
    assert found.context_length == 2048
    assert found.size == len(WHOLE)
    assert found.tensor_count == 56
    assert "<|im_start|>" in (found.chat_template or "")
    # Two caches (K and V) of F16, 6 layers of 4 heads of 64.
    assert found.cache_bytes(100) == 100 * 2 * 6 * 4 * 64 * 2


def test_vocabularies_are_stepped_over() -> None:
    metadata = header.read(builtin.path()).metadata
    assert "tokenizer.ggml.tokens" not in metadata
    assert metadata["tokenizer.ggml.eos_token_id"] == 2


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    for architecture in ("llama", "phi3!"):
        path.unlink(missing_ok=True)
        path.write_bytes(gguf(text("general.architecture") + struct.pack("<I", 8) + text(architecture)))
        assert header.read(path).architecture == architecture
        assert header.read(path) is header.read(path)


def test_short_number_arrays_are_kept(tmp_path: Path) -> None:
    array = text("llama.heads") + struct.pack("<IIQ3I", 9, 4, 3, 1, 2, 3)
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(ARCHITECTURE, array))
    assert header.read(path).metadata["llama.heads"] == (1, 2, 3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"GG", "not a GGUF file"),
        (b"PK\x03\x04" + bytes(100), "not a GGUF file"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
        (gguf(ARCHITECTURE, version=1), "version 1; versions 2 and 3"),
        (gguf(ARCHITECTURE, version=99), "version 99"),
        (gguf(tensors=2**63), "9223372036854775808 tensors"),
        (gguf(keys=2**40), "1099511627776 metadata entries"),
        (gguf(), "no general.architecture"),
        (gguf(ARCHITECTURE, ARCHITECTURE), "'general.architecture' twice"),
        (gguf(struct.pack("<Q", 2**60)), "a metadata key claims to be 1152921504606846976 bytes"),
        (gguf(text("k") + struct.pack("<I", 77)), "unknown kind 77"),
        (gguf(text("k") + struct.pack("<IIQ", 9, 4, 2**61)), "claims 2305843009213693952 values"),
        (gguf(text("k") + struct.pack("<IIQ", 9, 8, 2**61)), "claims 2305843009213693952 values"),
        (gguf(text("k") + struct.pack("<IIQ", 9, 9, 1)), "unsupported kind 9"),
        (gguf(ARCHITECTURE, keys=2), "truncated: the header goes on"),
        (gguf(ARCHITECTURE, text("general.alignment") + struct.pack("<II", 4, 0)), "alignment 0"),
        (gguf(ARCHITECTURE, tensors=1, rest=text("t") + struct.pack("<I", 9)), "9 dimensions"),
        (gguf(ARCHITECTURE, tensors=1, rest=text("t") + struct.pack("<IQIQ", 1, 2**50, 0, 0)), "its weights need"),
    ],
)
def test_a_broken_header_is_refused_with_the_exact_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    assert reason in refused(tmp_path, data)


@pytest.mark.parametrize("part", [0.001, 0.01, 0.5, 0.999])
def test_half_a_download_is_refused(tmp_path: Path, part: float) -> None:
    assert "truncated" in refused(tmp_path, WHOLE[: int(len(WHOLE) * part)])


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="it is a folder"):
        header.read(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="there is no such file"):
        header.read(tmp_path / "none.gguf")


def test_a_named_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(ModelUnavailable, match="not a regular file"):
        header.read(tmp_path / "pipe.gguf")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2000), st.binary(min_size=1, max_size=16))
def test_any_damage_ends_in_a_header_or_in_a_clear_error(tmp_path: Path, at: int, damage: bytes) -> None:
    path = tmp_path / "damaged.gguf"
    path.write_bytes(WHOLE[:at] + damage + WHOLE[at + len(damage) : 200_000])
    # Anything but ModelUnavailable fails the test.
    with contextlib.suppress(ModelUnavailable):
        header.read(path)
