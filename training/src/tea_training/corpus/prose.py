"""Small pieces of English that several skills need, and where an instruction stands beside its text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tea_training.corpus import words
from tea_training.corpus.chat import Turn, system, user
from tea_training.corpus.pools import Pool, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tea_training.corpus.draw import Draw

T = TypeVar("T")

_DATA: Final = read("prose")

LABELS: Final[Pool] = _DATA["labels"]
TIMES: Final[Pool] = _DATA["times"]
PLACES: Final[Pool] = _DATA["places"]
ADJECTIVES: Final[Pool] = _DATA["adjectives"]
VERBS: Final[tuple[tuple[str, str, str], ...]] = _DATA["verbs"]
"""Third person, base form, past."""
PLURALS: Final[dict[str, str]] = _DATA["plurals"]
"""The irregular ones."""


def dumps(value: Any) -> str:
    """``value`` as every JSON answer of the corpus is written."""
    return json.dumps(value, ensure_ascii=False)


def capital(text: str) -> str:
    """``text`` with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def article(noun: str) -> str:
    """``noun`` after ``a`` or ``an``."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def plural(noun: str) -> str:
    """The plural of a noun: ``mice``, ``boxes``, ``cherries``, ``pens``."""
    if noun in PLURALS:
        return PLURALS[noun]
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    if noun.endswith(("s", "x", "ch", "sh", "z")):
        return noun + "es"
    return noun + "s"


def listing(draw: Draw, items: Sequence[str], word: str = "and") -> str:
    """``a, b and c``, sometimes with a comma before the last."""
    if len(items) == 1:
        return items[0]
    comma = "," if len(items) > 2 and draw.chance(0.3) else ""
    return f"{', '.join(items[:-1])}{comma} {word} {items[-1]}"


def distinct(make: Callable[[], T], count: int) -> list[T]:
    """``count`` different things that ``make`` gives; fewer, but at least one, where it has no more to give.

    The test half of a small pool may hold a single word.
    """
    made: list[T] = []
    for _ in range(20 * count):
        if len(made) == count:
            break
        thing = make()
        if thing not in made:
            made.append(thing)
    return made


def word(draw: Draw) -> str:
    """A lower-case noun of some kind."""
    if draw.chance(0.4):
        return draw.invented()
    return draw.entity(draw.one((words.THINGS, words.FRUITS, words.ANIMALS, words.FOODS, words.COLORS))).lower()


def sentence(draw: Draw, who: str | None = None) -> str:
    """A plain sentence about somebody, in one of a few tenses, ending in a full stop."""
    who = who or draw.person()
    third, base, past = draw.one(VERBS)
    thing = f"{draw.one(ADJECTIVES)} {draw.thing()}" if draw.chance(0.4) else draw.thing()
    tail = draw.one(("", "", f" {draw.one(PLACES)}", f" in {draw.city()}", f" {draw.one(TIMES)}", f" on {draw.one(words.DAYS)}"))
    verb = draw.one((third, past, past, f"will {base}"))
    return draw.one((f"{who} {verb} the {thing}{tail}.", f"{who} {verb} {article(thing)}{tail}."))


def another(make: Callable[[], T], *known: T) -> T | None:
    """What ``make`` gives and is none of ``known``; None where it has nothing else to give."""
    for _ in range(20):
        thing = make()
        if thing not in known:
            return thing
    return None


def remark(draw: Draw) -> str:
    """A sentence beside the point, which no instruction asks about."""
    return draw.one(_DATA["remarks"]) if draw.chance(0.5) else sentence(draw)


def lay(draw: Draw, instruction: str, text: str, labels: Pool = LABELS) -> list[Turn]:
    """``instruction`` and ``text`` as the turns of a user: in one message, in either order, or the instruction in the system prompt."""
    label, share = draw.one(labels), draw.number(1, 100)
    if share <= 25:
        return [system(draw.one(_DATA["openings"]) + instruction), user(text if draw.chance(0.7) else label + text)]
    if share <= 70:
        return [user(instruction + draw.one(("\n\n", "\n\n", "\n", " ")) + label + text)]
    if share <= 78 and "\n" not in text:
        return [user(f'{instruction} "{text}"' if '"' not in text else f"{instruction} {text}")]
    if share <= 86:
        return [
            user(
                f"{instruction.rstrip('.')}:{draw.one((' ', chr(10), chr(10) * 2))}{text}"
                if instruction.endswith(".")
                else f"{instruction}\n{text}"
            )
        ]
    return [user(label + text + draw.one(("\n\n", "\n", "\n\n")) + instruction)]
