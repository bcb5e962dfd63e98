"""Which skills a chat shows: their shares, the curriculum, several skills in one chat, and what the system prompt says."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from tea_training.corpus.chat import Chat, system
from tea_training.corpus.pools import Pool, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw

SHARES: Final = {
    "context": 16,
    "relations": 30,
    "extraction": 14,
    "classification": 13,
    "tools": 8,
    "arithmetic": 7,
    "facts": 6,
    "rewriting": 2,
    "talk": 2,
    "memory": 2,
}
"""Every skill's share of the chats, in percent."""

COPYING: Final = {"context": 4, "extraction": 3, "relations": 2, "memory": 2, "rewriting": 2, "tools": 2}
"""In the first stage these shares are that many times as large: copying is what everything else needs."""

STAGES: Final = ("copying", "all")

GENERAL_PROMPTS: Final[Pool] = read("mixture")["general_prompts"]
"""System prompts that change nothing about the right answer."""


@cache
def skills() -> dict[str, Callable[[Draw], Chat]]:
    """Every skill's generator by name."""
    return {name: import_module(f"tea_training.corpus.skills.{name}").chat for name in SHARES}


@cache
def _lots(stage: str) -> tuple[str, ...]:
    return tuple(name for name, share in SHARES.items() for _ in range(share * (COPYING.get(name, 1) if stage == "copying" else 1)))


def chat(draw: Draw, stage: str = "all") -> Chat:
    """One chat for training: one skill or several in turn, with or without a system prompt."""
    made = _one(draw, stage)
    while draw.chance(0.12) and len(made.turns) < 24:
        made = _joined(made, _one(draw, stage))
    if draw.chance(0.004):
        while len(made.turns) < 60:
            longer = _joined(made, _one(draw, stage))
            if len(longer.turns) == len(made.turns):
                break
            made = longer
    if made.turns[0].role != "system" and draw.chance(0.25):
        made = Chat((system(draw.one(GENERAL_PROMPTS)), *made.turns), made.skill, made.kind, made.tools)
    return made


def _one(draw: Draw, stage: str) -> Chat:
    return skills()[draw.one(_lots(stage))](draw)


def _joined(first: Chat, second: Chat) -> Chat:
    """``second`` after ``first``, unless its system prompt or its tools would change what ``first`` means."""
    if second.turns[0].role == "system" or second.tools or first.turns[0].role == "system" or first.tools:
        return first
    return Chat((*first.turns, *second.turns), first.skill, first.kind, first.tools)
