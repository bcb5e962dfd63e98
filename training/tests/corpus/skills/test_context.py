"""Answers stand in the context, or it is said that they do not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from training.tests.corpus.skills.chats import chats, exchanges

if TYPE_CHECKING:
    from tea_training.corpus.draw import Split

from tea_training.corpus import words
from tea_training.corpus.skills import context


@pytest.mark.parametrize(("split", "count"), [("train", 2000), ("test", 500)])
def test_context_answers_stand_in_the_context_or_are_the_one_sentence(split: Split, count: int) -> None:
    absent = answers = 0
    for chat in chats(context, split, count):
        sentence = "sentence" in chat.turns[0].content or "sentence" in chat.turns[1].content
        text = "\n".join(turn.content for turn in chat.turns[:2] if turn.role != "assistant")
        for _, answer in exchanges(chat):
            answers += 1
            absent += answer == context.ABSENT
            assert answer == context.ABSENT or answer in text or sentence
    assert 0.25 < absent / answers < 0.45


def test_names_in_contexts_of_the_tests_are_new() -> None:
    def names(split: Split, count: int) -> set[str]:
        return {
            word
            for chat in chats(context, split, count)
            for question, answer in exchanges(chat)
            for word in re.findall(r"(?<=of )[A-Z][a-z]+|(?<=does )[A-Z][a-z]+", question)
            if answer
        }

    shared = {word for pool in (words.COMPANIES, words.COMPANY_KINDS) for name in pool for word in name.split()}
    tested, trained = names("test", 500), names("train", 2000)
    assert len(tested) > 50
    # A word made of syllables may happen to be a real name, which then has its own side.
    assert len((tested & trained) - shared) <= len(tested) // 100
