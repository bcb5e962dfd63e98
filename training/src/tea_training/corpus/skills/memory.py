"""Several turns: what the user told is asked for later, also after it has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant, user
from tea_training.corpus.prose import listing
from tea_training.corpus.skills import facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw

NAME = "memory"

_SLOTS: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...], Callable[[Draw], str]], ...]] = (
    (
        "name",
        ("My name is {v}.", "I am {v}.", "I'm {v}.", "Call me {v}.", "Hi, my name is {v}.", "You can call me {v}."),
        ("What is my name?", "What's my name?", "Who am I?", "Do you remember my name?", "Tell me my name.", "How am I called?"),
        lambda d: d.person(),
    ),
    (
        "city",
        ("I live in {v}.", "My home is in {v}.", "I moved to {v}.", "My city is {v}.", "I am living in {v}.", "I have a flat in {v}."),
        (
            "Where do I live?",
            "Which city do I live in?",
            "What is my city?",
            "In which city do I live?",
            "Tell me where I live.",
            "Do you know where I live?",
        ),
        lambda d: d.city(),
    ),
    (
        "job",
        ("I work as a {v}.", "I am a {v}.", "My job is {v}.", "I'm a {v}.", "I have a job as a {v}.", "By profession I am a {v}."),
        (
            "What is my job?",
            "What do I do for a living?",
            "What's my profession?",
            "What do I work as?",
            "Tell me my job.",
            "Do you remember my job?",
        ),
        lambda d: d.entity(words.JOBS),
    ),
    (
        "pet's name",
        ("My pet is called {v}.", "I have a pet named {v}.", "The name of my pet is {v}.", "My pet's name is {v}."),
        ("What is my pet called?", "What is the name of my pet?", "What's my pet's name?", "How is my pet called?"),
        lambda d: d.first_name(),
    ),
    (
        "favorite color",
        ("My favorite color is {v}.", "I like {v} best of all colors.", "The color I like most is {v}."),
        ("What is my favorite color?", "Which color do I like most?", "What's my favorite color?", "Which is my favorite color?"),
        lambda d: d.entity(words.COLORS),
    ),
    (
        "favorite food",
        ("My favorite food is {v}.", "The food I like most is {v}.", "I like to eat {v}."),
        ("What is my favorite food?", "Which food do I like?", "What do I like to eat?", "What's my favorite food?"),
        lambda d: d.entity(words.FOODS),
    ),
    (
        "hobby",
        ("My hobby is {v}.", "In my free time I do {v}.", "I love {v}."),
        ("What is my hobby?", "Which hobby do I have?", "What's my hobby?", "What do I do in my free time?"),
        lambda d: d.entity(words.HOBBIES),
    ),
    (
        "order number",
        ("My order number is {v}.", "The order number is {v}.", "I have order number {v}.", "It is about order number {v}."),
        ("What is my order number?", "What was my order number?", "Which order number did I give you?", "What's my order number?"),
        lambda d: d.order_number(),
    ),
    (
        "email",
        ("My email is {v}.", "You can write to me at {v}.", "My email address is {v}."),
        ("What is my email?", "What's my email address?", "Which email did I give you?", "What is my email address?"),
        lambda d: d.email(),
    ),
    (
        "age",
        ("I am {v} years old.", "My age is {v}.", "I'm {v} years old.", "I turned {v} this year."),
        ("How old am I?", "What is my age?", "What's my age?", "Do you remember my age?"),
        lambda d: str(d.number(10, 90)),
    ),
    (
        "code",
        ("Remember the code {v}.", "The code is {v}.", "My code is {v}.", "Keep this code: {v}"),
        ("What is the code?", "Which code did I give you?", "What was the code?", "Tell me the code."),
        lambda d: str(d.number(100, 99999)),
    ),
    (
        "company",
        ("I work at {v}.", "My company is {v}.", "I am employed by {v}."),
        ("Where do I work?", "Which company do I work for?", "What is my company?", "Who employs me?"),
        lambda d: d.company(),
    ),
)
_CHANGES: Final = (
    "Actually, my {s} is {v}.",
    "Sorry, my {s} is {v}.",
    "Correction: my {s} is {v}.",
    "No, my {s} is now {v}.",
    "My {s} has changed to {v}.",
    "Wait, my {s} is {v}.",
    "I was wrong, my {s} is {v}.",
    "Please change my {s} to {v}.",
)
_NOTED: Final = "OK, I will remember that."


def _untold(slot: str) -> str:
    return f"You haven't told me your {slot}."


def _remember(draw: Draw) -> list[Turn]:
    """Facts about the user, perhaps one change, something between, then questions."""
    chosen = draw.some(_SLOTS, draw.number(2, 4))
    told = {slot: value(draw) for slot, _, _, value in chosen[:-1]}
    turns: list[Turn] = []
    said = [(slot, draw.phrase(forms).format(v=told[slot])) for slot, forms, _, _ in chosen[:-1]]
    if draw.chance(0.4):
        turns += [user(" ".join(text for _, text in said)), assistant(_NOTED)]
    else:
        turns += [turn for _, text in said for turn in (user(text), assistant(_NOTED))]
    if draw.chance(0.25):
        slot, _, _, value = draw.one(chosen[:-1])
        told[slot] = value(draw)
        turns += [user(draw.phrase(_CHANGES).format(s=slot, v=told[slot])), assistant(_NOTED)]
    if draw.chance(0.3):
        made = facts.known(draw)
        turns += [user(made.question), assistant(made.sentence)]
    for slot, _, questions, _ in draw.shuffled(chosen)[: draw.number(1, 3)]:
        answer = f"Your {slot} is {told[slot]}." if slot in told else _untold(slot)
        turns += [user(draw.phrase(questions)), assistant(answer)]
    return turns


def _list(draw: Draw) -> list[Turn]:
    """A list that grows, then what is on it or how long it is."""
    items: list[str] = []
    turns: list[Turn] = []
    name = draw.one(("list", "shopping list", "to-do list", "packing list"))
    for _ in range(draw.number(1, 3)):
        added = [item for item in dict.fromkeys(draw.thing() for _ in range(draw.number(1, 3))) if item not in items]
        if not added:
            continue
        items += added
        asked = draw.phrase(
            (
                "Add {i} to my {l}.",
                "Put {i} on my {l}.",
                "Please add {i} to the {l}.",
                "Add to my {l}: {i}",
                "My {l} needs {i}.",
                "Write {i} on the {l}.",
            )
        )
        turns += [user(asked.format(i=listing(draw, added), l=name)), assistant(_NOTED)]
    if draw.chance(0.6):
        asked = draw.phrase(
            (
                "What is on my {l}?",
                "Show me my {l}.",
                "Read my {l}.",
                "Tell me what is on the {l}.",
                "What did I put on my {l}?",
                "What's on the {l}?",
            )
        )
        return [*turns, user(asked.format(l=name)), assistant(", ".join(items))]
    asked = draw.phrase(
        (
            "How many things are on my {l}?",
            "How many items are on the {l}?",
            "Count the items on my {l}.",
            "How long is my {l}? Give the number of items.",
            "What is the number of items on the {l}?",
            "How many items does my {l} have?",
        )
    )
    return [*turns, user(asked.format(l=name)), assistant(str(len(items)))]


def _last_question(draw: Draw) -> list[Turn]:
    made = facts.known(draw)
    asked = draw.phrase(
        (
            "What did I ask you?",
            "What was my last question?",
            "Repeat my question.",
            "Which question did I ask?",
            "What was my question?",
            "Say my last question again.",
        )
    )
    return [user(made.question), assistant(made.sentence), user(asked), assistant(made.question)]


def chat(draw: Draw) -> Chat:
    """A conversation whose last answers need its first turns."""
    share = draw.number(1, 100)
    if share <= 72:
        return Chat(tuple(_remember(draw)), NAME, "remember")
    if share <= 93:
        return Chat(tuple(_list(draw)), NAME, "list")
    return Chat(tuple(_last_question(draw)), NAME, "question")
