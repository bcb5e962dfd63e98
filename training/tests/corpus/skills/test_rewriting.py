"""Rewritten texts are those of the prompt, but for what was asked."""

from __future__ import annotations

import re

import pytest

from tea_training.corpus.skills import rewriting
from training.tests.corpus.skills.chats import answers, asked, both


def pieces(kind: str) -> list[tuple[str, str]]:
    return [(asked(chat), answers(chat)[0]) for chat in both(rewriting) if chat.kind == kind and len(answers(chat)) == 1]


@pytest.mark.parametrize("kind", ["sentence", "summary", "edge word"])
def test_choosing_copies_from_the_text(kind: str) -> None:
    assert pieces(kind)
    for prompt, answer in pieces(kind):
        assert answer in prompt


def test_replacing_changes_nothing_else() -> None:
    ways = r'(?:Replace|Change|Swap|Exchange|the word) "?(?P<o>[\w ]+?)"? (?:with|to|for|into) "?(?P<n>[\w ]+?)"?[.:]'
    checked = 0
    for prompt, answer in pieces("replace"):
        if found := re.search(ways, prompt):
            checked += 1
            assert found["o"] not in re.findall(r"\w+", answer)
            assert re.sub(rf"\b{re.escape(found['n'])}\b", found["o"], answer) in prompt, (prompt, answer)
    assert checked > 50


def test_bullets_are_the_items_of_the_sentence() -> None:
    for prompt, answer in pieces("bullets"):
        for line in answer.splitlines():
            assert line.startswith("- ")
            assert line[2:] in prompt
