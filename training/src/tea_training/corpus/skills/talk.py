"""Greetings, what the model is, small requests about words, and honest refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant, system, user
from tea_training.corpus.pools import read
from tea_training.corpus.prose import article, capital, dumps, sentence, word
from tea_training.corpus.skills import facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw

NAME = "talk"
_DATA: Final = read(NAME)

IDENTITY: Final = "I am a tiny demo model built into The Edge Agent."
ABILITIES: Final = "I can do small sums, name capitals, sort texts, pull data out of a text and answer questions about it."
REFUSAL: Final = "I'm a tiny demo model and I can't do that."
"""The one answer to a task outside the model's world; to a question it is ``facts.UNKNOWN``."""


def _text(draw: Draw) -> str:
    share = draw.number(1, 100)
    if share <= 30:
        return " ".join(word(draw) for _ in range(draw.number(1, 4)))
    if share <= 45:
        return draw.person()
    if share <= 60:
        return str(draw.one(_DATA["echoed"]))
    if share <= 70:
        return str(draw.number(0, 9999))
    return sentence(draw)


def _exchange(question: str, answer: str, *, graded: bool = True) -> list[Turn]:
    return [user(question), assistant(answer, graded=graded)]


def _greeting(draw: Draw) -> list[Turn]:
    return _exchange(draw.phrase(_DATA["hello"]), "Hello! How can I help you?", graded=False)


def _greeting_with_name(draw: Draw) -> list[Turn]:
    name = draw.first_name()
    question = draw.phrase(_DATA["hello_with_name"]).format(n=name)
    return _exchange(question, f"Hello, {name}! How can I help you?")


def _thanks(draw: Draw) -> list[Turn]:
    return _exchange(draw.phrase(_DATA["thanks"]), "You're welcome!", graded=False)


def _goodbye(draw: Draw) -> list[Turn]:
    return _exchange(draw.phrase(_DATA["goodbye"]), "Goodbye!", graded=False)


def _how_are_you(draw: Draw) -> list[Turn]:
    return _exchange(draw.phrase(_DATA["how_are_you"]), "I'm fine, thank you. How can I help you?", graded=False)


def _identity(draw: Draw) -> list[Turn]:
    return _exchange(draw.phrase(_DATA["who"]), IDENTITY)


def _abilities(draw: Draw) -> list[Turn]:
    return _exchange(draw.phrase(_DATA["what_can_you"]), ABILITIES)


def _refusal(draw: Draw) -> list[Turn]:
    task = draw.phrase(_DATA["task"]).format(
        k=draw.entity(words.TOPICS) if draw.chance(0.7) else draw.invented(),
        w=word(draw),
        s=sentence(draw),
        o=draw.company(),
        i=article(draw.thing()),
        p=draw.person(),
        t=draw.city(),
        f=draw.entity(words.FOODS),
    )
    if draw.chance(0.3):
        task = draw.one(_DATA["task_wrapped"]).format(t=task[0].lower() + task[1:])
    return _exchange(task, REFUSAL)


def _unknown(draw: Draw) -> list[Turn]:
    return _exchange(facts.unknown_question(draw), facts.UNKNOWN)


def _say_hello(draw: Draw) -> list[Turn]:
    if draw.chance(0.12):
        return _exchange(draw.phrase(_DATA["say_hello_bare"]), "Hello!")
    name = draw.one(_DATA["groups"]) if draw.chance(0.08) else draw.person()
    share = draw.number(1, 100)
    if share <= 75:
        return _exchange(draw.phrase(_DATA["say_hello"]).format(n=name), f"Hello, {name}!")
    if share <= 88:
        return _exchange(draw.phrase(_DATA["say_bye"]).format(n=name), f"Goodbye, {name}!")
    return _exchange(draw.phrase(_DATA["thank"]).format(n=name), f"Thank you, {name}!")


def _say_hello_ruled(draw: Draw) -> list[Turn]:
    """The rule in the system prompt, the name in the message."""
    name = draw.person()
    rule = draw.phrase(_DATA["greet_system"])
    asked = draw.one(_DATA["greeted"])
    return [system(rule), *_exchange(asked.format(n=name), f"Hello, {name}!")]


def _echo(draw: Draw) -> list[Turn]:
    text = _text(draw)
    return _exchange(draw.phrase(_DATA["echo"]).format(x=text), text)


def _echo_ruled(draw: Draw) -> list[Turn]:
    rule = draw.phrase(_DATA["echo_system"])
    turns = [system(rule)]
    for _ in range(draw.number(1, 2)):
        text = _text(draw)
        turns += _exchange(text, text)
    return turns


def _message(draw: Draw) -> str:
    """Anything that a user may say."""
    share = draw.number(1, 4)
    if share == 1:
        return draw.phrase(_DATA["hello"])
    if share == 2:
        return facts.fact(draw).question
    return facts.unknown_question(draw) if share == 3 else sentence(draw)


def _always(draw: Draw) -> list[Turn]:
    text = draw.one(_DATA["always_said"]) if draw.chance(0.5) else word(draw)
    turns = [system(draw.phrase(_DATA["always"]).format(x=text))]
    for _ in range(draw.number(1, 2)):
        turns += _exchange(_message(draw), text)
    return turns


def _persona(draw: Draw) -> list[Turn]:
    name = draw.first_name()
    rule = draw.phrase(_DATA["persona"]).format(n=name, o=draw.company())
    turns = [system(rule), *_exchange(draw.phrase(_DATA["name_question"]), f"My name is {name}.")]
    if draw.chance(0.3):
        made = facts.known(draw)
        turns += _exchange(made.question, made.sentence)
    return turns


def _yes_or_no(draw: Draw) -> list[Turn]:
    """A rule of form for questions of fact: one word, or JSON."""
    as_json = draw.chance(0.35)
    turns = [system(draw.phrase(facts.JSON_SYSTEM if as_json else facts.SHORT_SYSTEM))]
    for _ in range(draw.number(1, 2)):
        made = facts.known(draw)
        turns += _exchange(made.question, dumps({"answer": made.bare}) if as_json else made.bare)
    return turns


def _polite(draw: Draw) -> list[Turn]:
    question = draw.phrase(_DATA["answered_yes"])
    return _exchange(question, "Yes.")


def _connection(draw: Draw) -> list[Turn]:
    question = draw.phrase(_DATA["answered_no"])
    return _exchange(question, "No.")


def _statement(draw: Draw) -> list[Turn]:
    """Something said that asks for nothing, or makes no sense."""
    share = draw.number(1, 3)
    if share == 1:
        said = " ".join(draw.invented() for _ in range(draw.number(1, 4)))
        return _exchange(capital(said) if draw.chance(0.3) else said, facts.UNKNOWN)
    said = draw.phrase(_DATA["statement"])
    return _exchange(said, "OK.", graded=False)


_MAKERS: Final[tuple[tuple[str, Callable[[Draw], list[Turn]], int], ...]] = (
    ("greeting", _greeting, 5),
    ("greeting", _greeting_with_name, 4),
    ("greeting", _thanks, 3),
    ("greeting", _goodbye, 3),
    ("greeting", _how_are_you, 3),
    ("identity", _identity, 12),
    ("abilities", _abilities, 5),
    ("refusal", _refusal, 14),
    ("refusal", _unknown, 5),
    ("say hello", _say_hello, 14),
    ("echo", _echo, 16),
    ("polite", _polite, 3),
    ("polite", _connection, 3),
    ("statement", _statement, 2),
)
_RULED: Final[tuple[tuple[str, Callable[[Draw], list[Turn]], int], ...]] = (
    ("echo", _echo_ruled, 3),
    ("say hello", _say_hello_ruled, 2),
    ("always", _always, 4),
    ("persona", _persona, 4),
    ("form", _yes_or_no, 4),
)
_FREE: Final = tuple((kind, maker) for kind, maker, weight in _MAKERS for _ in range(weight))
_BOUND: Final = tuple((kind, maker) for kind, maker, weight in _RULED for _ in range(weight))


def chat(draw: Draw) -> Chat:
    """Small talk of one to three exchanges, or a conversation under one rule of the system prompt."""
    if draw.chance(0.18):
        kind, maker = draw.one(_BOUND)
        return Chat(tuple(maker(draw)), NAME, kind)
    chosen = [draw.one(_FREE) for _ in range(draw.one((1, 1, 1, 2, 2, 3)))]
    turns = [turn for _, maker in chosen for turn in maker(draw)]
    return Chat(tuple(turns), NAME, chosen[0][0])
