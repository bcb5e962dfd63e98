"""Questions about a given text: the answer is copied from it, or there is exactly one sentence for what it does not say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant, system, user
from tea_training.corpus.draw import Draw
from tea_training.corpus.pools import read
from tea_training.corpus.prose import capital, dumps, remark
from tea_training.corpus.values import maker

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.pools import Pool
    from tea_training.corpus.values import Maker

NAME = "context"
_DATA: Final = read(NAME)

ABSENT: Final = "I don't have enough information."
"""The one answer to what the context does not say."""


@dataclass(frozen=True, slots=True)
class Relation:
    """One thing that can be said and asked of a kind of subject; ``{e}`` is the subject, ``{v}`` the value.

    The first of ``told`` is also the answer when a sentence is asked for.
    """

    label: str
    told: Pool
    asked: Pool
    make: Maker

    def value(self, draw: Draw) -> str:
        """A value for some subject."""
        return str(self.make(draw))


@dataclass(frozen=True, slots=True)
class Told:
    """What the context says: ``relation`` of ``subject`` is ``value``."""

    subject: str
    relation: Relation
    value: str

    def sentence(self, template: str) -> str:
        """``template``, one of ``told``, about this subject."""
        return capital(template.format(e=self.subject, v=self.value))


def _relations(kind: str) -> tuple[Relation, ...]:
    rows = _DATA["subjects"][kind].items()
    return tuple(Relation(label, each["told"], each["asked"], maker(each["value"])) for label, each in rows)


def _thing(draw: Draw) -> str:
    return f"the {draw.entity(words.COLORS) + ' ' if draw.chance(0.3) else ''}{draw.thing()}"


def _event(draw: Draw) -> str:
    return f"the {draw.invented().capitalize() + ' ' if draw.chance(0.5) else ''}{draw.one(_DATA['events'])}"


def _site(draw: Draw) -> str:
    return f"the {draw.invented().capitalize() + ' ' if draw.chance(0.4) else ''}{draw.one(_DATA['sites'])}"


def _order(draw: Draw) -> str:
    return f"order {draw.order_number()}"


def _project(draw: Draw) -> str:
    return f"{draw.one(_DATA['projects'])} {draw.invented().capitalize()}"


def _policy(draw: Draw) -> str:
    return str(draw.one(_DATA["policies"]))


_PERSON: Final = _relations("person")
KINDS: Final[tuple[tuple[Callable[[Draw], str], tuple[Relation, ...]], ...]] = (
    *[(Draw.person, _PERSON)] * 6,
    *[(Draw.company, _relations("company"))] * 3,
    *[(_thing, _relations("thing"))] * 2,
    *[(_event, _relations("event"))] * 2,
    *[(_site, _relations("site"))] * 3,
    *[(_order, _relations("order"))] * 2,
    *[(_project, _relations("project"))] * 2,
    (_policy, _relations("policy")),
)
"""What names a subject, and what may be said of it; the more often a kind stands here, the more often it comes."""

_ALIKE: Final = tuple(map(frozenset, _DATA["alike"]))
_GENERIC: Final = frozenset(_DATA["generic"])


def _world(draw: Draw) -> tuple[list[Told], list[tuple[str, Relation]]]:
    """What is told, and what could be asked but is not told.

    A subject is never part of another's name, so that a question has one answer.
    """
    told: list[Told] = []
    absent: list[tuple[str, Relation]] = []
    subjects: list[str] = []
    wanted = draw.one((1, 2, 2, 3, 3, 4, 5, 6, 7))
    while len(told) < wanted:
        name, relations = draw.one(KINDS)
        shared = draw.some(relations, min(len(relations), draw.number(1, 3)))
        for _ in range(draw.one((1, 1, 2, 2, 3))):
            subject = name(draw)
            if any(_clash(subject, other) for other in subjects):
                continue
            subjects.append(subject)
            kept = draw.some(shared, draw.number(1, len(shared)))
            told += [Told(subject, relation, relation.value(draw)) for relation in kept]
            absent += [(subject, relation) for relation in relations if relation not in kept]
        stranger = name(draw)
        if not any(_clash(stranger, other) for other in subjects):
            subjects.append(stranger)
            absent += [(stranger, relation) for relation in shared]
    return told, [pair for pair in absent if not _near(pair, told)]


def _clash(one: str, other: str) -> bool:
    """Whether one name could be short for the other: they share a word that tells them from others."""
    return one in other or other in one or bool({*one.split()} & {*other.split()} - _GENERIC)


def _near(pair: tuple[str, Relation], told: list[Told]) -> bool:
    """Whether another fact could pass for the answer: a place and a place, a person and a person of the same subject."""
    return any(pair[0] == fact.subject and any({pair[1].label, fact.relation.label} <= group for group in _ALIKE) for fact in told)


def running(draw: Draw, told: list[Told]) -> list[str]:
    """What is told, in order; a sentence that leaves its subject to the one before (``It closes at 12.``) stays with it."""
    said: list[str] = []
    before, pronoun = "", ""
    for fact in told:
        template, leans = draw.one(fact.relation.told), False
        if fact.subject != before:
            pronoun = draw.one(("He", "She")) if fact.relation in _PERSON else "It"
        elif template.startswith("{e} ") and draw.chance(0.45):
            template, leans = template.replace("{e}", pronoun, 1), True
        elif template.startswith(("A ticket", "Tickets")) and draw.chance(0.6):
            template, leans = template.replace(" for {e}", "").replace(" to {e}", ""), True
        if leans:
            said[-1] += f" {fact.sentence(template)}"
        else:
            said.append(fact.sentence(template))
        before = fact.subject
    return said


def _prose(draw: Draw, told: list[Told]) -> str:
    sentences = draw.shuffled([fact.sentence(draw.one(fact.relation.told)) for fact in told]) if draw.chance(0.3) else running(draw, told)
    for _ in range(draw.one((0, 0, 0, 1, 1, 2))):
        sentences.insert(draw.number(0, len(sentences)), remark(draw))
    share = draw.number(1, 100)
    if share <= 68:
        return " ".join(sentences)
    if share <= 78:
        return "\n".join(sentences)
    if share <= 89:
        return "\n".join(f"- {text}" for text in sentences)
    return "\n".join(f"[{at}] {text}" for at, text in enumerate(sentences, 1))


def _structured(draw: Draw, told: list[Told]) -> str:
    """The same as records: JSON, lines of keys and values, or a table."""
    subjects = list(dict.fromkeys(fact.subject for fact in told))
    records = [{"name": name, **{fact.relation.label: fact.value for fact in told if fact.subject == name}} for name in subjects]
    form = draw.number(1, 3)
    if form == 1:
        return dumps(records if len(records) > 1 else records[0])
    if form == 2:
        return "\n\n".join("\n".join(f"{key}: {value}" for key, value in record.items()) for record in records)
    keys = list(dict.fromkeys(key for record in records for key in record))
    rows = [keys, ["---"] * len(keys), *[[record.get(key, "") for key in keys] for record in records]]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _question(draw: Draw, told: list[Told], absent: list[tuple[str, Relation]], *, sentence: bool) -> tuple[str, str, str]:
    """A question, its answer and whether the context has it."""
    if absent and draw.chance(0.36):
        subject, relation = draw.one(absent)
        return capital(draw.phrase(relation.asked).format(e=subject)), ABSENT, "absent"
    fact = draw.one(told)
    question = capital(draw.phrase(fact.relation.asked).format(e=fact.subject))
    return question, fact.sentence(fact.relation.told[0]) if sentence else fact.value, "present"


def chat(draw: Draw) -> Chat:
    """A context and one to three questions about it."""
    told, absent = _world(draw)
    text = _structured(draw, told) if draw.chance(0.15) else _prose(draw, told)
    sentence = draw.chance(0.12)
    rule = draw.phrase(_DATA["rules"]) if draw.chance(0.8) else ""
    parts = (
        rule,
        draw.phrase(_DATA["if_absent"]) if rule and draw.chance(0.45) else "",
        draw.phrase(_DATA["sentence"]) if sentence else "",
    )
    rule = " ".join(part for part in parts if part)
    question, answer, kind = _question(draw, told, absent, sentence=sentence)
    turns: list[Turn] = []
    share = draw.number(1, 100)
    if rule and share <= 12:
        turns = [system(f"{rule}\n\nContext: {text}"), user(question)]
    else:
        asked = draw.phrase(_DATA["layouts"]).format(c=text, q=question)
        if rule and share <= 55:
            turns = [system(rule), user(asked)]
        elif rule:
            turns = [user(f"{rule}\n\n{asked}" if share <= 85 else f"{asked}\n\n{rule}")]
        else:
            turns = [user(asked)]
    turns.append(assistant(answer))
    for _ in range(draw.one((0, 1, 2, 2, 3, 4))):
        question, answer, _kind = _question(draw, told, absent, sentence=sentence)
        turns += [user(question), assistant(answer)]
    return Chat(tuple(turns), NAME, kind)
