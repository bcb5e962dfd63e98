"""Short work on a text: choose a sentence, shorten, ask, list, join, replace, sort, count, title, be polite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant
from tea_training.corpus.pools import read
from tea_training.corpus.prose import ADJECTIVES, PLACES, TIMES, VERBS, article, capital, distinct, lay, listing, sentence, word

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw

NAME = "rewriting"
_DATA: Final = read(NAME)


Made = tuple[str, str, str]
"""An instruction, the text, and the answer."""


def _text(draw: Draw, low: int = 2, high: int = 4) -> list[str]:
    """Different sentences about different people."""
    return [sentence(draw, who) for who in distinct(draw.person, draw.number(low, high))]


def _summary(draw: Draw) -> Made:
    """The first sentence says it all; the others add to it."""
    who, city = draw.person(), draw.city()
    told = {
        "shop": article(draw.thing()),
        "moved": draw.company(),
        "hobby": draw.entity(words.HOBBIES),
        "adjective": draw.one(ADJECTIVES),
        "month": draw.one(words.MONTHS),
        "day": draw.one(words.DAYS),
        "job": article(draw.entity(words.JOBS)),
        "employer": draw.company(),
        "minutes": draw.number(5, 90),
        "seller": draw.company(),
        "thing": draw.thing(),
    }
    lead = draw.one(_DATA["news"]).format(who=who, city=city, **told)
    added = {
        "first_name": draw.first_name(),
        "months": draw.number(2, 40),
        "cost": draw.number(10, 9000),
        "who": draw.full_name(),
        "day": draw.one(words.DAYS),
    }
    if draw.chance(0.3):
        lines = _text(draw, 2, 4)
        return draw.phrase(_DATA["summary"]), " ".join(lines), lines[0]
    instruction = draw.phrase(_DATA["summary"])
    more = [text.format(**added) for text in draw.some(_DATA["more"], draw.number(1, 3))]
    return instruction, " ".join([lead, *more]), lead


def _ordinal(draw: Draw) -> Made:
    which = draw.one(_DATA["ordinals"])
    lines = _text(draw)
    return draw.phrase(which["asks"]), " ".join(lines), lines[int(which["place"])]


def _pick(draw: Draw) -> Made:
    people = distinct(draw.person, draw.number(2, 4))
    lines = [sentence(draw, who) for who in people]
    at = draw.number(0, len(lines) - 1)
    return draw.phrase(_DATA["pick"]).format(x=people[at]), " ".join(lines), lines[at]


def _title(draw: Draw) -> Made:
    """The title says what, with whom or where, and when."""
    what = draw.one(_DATA["occasions"])
    who, when = draw.person(), draw.one((draw.one(words.DAYS), f"{draw.one(words.MONTHS)} {draw.number(1, 28)}"))
    text = draw.one(_DATA["invitation"]).format(what=what, who=who, when=when)
    details = {"place": draw.one(PLACES), "time": draw.time()}
    rest = [text.format(**details) for text in draw.some(_DATA["details"], draw.number(0, 2))]
    return draw.phrase(_DATA["title"]), " ".join([text, *rest]), f"{capital(what)} with {who} on {when}"


def _shorten(draw: Draw) -> Made:
    who, (third, _, past) = draw.person(), draw.one(VERBS)
    verb, one, two = draw.one((third, past)), draw.thing(), draw.thing()
    first, second, third_ = draw.some(ADJECTIVES, 3)
    place = draw.one(_DATA["places"])
    form = draw.number(0, 2)
    if form == 0:
        return draw.phrase(_DATA["shorten"]), f"{who} {verb} the {first} {one}.", f"{who} {verb} the {one}."
    if form == 1:
        return (
            draw.phrase(_DATA["shorten"]),
            f"{who} {verb} the {first} {one} in the {second} {place}.",
            f"{who} {verb} the {one} in the {place}.",
        )
    return (
        draw.phrase(_DATA["shorten"]),
        f"The {third_} {place} has {article(f'{first} {one}')} and {article(f'{second} {two}')}.",
        f"The {place} has {article(one)} and {article(two)}.",
    )


def _about(draw: Draw) -> dict[str, str]:
    """Somebody, something, a town and a verb."""
    who, thing, city, (third, base, past) = draw.person(), draw.thing(), draw.city(), draw.one(VERBS)
    return {"who": who, "thing": thing, "a_thing": article(thing), "city": city, "third": third, "base": base, "past": past}


def _question(draw: Draw) -> Made:
    values = _about(draw) | {"adjective": draw.one(ADJECTIVES)}
    statement, question = draw.one(_DATA["asked"])
    return draw.phrase(_DATA["question"]), statement.format(**values), question.format(**values)


def _negate(draw: Draw) -> Made:
    values, instruction = _about(draw), draw.phrase(_DATA["negate"])
    statement, contrary = draw.one(_DATA["negated"])
    return instruction, statement.format(**values), contrary.format(**values)


def _past(draw: Draw) -> Made:
    who, thing, (third, base, past) = draw.person(), draw.thing(), draw.one(VERBS)
    tail = draw.one(("", f" {draw.one(PLACES)}", f" in {draw.city()}"))
    return draw.phrase(_DATA["past"]), f"{who} {draw.one((third, f'will {base}'))} the {thing}{tail}.", f"{who} {past} the {thing}{tail}."


def _items(draw: Draw, low: int = 2, high: int = 5) -> list[str]:
    """Different things or names for a list."""
    make: Callable[[], str] = draw.one((draw.thing, draw.thing, lambda: word(draw), draw.first_name, draw.city))
    return distinct(make, draw.number(low, high))


def _bullets(draw: Draw) -> Made:
    items = _items(draw)
    text = draw.one((*[form.format(x=listing(draw, items)) for form in _DATA["carriers"]], ", ".join(items), "; ".join(items)))
    return draw.phrase(_DATA["bullets"]), text, "\n".join(f"- {item}" for item in items)


def _replace(draw: Draw) -> Made:
    """A word or a name changes; everything else stays."""
    lines = _text(draw, 1, 2)
    who = draw.person()
    if draw.chance(0.5):
        old, new = distinct(draw.thing, 2)
        form = draw.one(_DATA["replaced"])
        city = draw.city()
        made = [form.format(w=who, c=city, x=value) for value in (old, new)]
    else:
        old, new = distinct(draw.first_name, 2)
        third = draw.one(VERBS)[0]
        thing = draw.thing()
        made = [f"{name} {third} the {thing}." for name in (old, new)]
        if draw.chance(0.4):
            made = [f"{made[0]} Then {old} goes home.", f"{made[1]} Then {new} goes home."]
    if draw.chance(0.4) and old not in lines[0] and new not in lines[0]:
        made = [f"{lines[0]} {text}" for text in made]
    return draw.phrase(_DATA["replace"]).format(o=old, n=new), made[0], made[1]


def _fix(draw: Draw) -> Made:
    third, _, past = draw.one(VERBS)
    start = draw.one(_DATA["starts"])
    answer = f"{start} {draw.one(ADJECTIVES)} {draw.thing()} {draw.one(('is', 'was', 'stands', 'lies'))} {draw.one(PLACES)}"
    if start.startswith(("we", "they", "it", "yes")):
        answer = f"{start} {draw.one(ADJECTIVES)} {draw.thing()} {draw.one(PLACES)}"
    if draw.chance(0.2):
        answer = f"the {draw.entity(words.JOBS)} {draw.one((third, past))} the {draw.thing()} {draw.one(TIMES)}"
    return draw.phrase(_DATA["fix"]), answer + draw.one(("", "", ".")), capital(answer) + "."


def _polite(draw: Draw) -> Made:
    order = draw.phrase(_DATA["commands"]).format(x=draw.thing(), p=draw.first_name(), c=draw.city())
    return draw.phrase(_DATA["polite"]), capital(order) + draw.one((".", "!", "!", "")), f"Could you please {order}?"


def _edge_word(draw: Draw) -> Made:
    text = sentence(draw)
    if draw.chance(0.5):
        return draw.phrase(_DATA["first_word"]), text, text.split()[0]
    return draw.phrase(_DATA["last_word"]), text, text.split()[-1].rstrip(".")


def _keywords(draw: Draw) -> Made:
    """What a sentence is about: its thing and its place."""
    adjective, thing, city = draw.one(ADJECTIVES), draw.thing(), draw.city()
    verb = draw.one(_DATA["happened"])
    return draw.phrase(_DATA["keywords"]), f"The {adjective} {thing} {verb} {city}.", f"{adjective}, {thing}, {city}"


_MAKERS: Final[tuple[tuple[str, Callable[[Draw], Made]], ...]] = (
    *[("summary", _summary)] * 4,
    ("sentence", _ordinal),
    *[("sentence", _pick)] * 3,
    *[("title", _title)] * 2,
    ("without adjectives", _shorten),
    *[("question", _question)] * 2,
    ("negation", _negate),
    ("past", _past),
    *[("bullets", _bullets)] * 2,
    *[("replace", _replace)] * 3,
    ("fix", _fix),
    *[("polite", _polite)] * 2,
    ("edge word", _edge_word),
    ("keywords", _keywords),
)


def chat(draw: Draw) -> Chat:
    """An instruction on a text, and the text it gives; sometimes a second one."""
    kind, make = draw.one(_MAKERS)
    instruction, text, answer = make(draw)
    turns: list[Turn] = [*lay(draw, instruction, text), assistant(answer)]
    if turns[0].role != "system" and draw.chance(0.3):
        instruction, text, answer = make(draw)
        turns += [Turn("user", f"{instruction}\n\n{text}"), assistant(answer)]
    return Chat(tuple(turns), NAME, kind)
