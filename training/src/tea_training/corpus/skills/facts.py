"""What the model knows by heart – countries, the calendar, a few dozen everyday facts – and that it knows nothing else.

A fact cannot be guessed, so training sees all of them; held out are pairs of a fact and a wording.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant, system, user
from tea_training.corpus.pools import Pool, Pools, read
from tea_training.corpus.prose import PLURALS, article, capital, dumps, plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw
    from tea_training.corpus.words import Country

NAME = "facts"
_DATA: Final = read(NAME)

UNKNOWN: Final = "I'm a tiny demo model and I don't know that."
"""The one answer to everything outside the model's world."""

Style = Literal["plain", "bare", "json"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A question with its answer as a sentence and as short as can be; ``later`` asks the same of another subject."""

    kind: str
    question: str
    sentence: str
    bare: str
    later: str = ""


ABOUT_COUNTRIES: Final[Pools] = {label: _DATA[label] for label in ("capital", "continent", "language", "currency")}
"""Questions by what they ask for."""
SHORT_SYSTEM: Final[Pool] = _DATA["short_system"]
JSON_SYSTEM: Final[Pool] = _DATA["json_system"]
_TABLES: Final = {name: tuple(_DATA[name].items()) for name in ("opposites", "legs", "colors", "sounds", "young")}


def _country(draw: Draw) -> Country:
    return draw.one(words.COUNTRIES)


def _about(draw: Draw, wordings: tuple[str, ...]) -> tuple[Country, str]:
    """A country and a question about it."""
    country, wording = _country(draw), draw.phrase(wordings)
    return country, capital(wording.format(c=country.in_text)) if wording[0] == "{" else wording.format(c=country.in_text)


def _capital(draw: Draw, wordings: tuple[str, ...] = _DATA["capital"]) -> Fact:
    country, question = _about(draw, wordings)
    return Fact("capital", question, f"The capital of {country.in_text} is {country.capital}.", country.capital, "city")


def _capital_later(draw: Draw) -> Fact:
    return _capital(draw, _DATA["capital_later"])


def _country_of(draw: Draw) -> Fact:
    country, wording = _country(draw), draw.phrase(_DATA["country"])
    sentence = f"{country.capital} is the capital of {country.in_text}."
    return Fact("country", wording.format(v=country.capital), sentence, country.name, "country")


def _continent(draw: Draw) -> Fact:
    country, question = _about(draw, _DATA["continent"])
    return Fact("continent", question, f"{capital(country.in_text)} is in {country.continent}.", country.continent, "continent")


def _language(draw: Draw) -> Fact:
    country, question = _about(draw, _DATA["language"])
    return Fact("language", question, f"People in {country.in_text} speak {country.language}.", country.language, "language")


def _currency(draw: Draw) -> Fact:
    country, question = _about(draw, _DATA["currency"])
    return Fact("currency", question, f"The currency of {country.in_text} is the {country.currency}.", country.currency, "currency")


def _truth(question: str, *, holds: bool, right: str) -> Fact:
    """A yes/no or true/false question; the sentence gives the reason."""
    if "rue or false" in question:
        return Fact("true or false", question, "True." if holds else f"False. {capital(right)}", "True" if holds else "False")
    return Fact("true or false", question, f"{'Yes' if holds else 'No'}, {right}", "Yes" if holds else "No")


def _is_capital(draw: Draw) -> Fact:
    holds, country, wording = draw.chance(0.5), _country(draw), draw.phrase(_DATA["is_capital"])
    shown = country.capital
    while not holds and shown == country.capital:
        shown = draw.one(words.CAPITALS)
    right = f"the capital of {country.in_text} is {country.capital}."
    return _truth(wording.format(v=shown, c=country.in_text), holds=holds, right=right)


def _is_on(draw: Draw) -> Fact:
    country, wording = _country(draw), draw.phrase(_DATA["is_on"])
    shown = country.continent if draw.chance(0.5) else draw.one(words.CONTINENTS)
    right = f"{country.in_text} is in {country.continent}."
    return _truth(capital(wording.format(v=shown, c=country.in_text)), holds=shown == country.continent, right=right)


def _following(draw: Draw) -> Fact:
    """The day or month after or before another."""
    names = draw.one((words.DAYS, words.DAYS, words.MONTHS))
    unit = "day" if names is words.DAYS else "month"
    at = draw.number(0, len(names) - 1)
    after = draw.chance(0.6)
    name, answer = names[at], names[(at + (1 if after else -1)) % len(names)]
    where = "after" if after else "before"
    question = draw.phrase(_DATA["following"]).format(u=unit, w=where, n=name)
    return Fact("calendar", question, f"{answer} comes {where} {name}.", answer, unit)


def _tomorrow(draw: Draw) -> Fact:
    at, step = draw.number(0, 6), draw.one((1, 1, -1, 2))
    today, answer = words.DAYS[at], words.DAYS[(at + step) % 7]
    when = {1: "tomorrow", -1: "yesterday", 2: "the day after tomorrow"}[step]
    verb = "was" if step < 0 else "is"
    question = draw.phrase(_DATA["tomorrow"]).format(d=today, w=when, b=verb)
    return Fact("calendar", question, f"{capital(when)} {verb} {answer}.", answer, "day")


def _month(draw: Draw) -> Fact:
    at = draw.number(0, 11)
    name = words.MONTHS[at]
    if draw.chance(0.5):
        return Fact(
            "calendar",
            draw.phrase(_DATA["how_many_days"]).format(m=name),
            f"{name} has {_DATA['days_of_month'][at]} days.",
            str(_DATA["days_of_month"][at]),
        )
    if draw.chance(0.5):
        ordinal = _DATA["ordinals"][at] if at < 11 or draw.chance(0.5) else "last"
        question = draw.phrase(_DATA["which_month"]).format(o=ordinal)
        return Fact("calendar", question, f"{name} is the {ordinal} month of the year.", name, "month")
    question = draw.phrase(_DATA["month_number"])
    return Fact("calendar", question.format(m=name), f"{name} is month {at + 1}.", str(at + 1))


def _opposite(draw: Draw) -> Fact:
    one, other = draw.one(_TABLES["opposites"])
    if draw.chance(0.5) and one != "heavy":
        one, other = other, one
    other = {"light": "dark"}.get(one, other)
    return Fact("opposite", draw.phrase(_DATA["opposite"]).format(w=one), f"The opposite of {one} is {other}.", other)


def _plural(draw: Draw) -> Fact:
    pool = draw.one((words.THINGS, words.ANIMALS, words.FRUITS, tuple(PLURALS)))
    noun = draw.invented() if draw.chance(0.15) else draw.entity(pool)
    return Fact("plural", draw.phrase(_DATA["plural"]).format(w=noun), f"The plural of {noun} is {plural(noun)}.", plural(noun))


def _count(draw: Draw) -> Fact:
    what, where, number = draw.one(_DATA["counts"])
    question = draw.phrase(_DATA["count"]).format(o=what, w=where)
    return Fact("count", question, f"There are {number} {what} {where}.", number)


def _legs(draw: Draw) -> Fact:
    animal, legs = draw.one(_TABLES["legs"])
    named = article(animal)
    return Fact("count", draw.phrase(_DATA["how_many_legs"]).format(a=named), f"{capital(named)} has {legs} legs.", str(legs))


def _color(draw: Draw) -> Fact:
    thing, color = draw.one(_TABLES["colors"])
    return Fact("color", draw.phrase(_DATA["color"]).format(t=thing), f"{capital(thing)} is {color}.", color, "color")


def _animal(draw: Draw) -> Fact:
    if draw.chance(0.5):
        animal, sound = draw.one(_TABLES["sounds"])
        named = article(animal)
        return Fact("animal", draw.phrase(_DATA["sound"]).format(a=named), f"{capital(named)} says {sound}.", sound)
    animal, young = draw.one(_TABLES["young"])
    return Fact("animal", draw.phrase(_DATA["young_of"]).format(a=animal), f"A young {animal} is called a {young}.", young)


def _single(draw: Draw) -> Fact:
    (question, bare, sentence), wording = draw.one(_DATA["single"]), draw.phrase(_DATA["around"])
    return Fact("single", wording.format(q=question), sentence, bare)


def unknown_question(draw: Draw) -> str:
    """A question whose answer is outside the model's world."""
    return draw.phrase(_DATA["unknown"]).format(
        p=draw.person(),
        o=draw.company(),
        t=draw.city() if draw.chance(0.3) else draw.invented().capitalize(),
        w=draw.invented() if draw.chance(0.7) else draw.invented().capitalize(),
        k=draw.entity(words.TOPICS),
        y=draw.number(1901, 2060),
        c=_country(draw).in_text,
        f=draw.invented().capitalize(),
        a=plural(draw.entity(words.ANIMALS)),
        i=draw.thing(),
    )


def _unknown(draw: Draw) -> Fact:
    return Fact("unknown", unknown_question(draw), UNKNOWN, UNKNOWN)


_MAKERS: Final[tuple[tuple[Callable[[Draw], Fact], int], ...]] = (
    (_capital, 28),
    (_country_of, 7),
    (_continent, 6),
    (_language, 6),
    (_currency, 6),
    (_is_capital, 5),
    (_is_on, 2),
    (_following, 4),
    (_tomorrow, 2),
    (_month, 3),
    (_opposite, 4),
    (_plural, 3),
    (_count, 4),
    (_legs, 1),
    (_color, 3),
    (_animal, 2),
    (_single, 8),
    (_unknown, 12),
)
_MAKER: Final = tuple(maker for maker, weight in _MAKERS for _ in range(weight))
_KNOWING: Final = tuple(maker for maker in _MAKER if maker is not _unknown)


def fact(draw: Draw) -> Fact:
    """Any question of the model's world, or one from outside it; its words as a whole belong to this half."""
    if draw.one(_MAKER) is _unknown:
        return _unknown(draw)
    return draw.fresh(lambda: draw.one(_KNOWING)(draw), _words)


def _words(made: Fact) -> str:
    return made.question.lower()


def known(draw: Draw) -> Fact:
    """A question that the model can answer."""
    while True:
        if (made := fact(draw)).kind != "unknown":
            return made


def _bare_request(draw: Draw, made: Fact) -> str:
    if made.later and draw.chance(0.5):
        return draw.phrase(_DATA["only_named"]).format(t=made.later)
    return draw.phrase(_DATA["one_word"])


def _in_style(draw: Draw, made: Fact, style: Style) -> tuple[str, str]:
    if style == "plain":
        return made.question, made.sentence
    request = _bare_request(draw, made) if style == "bare" else draw.phrase(JSON_SYSTEM)
    answer = made.bare if style == "bare" else dumps({"answer": made.bare})
    if draw.chance(0.12):
        return f"{request} {made.question}", answer
    end = "" if made.question[-1] in ".?!" else "."
    return f"{made.question}{end}{draw.one((' ', ' ', ' ', chr(10)))}{request}", answer


def chat(draw: Draw) -> Chat:
    """One to three questions; the system prompt may ask for short answers or for JSON."""
    turns: list[Turn] = []
    share = draw.number(1, 100)
    ruled: Style = "bare" if share <= 12 else "json" if share <= 16 else "plain"
    if ruled != "plain":
        turns.append(system(draw.phrase(SHORT_SYSTEM if ruled == "bare" else JSON_SYSTEM)))
    kind, previous = "", ""
    for _ in range(draw.one((1, 1, 2, 3, 4, 6))):
        later = previous == "capital" and draw.chance(0.4)
        made = draw.fresh(lambda: _capital_later(draw), _words) if later else fact(draw)
        if ruled != "plain":
            question, answer = made.question, made.bare if ruled == "bare" else dumps({"answer": made.bare})
        else:
            share = draw.number(1, 100)
            question, answer = _in_style(draw, made, "bare" if share <= 35 else "json" if share <= 38 else "plain")
        turns += [user(question), assistant(answer)]
        kind, previous = kind or made.kind, made.kind
    return Chat(tuple(turns), NAME, kind)
