"""Pairs of texts: the same ones from a seed, told apart by what they say, words and wordings of the tests held out."""

from __future__ import annotations

import re

from tea_training.corpus import faq, pairs, words
from tea_training.corpus.draw import Draw, held_out
from tea_training.corpus.pairs import Pair, fits, wording


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
