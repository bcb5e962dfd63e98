"""Chats of a skill to look at; every test that asks for the same ones gets them from one making."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from tea_training.corpus.chat import Chat, render
from tea_training.corpus.draw import Draw, Split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

COUNTS: Final[dict[Split, int]] = {"train": 2500, "test": 500}
JSON_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
}
SPLITS: Final[tuple[Split, ...]] = ("train", "test")


@cache
def chats(skill: ModuleType, split: Split = "train", count: int = 0, seed: int = 11) -> tuple[Chat, ...]:
    draw = Draw(seed, split)
    return tuple(skill.chat(draw) for _ in range(count or COUNTS[split]))


def both(skill: ModuleType) -> list[Chat]:
    """Chats of either half."""
    return [chat for split in SPLITS for chat in chats(skill, split)]


def whole(chat: Chat) -> str:
    return "".join(text for text, _ in render(chat))


def asked(chat: Chat) -> str:
    """Everything the model is given."""
    return "\n".join(turn.content for turn in chat.turns if turn.role != "assistant")


def answers(chat: Chat) -> list[str]:
    return [turn.content for turn in chat.turns if turn.role == "assistant"]


def exchanges(chat: Chat) -> Iterator[tuple[str, str]]:
    """Each message of the user with its answer."""
    for turn, answer in pairwise(chat.turns):
        if answer.role == "assistant":
            yield turn.content, answer.content


def leaves(value: Any) -> list[Any]:
    """What JSON data holds, without its keys."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]
