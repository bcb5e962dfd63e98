"""Labels are those of the prompt, and fit the text."""

from __future__ import annotations

import json
import re

from tea_training.corpus.skills import classification
from training.tests.corpus.skills.chats import answers, asked, both


def test_labels_are_written_as_in_the_prompt() -> None:
    for chat in both(classification):
        prompt = asked(chat)
        for answer in answers(chat):
            label = next(iter(json.loads(answer).values())) if answer.startswith("{") else answer
            if chat.kind == "yes/no":
                assert label.lower() in {"yes", "no", "true", "false"}
                assert label in prompt or label.lower() in prompt.lower()
            elif chat.kind == "sentiment" and label not in prompt:
                assert label in {"positive", "negative", "neutral"}
            else:
                assert label in prompt


def test_sentiments_agree_with_the_words_of_the_text() -> None:
    for chat in both(classification):
        users = [turn.content for turn in chat.turns if turn.role == "user"]
        if chat.kind != "sentiment" or len(users) > 1:
            continue
        text, label = asked(chat), answers(chat)[0].lower()
        if "recommend the" in text or "first" in text:
            continue
        if re.search(r"\b(I love this|Best \w+ ever|works perfectly)\b", text):
            assert re.search("pos|good|happy|^[123]|\\{", label), (text, label)
        if re.search(r"\b(I hate this|Worst \w+ ever|does not work)\b", text):
            assert re.search("neg|bad|unhappy|^[123]|\\{", label), (text, label)
