"""The catalogue: its form, and its entries against the files of it that are here."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.models import builtin, header
from the_edge_agent.models.catalogue import KnownModel, catalogue, known, named, read

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("path", [builtin.path(), builtin.embedding_path()], ids=lambda path: path.name)
def test_the_entries_of_the_built_in_models_are_true(path: Path) -> None:
    entry = known(path.name)
    assert entry is not None
    found = header.read(path)
    assert entry.embeds == found.pooling
    assert (entry.size, entry.context, entry.licence) == (found.size, found.context_length, found.text("general.license"))
    assert (entry.sha256, entry.family) == (hashlib.sha256(path.read_bytes()).hexdigest(), found.architecture)
    assert entry.sources == ()


def test_where_several_are_found_the_order_is_this() -> None:
    preferred = [model.file_name for model in catalogue() if model.preferred]
    assert preferred == [
        "gemma-3-1b-it-Q8_0.gguf",
        "microsoft_Phi-4-mini-instruct-Q3_K_S.gguf",
        "gemma-3n-E4B-it-Q4_K_M.gguf",
        "Qwen3.5-4B-Q4_K_M.gguf",
        "gemma-4-E2B-it-Q4_K_M.gguf",
        builtin.FILE_NAME,
        builtin.EMBEDDING_FILE_NAME,
    ]


def test_a_model_is_known_by_its_file_and_by_its_name() -> None:
    gemma = named("gemma")
    assert gemma is not None
    assert gemma is named("Gemma") is known("gemma-3n-E4B-it-Q4_K_M.gguf")
    assert str(gemma.sources[0]) == "unsloth/gemma-3n-E4B-it-GGUF/gemma-3n-E4B-it-Q4_K_M.gguf"
    assert known("unknown.gguf") is None
    assert named("unknown") is None


def test_names_mean_one_thing() -> None:
    names = [model.name for model in catalogue()]
    files = [model.file_name for model in catalogue()]
    assert len({*names, *files, *(file.removesuffix(".gguf") for file in files)}) == 3 * len(files)


@pytest.mark.parametrize("model", catalogue(), ids=lambda model: model.name)
def test_every_entry_is_complete(model: KnownModel) -> None:
    assert re.fullmatch(r"[a-z0-9.-]+", model.name)
    assert model.file_name.endswith(".gguf")
    assert model.terms.startswith("https://")
    assert model.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", model.sha256)
    assert model.size is None or model.about is None
    assert model.title
    assert model.licence
    assert model.family
    assert not model.locked or (model.size and model.sha256 and all(re.fullmatch(r"[0-9a-f]{40}", one.revision) for one in model.sources))


def test_a_source_may_name_a_commit() -> None:
    text = 'title = ""\nfile = "x.gguf"\nsources = ["a/b@0123", "c/d"]\nlicence = ""\nterms = ""\ncontext = 1\nfamily = ""\n'
    (model,) = read(f"[x]\n{text}")
    assert [(source.repository, source.revision) for source in model.sources] == [("a/b", "0123"), ("c/d", "main")]
    with pytest.raises(TypeError, match="sizze"):
        read(f"[x]\n{text}sizze = 1\n")
