"""The binding: what it refuses, and what it says."""

from __future__ import annotations

import ctypes
from importlib import metadata

import pytest

from the_edge_agent.errors import MachineUnable, ModelUnavailable
from the_edge_agent.llm.local import llama


@pytest.mark.llm
def test_it_opens_once_and_knows_its_functions() -> None:
    opened = llama.library()
    assert opened is llama.library()
    assert opened.llama_version()
    with pytest.raises(AttributeError):
        _ = opened.llama_no_such_function


def test_another_build_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: "2026.1.1")
    with pytest.raises(ModelUnavailable, match=r"build 2026\.1\.1 is installed") as caught:
        llama.installed()
    assert "the-edge-agent[llm-local]" in (caught.value.hint or "")


@pytest.mark.llm
def test_other_structures_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = [field for field in llama.ContextParams._fields_ if field[0] != "moe_cache_size"]
    shorter = type("ContextParams", (ctypes.Structure,), {"_fields_": fields})
    monkeypatch.setitem(llama._QUICK, "llama_context_default_params", (shorter,))
    monkeypatch.setattr(shorter, "moe_cache_size", 0, raising=False)
    path = llama.installed()
    with pytest.raises(ModelUnavailable, match="default parameters"):
        llama.Library(path)


def test_an_old_processor_is_refused_before_it_can_crash() -> None:
    old = "processor : 0\nflags : fpu sse4_2 avx\n"
    with pytest.raises(MachineUnable, match="lacks AVX2, FMA, F16C, BMI2"):
        llama.check_cpu(old, "x86_64")
    llama.check_cpu("flags : avx2 fma f16c bmi2", "x86_64")
    llama.check_cpu(old, "aarch64")
    llama.check_cpu()


@pytest.mark.parametrize(
    ("said", "kind", "hint"),
    [
        ("libgomp.so.1: cannot open shared object file", MachineUnable, "apt-get install libgomp1"),
        ("version `GLIBC_2.38' not found", MachineUnable, "use a newer system"),
        ("file too short", ModelUnavailable, "--force-reinstall"),
    ],
)
def test_what_the_loader_says_becomes_what_to_type(said: str, kind: type[Exception], hint: str) -> None:
    problem = llama.open_failure(OSError(said))
    assert type(problem) is kind
    assert hint in (problem.hint or "")
