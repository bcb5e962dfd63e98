"""What the user told is told back, the last version of it."""

from __future__ import annotations

import re

from tea_training.corpus.skills import memory
from training.tests.corpus.skills.chats import chats, exchanges


def test_memory_answers_with_the_last_thing_told() -> None:
    checked = 0
    for chat in chats(memory):
        said = ""
        for question, answer in exchanges(chat):
            if match := re.fullmatch(r"Your (.+) is (.+)\.", answer):
                checked += 1
                assert match[2] in said
                if changed := re.findall(rf"(?i)my {match[1]} (?:is now|is|to|has changed to) (\S+)", said):
                    assert changed[-1].rstrip(".") in match[2] or match[2].startswith(changed[-1].rstrip("."))
            said += f"\n{question}"
    assert checked > 500


def test_lists_are_read_back_whole_and_counted() -> None:
    checked = 0
    for chat in chats(memory):
        if chat.kind != "list":
            continue
        told = " ".join(turn.content for turn in chat.turns[:-2] if turn.role == "user")
        answer = chat.turns[-1].content
        if answer.isdigit():
            assert int(answer) == told.count(",") + len(re.findall(r",? and ", told)) - told.count(", and ") + (len(chat.turns) - 2) // 2
        else:
            assert all(item in told for item in answer.split(", "))
        checked += 1
    assert checked > 200
