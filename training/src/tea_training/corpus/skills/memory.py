"""Several turns: what the user told is asked for later, also after it has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tea_training.corpus.chat import Chat, Turn, assistant, user
from tea_training.corpus.pools import read
from tea_training.corpus.prose import listing
from tea_training.corpus.skills import facts
from tea_training.corpus.values import maker

if TYPE_CHECKING:
    from tea_training.corpus.draw import Draw
    from tea_training.corpus.pools import Pool
    from tea_training.corpus.values import Maker

NAME = "memory"
_DATA: Final = read(NAME)


@dataclass(frozen=True, slots=True)
class Slot:
    """One thing that a user may tell of himself."""

    name: str
    value: Maker
    told: Pool
    asked: Pool

    def draw(self, draw: Draw) -> str:
        """What some user tells."""
        return str(self.value(draw))


_SLOTS: Final = tuple(Slot(name, **each | {"value": maker(each["value"])}) for name, each in _DATA["slots"].items())
_NOTED: Final = "OK, I will remember that."


def _remember(draw: Draw) -> list[Turn]:
    """Facts about the user, perhaps one change, something between, then questions."""
    chosen = draw.some(_SLOTS, draw.number(2, 4))
    known = {slot.name: slot.draw(draw) for slot in chosen[:-1]}
    turns: list[Turn] = []
    said = [draw.phrase(slot.told).format(v=known[slot.name]) for slot in chosen[:-1]]
    if draw.chance(0.4):
        turns += [user(" ".join(said)), assistant(_NOTED)]
    else:
        turns += [turn for text in said for turn in (user(text), assistant(_NOTED))]
    if draw.chance(0.25):
        slot = draw.one(chosen[:-1])
        known[slot.name] = slot.draw(draw)
        turns += [user(draw.phrase(_DATA["change"]).format(s=slot.name, v=known[slot.name])), assistant(_NOTED)]
    if draw.chance(0.3):
        made = facts.known(draw)
        turns += [user(made.question), assistant(made.sentence)]
    for slot in draw.shuffled(chosen)[: draw.number(1, 3)]:
        answer = f"Your {slot.name} is {known[slot.name]}." if slot.name in known else f"You haven't told me your {slot.name}."
        turns += [user(draw.phrase(slot.asked)), assistant(answer)]
    return turns


def _list(draw: Draw) -> list[Turn]:
    """A list that grows, then what is on it or how long it is."""
    items: list[str] = []
    turns: list[Turn] = []
    name = draw.one(_DATA["lists"])
    for _ in range(draw.number(1, 3)):
        added = [item for item in dict.fromkeys(draw.thing() for _ in range(draw.number(1, 3))) if item not in items]
        if not added:
            continue
        items += added
        asked = draw.phrase(_DATA["add"])
        turns += [user(asked.format(i=listing(draw, added), l=name)), assistant(_NOTED)]
    if draw.chance(0.6):
        asked = draw.phrase(_DATA["read"])
        return [*turns, user(asked.format(l=name)), assistant(", ".join(items))]
    asked = draw.phrase(_DATA["length"])
    return [*turns, user(asked.format(l=name)), assistant(str(len(items)))]


def _last_question(draw: Draw) -> list[Turn]:
    made = facts.known(draw)
    asked = draw.phrase(_DATA["last_question"])
    return [user(made.question), assistant(made.sentence), user(asked), assistant(made.question)]


def chat(draw: Draw) -> Chat:
    """A conversation whose last answers need its first turns."""
    share = draw.number(1, 100)
    if share <= 72:
        return Chat(tuple(_remember(draw)), NAME, "remember")
    if share <= 93:
        return Chat(tuple(_list(draw)), NAME, "list")
    return Chat(tuple(_last_question(draw)), NAME, "question")
