"""The embedding model's recipe: its pairs, a few steps of the real line, and the file in the package by its report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tea_training import retrieval
from tea_training.corpus import faq, pairs, words
from tea_training.corpus.draw import Draw, held_out
from tea_training.corpus.pairs import Pair, fits, wording
from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from pathlib import Path

WHY = "the recipe's own dependencies are not installed (training/README.md)"


def test_pairs_follow_from_the_seed_and_no_text_comes_twice_in_a_batch() -> None:
    batch = pairs.batch(Draw(5), 300)
    assert batch == pairs.batch(Draw(5), 300)
    assert batch != pairs.batch(Draw(6), 300)
    texts = [text for pair in batch for text in (pair.first, pair.second)]
    assert len(texts) == len(set(texts)) == 600
    assert {"question", "keywords", "faq", "country", "deed", "label", "same question", "same statement"} == {pair.kind for pair in batch}
    assert not [text for text in texts if "{" in text.replace('{"', "") or not text.strip()]


def test_every_pair_fits_itself_and_answers_of_others_to_the_same_question() -> None:
    assert all(fits(pair, pair) for pair in pairs.batch(Draw(1), 500))
    museum = Pair("When does the museum open?", "It opens at 9.", frozenset({"m|open"}), frozenset({"m|open", "m|open|9"}), "question")
    later = Pair("The museum opens at 10.", "From 10 on it is open.", frozenset({"m|open|10"}), frozenset({"m|open", "m|open|10"}), "same")
    assert fits(museum, later)
    assert not fits(later, museum)


def test_words_and_wordings_of_the_test_half_are_held_out() -> None:
    held = {name for name in words.CITIES if held_out(f"entity:{name}", 8)}
    seen = " ".join(f"{pair.first} {pair.second}" for pair in pairs.batch(Draw(3), 3000))
    single = [name for name in held if " " not in name and len(name) > 4]
    capitals = {country.capital for country in words.COUNTRIES}
    assert single
    assert not [name for name in single if name not in capitals and re.search(rf"\b{name}\b", seen)]
    train, test = Draw(1), Draw(1, "test")
    templates = next(topic.asked for topic in faq.TOPICS if any(held_out(f"pair:{text}", 6) for text in topic.asked))
    assert {wording(test, templates) for _ in range(200)} - {wording(train, templates) for _ in range(200)}


def test_topics_have_several_wordings_and_synonyms_come_in_pairs() -> None:
    assert all(len(topic.asked) >= 3 and len(topic.told) >= 3 for topic in faq.TOPICS)
    assert len({topic.name for topic in faq.TOPICS}) == len(faq.TOPICS) > 50
    assert all(len(set(synonyms)) == 2 for synonyms in faq.SYNONYMS)


def test_search_by_words_finds_what_has_the_words() -> None:
    passages = ["The museum opens at 9.", "The pool is closed."]
    assert retrieval.by_words(["When is the pool closed?", "museum", "xyz"], passages) == [[1, 0], [0], []]


def test_a_few_steps_of_the_real_line(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason=WHY)
    pytest.importorskip("gguf", reason=WHY)
    from tea_training import embedding
    from tea_training.tokenizer import train as learn

    texts = [text for pair in pairs.batch(Draw(9), 1500) for text in (pair.first, pair.second)]
    tokenizer = learn(texts)
    tokenizer.save(tmp_path / "tokenizer.json")
    plan = embedding.Plan(tmp_path, tmp_path / "tokenizer.json", steps=6, pairs=32)
    files = embedding.export(embedding.train(plan), tmp_path / "tokenizer.json", tmp_path)
    assert retrieval.agreement(files["F16"], plan.result, tmp_path / "tokenizer.json", 40) > 0.999
    assert retrieval.agreement(files["Q8_0"], plan.result, tmp_path / "tokenizer.json", 40) > 0.99
    log = (tmp_path / "embedding.jsonl").read_text(encoding="utf-8")
    assert '"step": 6' in log

    batch = pairs.batch(Draw(2), 8)
    same = [Pair(pair.first, pair.second, frozenset({"k"}), frozenset({"k"}), "x") for pair in batch]
    first, second = torch.nn.functional.normalize(torch.randn(2, 8, 4), dim=-1)
    assert float(embedding.loss_of(same, first, second)) == pytest.approx(0, abs=1e-6)
    assert float(embedding.loss_of(batch, first, first)) < float(embedding.loss_of(batch, first, second))


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
