"""The stand-ins for the big models, small ones of the same kind: llama.cpp runs each, and the big ones would have the right size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.benchmarks.appimage.standins import MODELS

from the_edge_agent.models import catalogue, header

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "appimage" / "standins.py"
FLOW = "name: one\nnodes: [{name: ask, uses: llm.call, with: {prompt: Hi, max_tokens: 4, temperature: 0}, output: said}]\n"


def standins(*words: str | Path) -> str:
    return subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    standins("--small", made)
    return made


@pytest.mark.llm
@pytest.mark.parametrize("name", MODELS)
def test_each_model_of_the_variants_has_one_that_answers(folder: Path, tmp_path: Path, name: str) -> None:
    flow = tmp_path / "one.yaml"
    flow.write_text(FLOW, encoding="utf-8")
    words: list[str | Path] = [sys.executable, "-m", "the_edge_agent", "run", flow, "--gguf", folder / name]
    said = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)["said"]
    assert said["model"] == name
    assert said["usage"]["completion_tokens"] == 4
    assert said["content"]


@pytest.mark.parametrize(
    ("name", "architecture", "quantisation"),
    [
        ("gemma-3n-E4B-it-Q4_K_M.gguf", "gemma3n", "Q4_K_M"),
        ("microsoft_Phi-4-mini-instruct-Q3_K_S.gguf", "phi3", "Q3_K_S"),
        ("gemma-3-1b-it-Q8_0.gguf", "gemma3", "Q8_0"),
    ],
)
def test_its_architecture_is_the_real_one(folder: Path, name: str, architecture: str, quantisation: str) -> None:
    found = header.read(folder / name)
    known = catalogue.known(name)
    assert known
    assert (found.architecture, found.quantisation, found.context_length) == (architecture, quantisation, known.context)


def test_the_big_ones_would_be_as_large_as_the_published_files(tmp_path: Path) -> None:
    planned = {}
    for line in standins("--plan", tmp_path).splitlines():
        path, size = line.removesuffix(" bytes").rsplit(": ", 1)
        planned[Path(path).name] = int(size.replace(",", ""))
    published = {name: known.expected_size for name in MODELS if (known := catalogue.known(name))}
    assert planned == pytest.approx(published, rel=0.005)
    assert not list(tmp_path.iterdir())


def test_the_bytes_are_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    name = "microsoft_Phi-4-mini-instruct-Q3_K_S.gguf"
    standins("--small", tmp_path, name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / MODELS[0]).write_bytes(b"mine")
    standins("--small", tmp_path, MODELS[0])
    assert (tmp_path / MODELS[0]).read_bytes() == b"mine"


def test_no_room_leaves_no_file(tmp_path: Path) -> None:
    words: list[str | Path] = ["bash", "-c", 'ulimit -f 64; exec "$@"', "-", sys.executable, SCRIPT, "--small", tmp_path, MODELS[0]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot be written: File too large" in done.stderr
    assert not list(tmp_path.iterdir())
