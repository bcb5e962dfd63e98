"""What the embedding model in the package finds, beside full-text search."""

from __future__ import annotations

import pytest

from tea_training import retrieval
from the_edge_agent.models import builtin


def test_search_by_words_finds_what_has_the_words() -> None:
    passages = ["The museum opens at 9.", "The pool is closed."]
    assert retrieval.by_words(["When is the pool closed?", "museum", "xyz"], passages) == [[1, 0], [0], []]


@pytest.mark.llm
def test_the_file_in_the_package_finds_more_than_words_do() -> None:
    rows = retrieval.ask(builtin.embedding_path(), seed=2, count=120)
    right = {way: sum(row.first for row in rows if row.way == way) / 240 for way in ("vectors", "words")}
    assert right["vectors"] > 0.8
    assert right["vectors"] > right["words"] + 0.1


def test_the_documentation_has_the_figures_of_the_report() -> None:
    page = retrieval.CARD.read_text(encoding="utf-8")
    assert retrieval.figures(retrieval.kept()) in page
    assert retrieval.shown(page, retrieval.kept()) == page
