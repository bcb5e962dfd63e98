"""Sentences of a class, composed: what gives the class away, and frames that fit any class.

A list of whole sentences teaches those sentences. Here a noun that belongs to one class meets predicates of that class,
or a frame that says nothing about the class, so a text is told by the words that matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tea_training.corpus.pools import Pool, read

if TYPE_CHECKING:
    from tea_training.corpus.draw import Draw


_DATA: Final = read("cues")


@dataclass(frozen=True, slots=True)
class Cues:
    """Nouns of a class and what is said of any of them."""

    nouns: Pool
    said: Pool


TICKETS: Final = {name: Cues(**cues) for name, cues in _DATA["tickets"].items()}
"""By the first name of the class."""
TOPICS: Final = {name: Cues(**cues) for name, cues in _DATA["topics"].items()}
"""By the first name of the class."""


def text(draw: Draw, name: str) -> str | None:
    """A composed sentence of the class ``name``, of this half; ``None`` for a class without cues."""
    ticket = name in TICKETS
    cues = TICKETS.get(name) or TOPICS.get(name)
    if cues is None:
        return None
    frames: Pool = _DATA["ticket_frames" if ticket else "topic_frames"]

    def make() -> tuple[str, str]:
        # Goods can be bought, wished for and sent back: only what is said of them tells which.
        loose = name in {"refund", "sales", "feedback", "job"} or draw.chance(0.6)
        return draw.one(cues.said if loose else frames), draw.one(cues.nouns)

    frame, noun = draw.fresh(make, lambda made: f"cue:{made[0]}:{made[1]}", 6)
    made = frame.format(n=noun)
    return made[0].upper() + made[1:]
