"""A seed makes the same corpus to the letter, so that a model can be made again and reports can be compared.

A change on purpose raises ``tea_training.VERSION`` and puts the new digests here, which a failing test shows.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from tea_training import VERSION, retrieval
from tea_training.corpus import mixture, pairs
from tea_training.corpus.chat import render
from tea_training.corpus.draw import Draw
from tea_training.evaluate import messages, questions, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tea_training.corpus.chat import Chat
    from tea_training.corpus.draw import Split, Wordings
    from tea_training.corpus.pairs import Pair

DIGESTS = {
    "context": "beec9ccab6992c7d",
    "relations": "92c3831a1d5ba28e",
    "extraction": "2ca3e5aabe5763f5",
    "classification": "b9887e1ba79f17b5",
    "tools": "93e417ce43064eea",
    "arithmetic": "f0e4cd0b8c252e72",
    "facts": "4b9bb2efccfd9313",
    "rewriting": "596a027f47b05faa",
    "talk": "72239d8e460f866d",
    "memory": "a98e845380229f1e",
    "stage copying": "183d965060a9f08b",
    "stage all": "5759fe1fb5497690",
    "test half, known wordings": "7885a7add697cf9a",
    "test half, new wordings": "d9312d0572d24402",
    "train half, known wordings": "b7885a665bb9a4f7",
    "pairs, train half": "ed7532a1316935bf",
    "pairs, test half": "25f511b9ef94760d",
    "retrieval": "0a1ca1467df15937",
}


def digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def trained(chat: Chat) -> str:
    """The pieces of a chat as the model sees them, each with whether it is learned."""
    return json.dumps([chat.skill, chat.kind, *render(chat)], ensure_ascii=False)


def told(pair: Pair) -> str:
    return json.dumps([pair.first, pair.second, sorted(pair.asks), sorted(pair.says), pair.kind], ensure_ascii=False)


def test_the_digests_are_those_of_this_version() -> None:
    assert VERSION == "1"


@pytest.mark.parametrize("skill", mixture.SHARES)
def test_a_skill_makes_the_same_chats(skill: str) -> None:
    draw = Draw(1)
    assert digest(trained(mixture.skills()[skill](draw)) for _ in range(100)) == DIGESTS[skill]


@pytest.mark.parametrize("stage", mixture.STAGES)
def test_training_sees_the_same_chats(stage: str) -> None:
    draw = Draw(1)
    assert digest(trained(mixture.chat(draw, stage)) for _ in range(300)) == DIGESTS[f"stage {stage}"]


@pytest.mark.parametrize(("split", "wordings"), [("test", "known"), ("test", "new"), ("train", "known")])
def test_the_evaluation_asks_the_same_questions(split: Split, wordings: Wordings) -> None:
    asked = (
        [*(message.content for message in messages(chat, at)), text_of(chat.turns[at])] for chat, at in questions(10, 1, split, wordings)
    )
    assert digest(json.dumps(each, ensure_ascii=False) for each in asked) == DIGESTS[f"{split} half, {wordings} wordings"]


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_embedding_model_learns_the_same_pairs(split: Split) -> None:
    assert digest(map(told, pairs.batch(Draw(1, split), 300))) == DIGESTS[f"pairs, {split} half"]


def test_the_embedding_model_is_asked_the_same_questions() -> None:
    found = retrieval.questions(1, 50)
    assert digest(told(pair) for pool in found.values() for pair in pool) == DIGESTS["retrieval"]
