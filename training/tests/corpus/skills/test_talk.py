"""The model says what it is, greets by name and repeats what it should."""

from __future__ import annotations

import re

from tea_training.corpus.skills import talk
from training.tests.corpus.skills.chats import chats, exchanges


def test_the_model_says_what_it_is() -> None:
    found = [answer for chat in chats(talk) if chat.kind == "identity" for question, answer in exchanges(chat) if "ChatGPT" in question]
    assert found
    assert set(found) == {talk.IDENTITY}


def test_greetings_and_echoes_use_the_words_of_the_user() -> None:
    checked = 0
    for chat in chats(talk, "test", 500):
        for question, answer in exchanges(chat):
            if match := re.fullmatch(r"(?:Hello|Goodbye|Thank you), (.+)!", answer):
                checked += 1
                assert match[1].split("!")[0] in question
            if chat.kind == "echo" and question.startswith("Repeat after me: "):
                assert question == f"Repeat after me: {answer}"
    assert checked > 30


def test_a_rule_to_always_say_something_is_obeyed() -> None:
    for chat in chats(talk):
        if chat.kind == "always":
            assert all(answer in chat.turns[0].content for _, answer in exchanges(chat))
