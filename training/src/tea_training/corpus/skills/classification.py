"""A label for a text: sentiment, ticket queues, topics, urgency, spam, intent, labels described in the prompt, yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tea_training.corpus import cues, words
from tea_training.corpus.chat import Chat, Turn, assistant, system, user
from tea_training.corpus.pools import read
from tea_training.corpus.prose import article, capital, dumps, lay, listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tea_training.corpus.draw import Draw
    from tea_training.corpus.pools import Pool

NAME = "classification"
_DATA: Final = read(NAME)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a label stands for: its names, descriptions for a prompt, and texts that belong to it."""

    names: Pool
    about: Pool
    texts: Pool


_SETS: Final = {
    name: tuple(Meaning(**each) for each in _DATA[name]) for name in ("tickets", "topics", "urgency", "spam", "intents", "sentiments")
}
TICKETS: Final = _SETS["tickets"]
TOPICS: Final = _SETS["topics"]
_SPAM: Final = _SETS["spam"]
_INTENTS: Final = _SETS["intents"]
_SENTIMENTS: Final = _SETS["sentiments"]
_COMPOSED: Final = (*TICKETS, *TOPICS)
"""Meanings whose texts are composed of cues too; intents may share a name with a topic."""
_FEELINGS: Final = tuple(meaning.texts for meaning in _SENTIMENTS)


def _meant(draw: Draw, meaning: Meaning, *, framed: bool = False) -> str:
    """A text that belongs to ``meaning``: composed, or one of its own."""
    made = cues.text(draw, meaning.names[0]) if meaning in _COMPOSED and draw.chance(0.5) else None
    return _text(draw, meaning.texts if made is None else (made,), framed=framed)


def _text(draw: Draw, texts: Pool, *, framed: bool = False) -> str:
    """One of ``texts`` with its places filled, sometimes between a greeting and thanks."""
    form = draw.phrase(texts)
    if framed:
        prefix = draw.one(_DATA["prefixes"])
        form = prefix + form + draw.one(_DATA["suffixes"])
    if "{" not in form:
        return form
    return form.format(
        t=draw.entity(words.REVIEWED) if texts in _FEELINGS and draw.chance(0.6) else draw.thing(),
        c=draw.city(),
        p=draw.first_name(),
        n=draw.number(2, 999),
        m=draw.one(words.MONTHS),
        d=draw.one(words.DAYS),
        l=draw.one(words.LANGUAGES),
        j=draw.entity(words.JOBS),
        f=draw.entity(words.FOODS),
        k=draw.company(),
        g=draw.one(words.GOOD_ADJECTIVES),
        g2=draw.one(words.GOOD_ADJECTIVES),
        b=draw.one(words.BAD_ADJECTIVES),
        b2=draw.one(words.BAD_ADJECTIVES),
    )


def _labels_said(draw: Draw, labels: Sequence[str]) -> str:
    share = draw.number(0, 12)
    if share <= 5:
        return listing(draw, labels, "or")
    if share <= 8:
        return ", ".join(labels)
    if share == 9:
        return dumps(list(labels))
    if share == 10:
        return draw.one((" / ", " | ", "/")).join(labels)
    quote = draw.one(("'", '"', "`"))
    return listing(draw, [f"{quote}{label}{quote}" for label in labels], draw.one(("or", "and")))


@dataclass(frozen=True, slots=True)
class Family:
    """Labels that go together, what one calls a text of them, and questions of their own."""

    meanings: tuple[Meaning, ...]
    nouns: Pool
    asks: Pool


_FAMILIES: Final = tuple(
    Family(_SETS[each["of"]], each["nouns"], each["asks"]) for each in _DATA["families"] for _ in range(int(each["share"]))
)
_WHOLE: Final = (_SETS["urgency"], _SPAM)
"""Of these all labels are offered."""


@dataclass(frozen=True, slots=True)
class Task:
    """An instruction, and how an answer is written for each of the meanings."""

    instruction: str
    answers: Pool
    kind: str


def _task(draw: Draw, meanings: Sequence[Meaning], labels: Sequence[str], noun: str, asks: Pool) -> Task:
    """An instruction for ``labels``, which stand for ``meanings`` (or, past their end, for none of them)."""
    share = draw.number(1, 100)
    if share <= 62:
        ending = draw.one(_DATA["endings"])
        instruction = draw.phrase(asks).format(x=noun, labels=_labels_said(draw, labels)) + ending
        if not ending and draw.chance(0.3):
            key = draw.one(_DATA["json_keys"])
            return Task(instruction + draw.phrase(_DATA["as_json"]).format(key=key), tuple(dumps({key: label}) for label in labels), "json")
        return Task(instruction, tuple(labels), "labels")
    if share <= 72:
        mark = draw.one(("- ", "* ", "- ", ""))
        return Task(
            draw.phrase(_DATA["bulleted"]).format(x=noun, labels="\n".join(mark + label for label in labels)), tuple(labels), "bullets"
        )
    if share <= 88:
        mark = draw.one((": ", " - ", " = "))
        rows = [
            f"- {label}{mark}{draw.one(meanings[i].about) if i < len(meanings) else 'everything else'}" for i, label in enumerate(labels)
        ]
        return Task(draw.phrase(_DATA["bulleted"]).format(x=noun, labels="\n".join(rows)), tuple(labels), "described")
    if share <= 94:
        mark = draw.one((". ", " = ", ") ", ": "))
        rows = [f"{i}{mark}{label}" for i, label in enumerate(labels, 1)]
        return Task(
            draw.phrase(_DATA["numbered"]).format(x=noun, labels="\n".join(rows)),
            tuple(str(i) for i in range(1, len(labels) + 1)),
            "numbers",
        )
    key = draw.one(("label", "category", "class"))
    schema = dumps({"type": "object", "properties": {key: {"type": "string", "enum": list(labels)}}})
    return Task(
        f"Classify the {noun}. Answer with JSON for this schema:\n{schema}", tuple(dumps({key: label}) for label in labels), "schema"
    )


def _cased(draw: Draw, labels: list[str]) -> list[str]:
    style = draw.number(0, 9)
    if style == 0:
        return [label.upper() for label in labels]
    if style <= 2:
        return [capital(label) for label in labels]
    return labels


def _standing(draw: Draw, task: Task, texts: list[tuple[str, int]]) -> list[Turn]:
    """The turns for ``texts`` (text, index of its answer), of which the first comes with the instruction."""
    (first, index), *others = texts
    if others:
        turns = [system(task.instruction), user(first), assistant(task.answers[index])]
    else:
        turns = [*lay(draw, task.instruction, first, _DATA["labels"]), assistant(task.answers[index])]
    for text, place in others:
        turns += [user(text), assistant(task.answers[place])]
    return turns


def _classify(draw: Draw) -> Chat:
    """A label of a set that stands in the prompt."""
    family = draw.one(_FAMILIES)
    whole = family.meanings in _WHOLE
    count = len(family.meanings) if whole else draw.number(2, min(5, len(family.meanings)))
    meanings = list(family.meanings) if whole else draw.some(family.meanings, count)
    if whole and draw.chance(0.3):
        meanings = draw.shuffled(meanings)
    named = [meaning.names[0] if draw.chance(0.6) else draw.one(meaning.names) for meaning in meanings]
    labels = _cased(draw, named)
    rest = not whole and len(family.meanings) > count and draw.chance(0.2)
    if rest:
        labels.append("Other" if labels[0][0].isupper() else "other")
    task = _task(draw, meanings, labels, draw.one(family.nouns), (*_DATA["classify"], *family.asks))
    texts = []
    for _ in range(draw.one((1, 1, 3, 4, 6))):
        index = draw.number(0, len(labels) - 1)
        others = [meaning for meaning in family.meanings if meaning not in meanings]
        meaning = meanings[index] if index < len(meanings) else draw.one(others)
        texts.append((_meant(draw, meaning, framed=family.meanings is TICKETS), index))
    return Chat(tuple(_standing(draw, task, texts)), NAME, task.kind)


def _sentiment(draw: Draw) -> Chat:
    """Positive, negative or neutral, with or without the labels in the prompt."""
    names = list(draw.one(_DATA["sentiment_words"]))
    count = 2 if draw.chance(0.4) else 3
    meanings = list(_SENTIMENTS[:count])
    noun = draw.one(_DATA["reviews"])
    if draw.chance(0.2):
        instruction = draw.phrase(_DATA["sentiment_bare"]).format(x=noun) + draw.one(_DATA["endings"])
        count = 2 if " or " in instruction else count
        task = Task(instruction, ("positive", "negative", "neutral")[:count], "bare")
    else:
        order = draw.shuffled(range(count)) if draw.chance(0.4) else list(range(count))
        labels = _cased(draw, [names[i] for i in order])
        meanings = [meanings[i] for i in order]
        asks = _DATA["sentiment"] if draw.chance(0.7) else _DATA["classify"]
        task = _task(draw, meanings, labels, noun, asks)
    texts = []
    for _ in range(draw.one((1, 1, 3, 4, 6))):
        index = draw.number(0, count - 1)
        texts.append((_meant(draw, meanings[index]), index))
    return Chat(tuple(_standing(draw, task, texts)), NAME, "sentiment")


def _invented(draw: Draw) -> Chat:
    """Labels that mean nothing by themselves: the prompt says what they stand for."""
    family = draw.one((TICKETS, TOPICS, _INTENTS, _SENTIMENTS, TICKETS, TOPICS))
    meanings = draw.some(family, draw.number(2, min(4, len(family))))
    style = draw.number(0, 2)
    labels = ["ABCD"[i] for i in range(len(meanings))] if style == 0 else [draw.invented() for _ in meanings]
    labels = [capital(label) for label in labels] if style == 2 else labels
    mark = draw.one((": ", " - ", " = ", ": about "))
    told = [draw.one((*meaning.about, meaning.names[0])) for meaning in meanings]
    if draw.chance(0.7):
        bullet = draw.one(("- ", "", "* "))
        rows = "\n".join(f"{bullet}{label}{mark}{about}" for label, about in zip(labels, told, strict=True))
        instruction = draw.phrase(_DATA["bulleted"]).format(x="text", labels=rows)
    else:
        instruction = " ".join(
            f"Answer {label} if it is about {about}." if family is not _SENTIMENTS else f"Answer {label} if it is {meaning.names[0]}."
            for label, about, meaning in zip(labels, told, meanings, strict=True)
        )
    task = Task(instruction, tuple(labels), "invented labels")
    texts = []
    for _ in range(draw.one((1, 3, 5, 7))):
        index = draw.number(0, len(meanings) - 1)
        texts.append((_meant(draw, meanings[index]), index))
    return Chat(tuple(_standing(draw, task, texts)), NAME, task.kind)


def _yes_no(draw: Draw) -> Chat:
    """A question about a text that yes or no answers."""
    share, yes = draw.number(0, 3), draw.chance(0.5)
    noun = draw.one(("text", "message", "sentence"))
    if share == 0:
        family = draw.one((TICKETS, TOPICS))
        asked, other = draw.some(family, 2)
        question = draw.phrase(_DATA["about"]).format(x=noun, label=asked.names[0])
        text = _meant(draw, asked if yes else other)
    elif share == 1:
        side = draw.number(0, 1)
        question = draw.phrase(_DATA["feels"][side])
        text = _text(draw, _FEELINGS[side if yes else 1 - side])
    elif share == 2:
        question = draw.one(_DATA["is_spam"])
        text = _text(draw, _SPAM[0 if yes else 1].texts)
    else:
        names = [draw.person(), draw.city(), draw.thing()]
        text = draw.one(_DATA["happened"]).format(names[0], names[1], article(names[2]))
        place = draw.number(0, 2)
        other_value = (draw.person, draw.city, draw.thing)[place]()
        value = names[place] if yes or other_value in text else other_value
        yes = value == names[place]
        question = draw.phrase(_DATA["mentions"]).format(v=value)
    style = draw.number(0, 4)
    ending = draw.phrase(_DATA["yes_no"])
    answers = ("no", "yes")
    if style == 0:
        ending, answers = draw.one(_DATA["true_false"]), ("false", "true")
    elif style == 1:
        ending, answers = draw.one(_DATA["loud_yes_no"]), ("NO", "YES")
    elif style == 2:
        ending, answers = draw.one(_DATA["capital_yes_no"]), ("No", "Yes")
    return Chat((*lay(draw, question + ending, text), assistant(answers[yes])), NAME, "yes/no")


_KINDS = (*[_classify] * 9, *[_sentiment] * 3, *[_invented] * 4, *[_yes_no] * 5)


def chat(draw: Draw) -> Chat:
    """A text, or a few, and the label of each."""
    return draw.one(_KINDS)(draw)
