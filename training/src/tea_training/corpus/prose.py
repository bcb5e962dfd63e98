"""Small pieces of English that several skills need, and where an instruction stands beside its text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from tea_training.corpus import words
from tea_training.corpus.chat import Turn, system, user

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tea_training.corpus.draw import Draw

T = TypeVar("T")

LABELS = ("Text: ", "Input: ", "Text:\n", "", "", "Message: ", "Here is the text: ", "Content: ")
OPENINGS = (
    "",
    "",
    "",
    "You are a helpful assistant. ",
    "You are a precise assistant. ",
    "You are part of a workflow. ",
    "You work offline. ",
)
TIMES = ("today", "yesterday", "last week", "this morning", "on Monday", "on Friday", "last night", "in spring", "every day", "in July")
PLACES = (
    *["in the kitchen", "at the station", "in the garden", "at school", "in the office", "near the river", "at home", "in the park"],
    *["on the beach", "in the library", "at the market", "behind the house", "in the museum", "at the airport", "under the bridge"],
)
ADJECTIVES = (
    *["old", "new", "small", "big", "heavy", "cheap", "expensive", "broken", "clean", "beautiful", "strange", "simple", "long", "short"],
    *["famous", "quiet", "bright", "dark", "soft", "round", "empty", "warm", "cold", "tiny", "huge", "dusty", "modern", "plain"],
)
VERBS = (
    *[("buys", "buy", "bought"), ("sells", "sell", "sold"), ("finds", "find", "found"), ("loses", "lose", "lost"), ("sees", "see", "saw")],
    *[("repairs", "repair", "repaired"), ("paints", "paint", "painted"), ("cleans", "clean", "cleaned"), ("wants", "want", "wanted")],
    *[
        ("moves", "move", "moved"),
        ("opens", "open", "opened"),
        ("hides", "hide", "hid"),
        ("needs", "need", "needed"),
        ("uses", "use", "used"),
    ],
    *[("brings", "bring", "brought"), ("takes", "take", "took"), ("likes", "like", "liked"), ("makes", "make", "made")],
)
"""Third person, base form, past."""


def dumps(value: Any) -> str:
    """``value`` as every JSON answer of the corpus is written."""
    return json.dumps(value, ensure_ascii=False)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


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


REMARKS = (
    *[
        "The weather is nice today.",
        "Thanks for your help.",
        "Have a great day!",
        "See you soon.",
        "This is a reminder.",
        "Please reply soon.",
    ],
    *["We are looking forward to it.", "Let me know if anything is unclear.", "Sorry for the delay.", "The office is open on weekdays."],
    *["Nothing else has changed.", "More details follow next week.", "Please keep this message.", "It was a busy week."],
)


def remark(draw: Draw) -> str:
    """A sentence beside the point, which no instruction asks about."""
    return draw.one(REMARKS) if draw.chance(0.5) else sentence(draw)


def lay(draw: Draw, instruction: str, text: str, labels: tuple[str, ...] = LABELS) -> list[Turn]:
    """``instruction`` and ``text`` as the turns of a user: in one message, in either order, or the instruction in the system prompt."""
    label, share = draw.one(labels), draw.number(1, 100)
    if share <= 25:
        return [system(draw.one(OPENINGS) + instruction), user(text if draw.chance(0.7) else label + text)]
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
