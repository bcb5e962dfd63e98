"""The images that are released: which there are, what goes into each, and what the command that builds them refuses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.unit.image.conftest import build_engine, needs_mksquashfs

from release.build import ROOT, variants
from the_edge_agent import __version__
from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_engine(tmp_path_factory.mktemp("engine")).path


def build(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "release.build", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_the_table_names_the_artifacts_and_their_models() -> None:
    table = variants.table()
    assert {name: row.models for name, row in table.items()} == {
        "tea-python": (),
        "tea-python-llm": ("built-in",),
        "tea-python-llm-gemma": ("gemma-3n-E4B-it-Q4_K_M.gguf", "built-in"),
        "tea-python-llm-phi4": ("microsoft_Phi-4-mini-instruct-Q3_K_S.gguf", "built-in"),
        "tea-python-llm-gemma3-1b": ("gemma-3-1b-it-Q8_0.gguf", "built-in"),
        "tea-python-llm-qwen": ("Qwen3.5-4B-Q4_K_M.gguf", "built-in"),
        "tea-python-llm-gemma4-e2b": ("gemma-4-E2B-it-Q4_K_M.gguf", "built-in"),
    }
    assert table["tea-python"].file_name("aarch64") == f"tea-python-{__version__}-aarch64.AppImage"


def test_the_help_names_every_variant() -> None:
    done = build("variant", "--help")
    assert done.returncode == 0
    assert [name for name in variants.table() if name not in done.stdout] == []


def test_a_variant_that_is_not_there_is_refused_with_those_that_are() -> None:
    done = build("variant", "nope")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error [USAGE]: there is no variant nope\n")
    assert "tea-python-llm-gemma" in done.stderr


@needs_mksquashfs
def test_the_models_of_the_table_go_in(engine: Path, tmp_path: Path) -> None:
    model = tmp_path / "gemma-3-1b-it-Q8_0.gguf"
    shutil.copy(builtin.path(), model)
    done = build("variant", "tea-python-llm-gemma3-1b", "--engine", engine, "--model", model, "-o", tmp_path / "x")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    first, *models = done.stderr.splitlines()
    assert first.startswith(f"{tmp_path / 'x'}: {(tmp_path / 'x').stat().st_size:,} bytes, x86_64, tea 1.2.3 ")
    assert [line.split(":")[0] for line in models] == [
        f"  usr/share/models/{name}" for name in (model.name, builtin.FILE_NAME, builtin.EMBEDDING_FILE_NAME)
    ]


@needs_mksquashfs
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["tea-python"], 2, "is not the engine of tea-python"),
        (["tea-python-llm", "--model", "other.gguf"], 2, "tea-python-llm takes no model other.gguf"),
        (["tea-python-llm-phi4", "--model", "microsoft_Phi-4-mini-instruct-Q3_K_S.gguf"], 8, "there is no such file"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(engine: Path, tmp_path: Path, words: list[str], code: int, said: str) -> None:
    done = build("variant", *words, "--engine", engine, "-o", tmp_path / "x")
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert not list(tmp_path.iterdir())
