"""Facts are those of the tables, and what is not in them gets the one answer."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from training.tests.corpus.skills.chats import chats, exchanges

if TYPE_CHECKING:
    from tea_training.corpus.draw import Split

from tea_training.corpus import words
from tea_training.corpus.skills import facts


def test_capitals_are_those_of_the_table() -> None:
    capitals = {country.in_text: country.capital for country in words.COUNTRIES}
    checked = 0
    halves: tuple[Split, ...] = ("train", "test")
    for split in halves:
        for chat in chats(facts, split, 500):
            for question, answer in exchanges(chat):
                if match := re.fullmatch(r"The capital of (.+) is (.+)\.", answer):
                    checked += 1
                    assert capitals[match[1]] == match[2]
                    assert match[1].removeprefix("the ") in question
    assert checked > 100


def test_other_facts_of_countries_are_those_of_the_table() -> None:
    table = {country.in_text: country for country in words.COUNTRIES}
    patterns = {
        "continent": r"(?P<c>.+) is in (?P<v>.+)\.",
        "language": r"People in (?P<c>.+) speak (?P<v>.+)\.",
        "currency": r"The currency of (?P<c>.+) is the (?P<v>.+)\.",
    }
    checked = 0
    for chat in chats(facts):
        answer = chat.turns[-1].content if len(chat.turns) == 2 else ""
        if chat.kind in patterns and (match := re.fullmatch(patterns[chat.kind], answer)):
            checked += 1
            country = table.get(match["c"]) or table[match["c"].replace("The ", "the ", 1)]
            assert getattr(country, chat.kind) == match["v"]
    assert checked > 30


def test_no_question_of_fact_is_in_both_halves() -> None:
    """Facts are known to both halves; a fact in this wording is not."""
    known = {"capital", "country", "continent", "language", "currency", "single", "color"}
    sizes: tuple[tuple[Split, int], ...] = (("train", 3000), ("test", 500))
    halves = [
        {chat.turns[0].content.lower() for chat in chats(facts, split, count) if chat.kind in known and len(chat.turns) == 2}
        for split, count in sizes
    ]
    plain = [{question for question in half if re.fullmatch(r"what is the capital of [a-z ]+\?", question)} for half in halves]
    assert not plain[0] & plain[1]
    assert not halves[0] & halves[1]


def test_what_is_not_known_gets_the_one_answer() -> None:
    answers = {answer for chat in chats(facts) if chat.kind == "unknown" and len(chat.turns) == 2 for _, answer in exchanges(chat)}
    assert {answer for answer in answers if not answer.startswith("{")} == {facts.UNKNOWN}
    assert all(json.loads(answer) == {"answer": facts.UNKNOWN} for answer in answers if answer.startswith("{"))
