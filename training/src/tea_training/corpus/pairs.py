"""Pairs of texts that belong together, for the embedding model: question and passage, two wordings of the same.

Made of the same pools and relations as the chats. What a pair says is named by keys, so that in a batch nothing counts as
wrong that is right as well: ``When does the museum open?`` is answered by every passage about that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from tea_training.corpus import faq, words
from tea_training.corpus.draw import Draw, held_out
from tea_training.corpus.pools import Pools, read
from tea_training.corpus.prose import PLACES, TIMES, article, capital, remark
from tea_training.corpus.skills.classification import TICKETS, TOPICS
from tea_training.corpus.skills.context import KINDS, Told, running
from tea_training.corpus.skills.facts import ABOUT_COUNTRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tea_training.corpus.skills.classification import Meaning
    from tea_training.corpus.skills.context import Relation

_DATA: Final = read("pairs")

HELD: Final = 6
"""One in so many wordings is held out; the test half uses held-out ones half of the time."""


@dataclass(frozen=True, slots=True)
class Pair:
    """``first`` finds ``second``. Two texts fit together when they share a key. ``kind`` sorts the report."""

    first: str
    second: str
    asks: frozenset[str]
    says: frozenset[str]
    kind: str


def fits(first: Pair, second: Pair) -> bool:
    """Whether the first text of one pair belongs to the second text of another as well."""
    return not first.asks.isdisjoint(second.says)


def wording(draw: Draw, templates: Sequence[str]) -> str:
    """One of ``templates`` that belongs to the half of ``draw``; at least two are left for the training."""
    held = [text for text in templates if held_out(f"pair:{text}", HELD)][: max(0, len(templates) - 2)]
    seen = [text for text in templates if text not in held]
    return draw.one(held) if held and draw.split == "test" and draw.chance(0.5) else draw.one(seen)


# Relations of invented people, companies, things, events …: the same that context questions are made of.


@dataclass(frozen=True, slots=True)
class Facet:
    """A fact with the keys of what it answers and of what it says."""

    fact: Told

    @property
    def asked(self) -> str:
        """The key of what a question for it asks."""
        return f"{self.fact.subject.lower()}|{self.fact.relation.label}"

    @property
    def said(self) -> str:
        """The key of what a sentence of it says."""
        return f"{self.asked}|{self.fact.value.lower()}"

    @property
    def keys(self) -> frozenset[str]:
        """What a text fits that says this."""
        return frozenset({_about(self.fact.subject), self.asked, self.said})

    def question(self, draw: Draw) -> str:
        """One that the fact answers."""
        return _spoken(draw, capital(wording(draw, self.fact.relation.asked).format(e=self.fact.subject)))

    def sentence(self, draw: Draw) -> str:
        """One that says the fact."""
        return self.fact.sentence(wording(draw, self.fact.relation.told))

    def search(self, draw: Draw) -> str:
        """A few words, as one types them into a search box."""
        name = self.fact.subject.removeprefix("the ")
        return str(draw.one(_DATA["search"]).format(e=name, r=self.fact.relation.label))


def _about(subject: str) -> str:
    return f"{subject.lower()}|"


def _spoken(draw: Draw, question: str) -> str:
    """``question`` with what people put around it."""
    if draw.chance(0.75):
        return question
    return str(draw.one(_DATA["spoken"]).format(q=question, plain=question.rstrip("?").lower()))


def _world(draw: Draw) -> list[list[Facet]]:
    """A few subjects of one kind, each with one to five facts; what they have in common makes them hard to tell apart."""
    name, relations = draw.one(KINDS)
    subjects: dict[str, None] = {}
    for _ in range(draw.one((1, 2, 3, 3, 4, 5))):
        subjects[name(draw)] = None
    shared = draw.some(relations, min(len(relations), draw.number(1, 5)))
    return [[Facet(Told(subject, relation, relation.value(draw))) for relation in _kept(draw, shared)] for subject in subjects]


def _kept(draw: Draw, shared: list[Relation]) -> list[Relation]:
    return draw.some(shared, max(1, len(shared) - draw.number(0, 1)))


def _passage(draw: Draw, facets: list[Facet]) -> str:
    """A paragraph that says ``facets``: running text with pronouns, a list, or a record under a title."""
    told = [facet.fact for facet in facets]
    subject = told[0].subject
    form = draw.number(1, 100)
    if form <= 12:
        return f"{capital(subject)}\n" + "\n".join(f"{fact.relation.label}: {fact.value}" for fact in told)
    if form <= 20:
        return f"# {capital(subject)}\n\n" + "\n".join(f"- {facet.sentence(draw)}" for facet in facets)
    sentences = running(draw, told) if draw.split == "train" and form <= 65 else [facet.sentence(draw) for facet in facets]
    for _ in range(draw.one((0, 0, 0, 1, 1, 2))):
        sentences.insert(draw.number(0, len(sentences)), remark(draw))
    return " ".join(sentences)


def _relations(draw: Draw) -> list[Pair]:
    """Pairs from one small world: what is said of its other subjects, and what else is said of the same one, are hard wrong answers."""
    made: list[Pair] = []
    for facets in _world(draw):
        said = frozenset(key for facet in facets for key in facet.keys)
        asked = draw.one(facets)
        two = draw.some(facets, min(2, len(facets)))
        lot = draw.number(1, 100)
        if lot <= 38:
            made.append(Pair(asked.question(draw), _passage(draw, facets), frozenset({asked.asked}), said, "question"))
        elif lot <= 58:
            made += [Pair(each.question(draw), each.sentence(draw), frozenset({each.asked}), each.keys, "question") for each in two]
        elif lot <= 68:
            made.append(Pair(asked.search(draw), _passage(draw, facets), frozenset({asked.asked}), said, "keywords"))
        elif lot <= 73:
            subject = asked.fact.subject
            first = capital(wording(draw, _DATA["about"]).format(e=subject))
            made.append(Pair(first, _passage(draw, facets), frozenset({_about(subject)}), said, "keywords"))
        elif lot <= 83:
            keys = [frozenset({each.asked}) for each in two]
            made += [Pair(each.question(draw), each.question(draw), key, key, "same question") for each, key in zip(two, keys, strict=True)]
        else:
            other = Facet(replace(asked.fact, value=asked.fact.relation.value(draw)))
            both = (asked, other) if draw.chance(0.5) else (asked,)
            made += [Pair(each.sentence(draw), each.sentence(draw), frozenset({each.said}), each.keys, "same statement") for each in both]
    return made


# Countries.

_TOLD: Final[Pools] = _DATA["country"]
_NAMES: Final = tuple(country.name for country in words.COUNTRIES)
_OF_NAME: Final = {country.name: country for country in words.COUNTRIES}


def _country(draw: Draw) -> list[Pair]:
    country = _OF_NAME[draw.entity(_NAMES)]
    made = []
    for label in draw.some(tuple(_TOLD), draw.number(1, 3)):
        asked, told = ABOUT_COUNTRIES[label], _TOLD[label]
        value = getattr(country, label)
        key = f"{country.name}|{label}"
        question = capital(wording(draw, asked).format(c=country.in_text))
        sentence = capital(wording(draw, told).format(c=country.in_text, v=value))
        says = {key, f"{key}|{value}"}
        if draw.chance(0.35):
            others = [other for other in _TOLD if other != label]
            for other in draw.some(others, draw.number(1, 3)):
                sentence += " " + capital(wording(draw, _TOLD[other]).format(c=country.in_text, v=getattr(country, other)))
                says |= {f"{country.name}|{other}"}
        if draw.chance(0.2):
            question = capital(wording(draw, told).format(c=country.in_text, v=value))
            made.append(Pair(question, sentence, frozenset({f"{key}|{value}"}), frozenset(says), "same statement"))
        else:
            made.append(Pair(question, sentence, frozenset({key}), frozenset(says), "country"))
    return made


# What is asked and answered again and again.


def _filled(draw: Draw, text: str) -> str:
    times = sorted(draw.some(range(7, 22), 2))
    for hour in times:
        text = text.replace("{h}", draw.one((f"{hour}:00", f"{hour}:30", f"{(hour - 1) % 12 + 1} {'am' if hour < 12 else 'pm'}")), 1)
    return text.format(n=draw.number(2, 60), t=draw.thing(), c=draw.city(), d=draw.one(words.DAYS), h="noon", m=draw.one(words.MONTHS))


def _faq(draw: Draw) -> list[Pair]:
    made = []
    for topic in draw.some(faq.TOPICS, draw.number(1, 4)):
        key = frozenset({f"faq|{topic.name}"})
        asked, told = (_filled(draw, wording(draw, texts)) for texts in (topic.asked, topic.told))
        lot = draw.number(1, 100)
        if lot <= 55:
            title = f"{capital(topic.name)}\n{told}"
            more = _filled(draw, draw.one(topic.told)) if draw.chance(0.3) else ""
            passage = draw.one((told, told, title, f"{told} {more}".strip(), f"{remark(draw)} {told}", f"Q: {asked}\nA: {told}"))
            made.append(Pair(_spoken(draw, _filled(draw, wording(draw, topic.asked))), passage, key, key, "faq"))
        elif lot <= 70:
            made.append(Pair(topic.name, told, key, key, "faq"))
        elif lot <= 88:
            made.append(Pair(asked, _filled(draw, wording(draw, topic.asked)), key, key, "faq"))
        else:
            made.append(Pair(told, _filled(draw, wording(draw, topic.told)), key, key, "faq"))
    return made


# Labels: a ticket and the queue it belongs to, a sentence and its topic.


def _labels(draw: Draw) -> list[Pair]:
    made = []
    for meaning in draw.some((*TICKETS, *TOPICS), draw.number(1, 3)):
        key = frozenset({f"label|{meaning.names[0]}"})
        text = _labelled(draw, meaning)
        first = draw.one((draw.one(meaning.names), draw.one(meaning.about), draw.one(meaning.about), _labelled(draw, meaning)))
        made.append(Pair(first, text, key, key, "label"))
    return made


def _labelled(draw: Draw, meaning: Meaning) -> str:
    text = wording(draw, meaning.texts)
    return text.format(
        n=draw.number(2, 900),
        t=draw.thing(),
        c=draw.city(),
        m=draw.one(words.MONTHS),
        d=draw.one(words.DAYS),
        p=draw.person(),
        k=draw.company(),
        f=draw.one(words.FOODS),
        l=draw.one(words.LANGUAGES),
        j=draw.one(words.JOBS),
        y=draw.number(1900, 2030),
    )


# Things that happened, told and asked in several ways.


def _deeds(draw: Draw) -> list[Pair]:
    people = [draw.person() for _ in range(draw.number(1, 3))]
    made = []
    for person in people:
        base, past, participle = draw.one(_DATA["deeds"])
        thing = f"the {draw.one(('', draw.entity(words.COLORS) + ' '))}{draw.thing()}"
        tail = draw.one(("", f" {draw.one(PLACES)}", f" {draw.one(TIMES)}", f" in {draw.city()}"))
        values = {
            "person": person,
            "base": base,
            "past": past,
            "participle": participle,
            "thing": thing,
            "Thing": capital(thing),
            "tail": tail,
        }
        told, who, what = ([form.format(**values) for form in _DATA[name]] for name in ("deed", "who", "what"))
        by_thing, by_person = f"{past}|{thing}|who", f"{past}|{person.lower()}|what"
        says = frozenset({by_thing, by_person, f"{by_thing}|{person.lower()}"})
        if draw.chance(0.6):
            number = draw.number(0, 1)
            made.append(Pair(draw.one((who, what)[number]), draw.one(told), frozenset({(by_thing, by_person)[number]}), says, "deed"))
        else:
            first, second = draw.some(told, 2)
            made.append(Pair(first, second, frozenset({f"{by_thing}|{person.lower()}"}), says, "same statement"))
    return made


def _synonyms(draw: Draw) -> list[Pair]:
    one, other = draw.shuffled(draw.one(faq.SYNONYMS))[:2]
    values = {"p": draw.person(), "c": draw.city()}
    shape = draw.one(_DATA["shapes"])
    first, second = (shape.format(w=word, a=capital(article(word).split()[0]), **values) for word in (one, other))
    key = frozenset({f"{shape}|{'/'.join(sorted((one, other)))}|{values}"})
    if draw.chance(0.3):
        word_key = frozenset({f"synonym|{'/'.join(sorted((one, other)))}"})
        return [Pair(one, other, word_key, word_key, "same statement")]
    return [Pair(first, second, key, key, "same statement")]


_MAKERS: Final[tuple[tuple[Callable[[Draw], list[Pair]], int], ...]] = (
    (_relations, 50),
    (_faq, 16),
    (_country, 9),
    (_labels, 9),
    (_deeds, 9),
    (_synonyms, 4),
)


@cache
def _lots() -> tuple[Callable[[Draw], list[Pair]], ...]:
    return tuple(make for make, share in _MAKERS for _ in range(share))


def group(draw: Draw) -> list[Pair]:
    """One to four pairs that have something in common; sometimes a passage goes on with something else, rarely at length."""
    made = draw.one(_lots())(draw)
    for _ in range(draw.number(3, 14) if draw.chance(0.01) else int(draw.chance(0.12))):
        other = draw.one(_lots())(draw)[0]
        joined = f"{made[0].second}{draw.one((' ', chr(10), chr(10) * 2))}{other.second}"
        made[0] = Pair(made[0].first, joined, made[0].asks, made[0].says | other.says, made[0].kind)
    return made


def batch(draw: Draw, count: int) -> list[Pair]:
    """``count`` pairs from as many groups as it takes, no text twice."""
    made: list[Pair] = []
    texts: set[str] = set()
    while len(made) < count:
        for pair in group(draw):
            if pair.first != pair.second and not {pair.first, pair.second} & texts and len(made) < count:
                texts |= {pair.first, pair.second}
                made.append(pair)
    return made
