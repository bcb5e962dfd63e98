"""The catalogue against the files of it that are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from the_edge_agent.models import builtin, header
from the_edge_agent.models.catalogue import CATALOGUE, known

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("path", [builtin.path(), builtin.embedding_path()], ids=lambda path: path.name)
def test_the_entries_of_the_built_in_models_are_true(path: Path) -> None:
    entry = known(path.name)
    assert entry is not None
    found = header.read(path)
    assert entry.embeds == found.pooling
    assert (entry.size, entry.context, entry.licence) == (found.size, found.context_length, found.text("general.license"))


def test_other_models_say_where_they_come_from() -> None:
    assert [model.file_name for model in CATALOGUE[:3]] == [
        "gemma-3-1b-it-Q8_0.gguf",
        "microsoft_Phi-4-mini-instruct-Q3_K_S.gguf",
        "gemma-3n-E4B-it-Q4_K_M.gguf",
    ]
    assert all(model.repository.count("/") == 1 for model in CATALOGUE[:3])
    assert known("unknown.gguf") is None
