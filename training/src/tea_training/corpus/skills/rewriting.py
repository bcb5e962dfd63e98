"""Short work on a text: choose a sentence, shorten, ask, list, join, replace, sort, count, title, be polite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant
from tea_training.corpus.prose import ADJECTIVES, PLACES, TIMES, VERBS, article, capital, distinct, lay, listing, sentence, word

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw

NAME = "rewriting"

_SUMMARY = (
    *[
        "Summarize the text in one sentence.",
        "Summarize this in one sentence.",
        "Give a one sentence summary.",
        "Summarize the following text.",
        "Write a short summary of the text.",
        "Provide a brief summary.",
    ],
    *[
        "Shorten this text to one sentence.",
        "Summarize.",
        "Make this text shorter.",
        "Write a one-line summary.",
        "Please summarize this text.",
        "Condense the text into one sentence.",
        "What is the main point?",
    ],
    *[
        "TL;DR of this text, please.",
        "Summarize this.",
        "Give me the gist of the text.",
        "Sum this up in one sentence.",
        "Can you summarize this?",
        "You summarize texts in one sentence.",
        "Tell me briefly what happened.",
    ],
    *[
        "Short summary, please.",
        "Reduce the text to its main sentence.",
        "Summary in one line.",
        "Please give a short summary of the following.",
    ],
)
_ORDINALS = (
    (
        (
            "Return only the first sentence.",
            "Give me the first sentence.",
            "What is the first sentence?",
            "Copy the first sentence.",
            "Show just the first sentence.",
            "Output the first sentence of the text.",
        ),
        0,
    ),
    (
        (
            "Return only the second sentence.",
            "Give me the second sentence.",
            "What is the second sentence?",
            "Copy the second sentence.",
            "Show just the second sentence.",
            "Output the second sentence of the text.",
        ),
        1,
    ),
    (
        (
            "Return only the last sentence.",
            "Give me the last sentence.",
            "What is the last sentence?",
            "Copy the last sentence.",
            "Show just the last sentence.",
            "Output the last sentence of the text.",
        ),
        -1,
    ),
)
_PICK = (
    "Which sentence is about {x}?",
    "Return the sentence about {x}.",
    "Copy the sentence that mentions {x}.",
    "Give me the sentence about {x}.",
    "Find the sentence with {x}.",
    "What does the text say about {x}?",
    "Show only the sentence that mentions {x}.",
    "Quote the sentence about {x}.",
    "Pick the sentence about {x}.",
    "Where is {x} mentioned? Copy the sentence.",
    "Output the sentence in which {x} appears.",
    "Select the sentence about {x}.",
)
_TITLE = (
    "Write a title for this text.",
    "Give the text a title.",
    "Create a title.",
    "Suggest a title for the text.",
    "What is a good title for this text?",
    "Generate a short title.",
    "Write a headline for this text.",
    "Title for this message, please.",
    "Make a subject line for this mail.",
    "Write a subject line.",
    "Give this a short heading.",
    "Find a title for the following text.",
)
_SHORTEN = (
    "Remove the adjectives.",
    "Drop all adjectives.",
    "Rewrite the sentence without adjectives.",
    "Shorten the sentence by removing the adjectives.",
    "Delete the adjectives from the sentence.",
    "Write this without adjectives.",
    "Take out the adjectives.",
    "Leave out every adjective.",
    "Make the sentence shorter: remove adjectives.",
    "Strip the adjectives.",
    "Simplify the sentence by dropping the adjectives.",
    "Without adjectives, please.",
)
_QUESTION = (
    "Turn the statement into a question.",
    "Make this a question.",
    "Rewrite this as a question.",
    "Convert the sentence into a yes/no question.",
    "Ask this as a question.",
    "Change the statement to a question.",
    "Form a question from this sentence.",
    "Write it as a question.",
    "Transform this into a question.",
    "Turn this into a yes or no question.",
    "Make a question out of this.",
    "Rephrase the statement as a question.",
)
_BULLETS = (
    "List the items as bullets.",
    "Turn this into a bullet list.",
    "Write the items as a bullet list.",
    "Make a bulleted list of the items.",
    "Convert the sentence to bullet points.",
    "List them as bullet points.",
    "Format the items as a list with dashes.",
    "Put each item on its own line with a dash.",
    "Make a list.",
    "Bullet points, please.",
    "Extract the items as a bullet list.",
    "Rewrite as a bulleted list.",
)
_REPLACE = (
    "Replace {o} with {n}.",
    'Replace "{o}" with "{n}".',
    "Change {o} to {n}.",
    "Substitute {n} for {o}.",
    "Swap {o} for {n}.",
    "Rewrite the text with {n} instead of {o}.",
    "Use {n} instead of {o}.",
    "Write {n} where the text says {o}.",
    'Change the word "{o}" into "{n}".',
    "Please replace {o} by {n}.",
    "Put {n} in place of {o}.",
    "Exchange {o} for {n}.",
)
_FIX = (
    "Fix the capitalization and punctuation.",
    "Correct this sentence.",
    "Start with a capital letter and add a period.",
    "Rewrite this as a proper sentence.",
    "Add the capital letter and the final period.",
    "Correct the capitalization.",
    "Fix this sentence.",
    "Make this a correct sentence.",
    "Correct the spelling of the sentence start.",
    "Punctuate and capitalize this.",
    "Write this properly.",
    "Please correct the sentence.",
)
_POLITE = (
    "Make this polite.",
    "Say this more politely.",
    "Rewrite the order politely.",
    "Turn this into a polite request.",
    "Write this in a friendly way.",
    "Make it sound polite.",
    "Rephrase politely.",
    "Be more polite.",
    "Turn the command into a polite question.",
    "How can I say this politely?",
    "Write a polite version.",
    "Please make this friendlier.",
)
_FIRST_WORD = (
    "What is the first word?",
    "Return the first word of the text.",
    "Give me only the first word.",
    "Output the first word.",
    "Which word comes first?",
    "Tell me the first word of the text.",
)
_LAST_WORD = (
    "What is the last word?",
    "Return the last word of the text.",
    "Give me only the last word.",
    "Output the last word.",
    "Which word comes last?",
    "Tell me the last word of the text.",
)
_PAST = (
    "Put the sentence into the past tense.",
    "Rewrite in the past tense.",
    "Change the sentence to past tense.",
    "Use the past tense.",
    "Write this in the past.",
    "Convert to past tense.",
)
_NEGATE = (
    "Negate the sentence.",
    "Make the sentence negative.",
    "Say the opposite with not.",
    "Rewrite the sentence with not.",
    "Turn this into a negative sentence.",
    "Write the negative form.",
)
_KEYWORDS = (
    "Extract keywords from the text.",
    "List the keywords.",
    "What are the keywords of the text?",
    "Extract the key words, separated by commas.",
    "Find the main keywords.",
    "Give me keywords for the following text.",
)

Made = tuple[str, str, str]
"""An instruction, the text, and the answer."""


def _text(draw: Draw, low: int = 2, high: int = 4) -> list[str]:
    """Different sentences about different people."""
    return [sentence(draw, who) for who in distinct(draw.person, draw.number(low, high))]


def _summary(draw: Draw) -> Made:
    """The first sentence says it all; the others add to it."""
    who, city = draw.person(), draw.city()
    lead = draw.one(
        (
            f"{who} opened {article(draw.thing())} shop in {city}.", f"{draw.company()} moved to {city}.", f"{who} won the {draw.entity(words.HOBBIES)} prize in {city}.", f"The {draw.one(ADJECTIVES)} library in {city} is closed until {draw.one(words.MONTHS)}.",
            f"The meeting with {who} was moved to {draw.one(words.DAYS)}.", f"{who} starts as {article(draw.entity(words.JOBS))} at {draw.company()}.", f"The train from {city} is {draw.number(5, 90)} minutes late.", f"{draw.company()} sells a new {draw.thing()}.",
        )
    )  # fmt: skip
    more = (
        "Many people came to see it.", "It was planned for a long time.", f"{draw.first_name()} is very happy about it.", f"The work took {draw.number(2, 40)} months.", "Everybody was surprised.", f"It cost ${draw.number(10, 9000)}.",
        "More details follow next week.", f"{draw.full_name()} helped with it.", "The local news reported about it.", "There was a lot of talk about it.", f"It was decided on {draw.one(words.DAYS)}.", "The reasons are not known.",
    )  # fmt: skip
    if draw.chance(0.3):
        lines = _text(draw, 2, 4)
        return draw.phrase(_SUMMARY), " ".join(lines), lines[0]
    return draw.phrase(_SUMMARY), " ".join([lead, *draw.some(more, draw.number(1, 3))]), lead


def _ordinal(draw: Draw) -> Made:
    asks, place = draw.one(_ORDINALS)
    lines = _text(draw)
    return draw.phrase(asks), " ".join(lines), lines[place]


def _pick(draw: Draw) -> Made:
    people = distinct(draw.person, draw.number(2, 4))
    lines = [sentence(draw, who) for who in people]
    at = draw.number(0, len(lines) - 1)
    return draw.phrase(_PICK).format(x=people[at]), " ".join(lines), lines[at]


def _title(draw: Draw) -> Made:
    """The title says what, with whom or where, and when."""
    what = draw.one(("meeting", "lunch", "interview", "call", "dinner", "workshop", "concert", "visit", "training"))
    who, when = draw.person(), draw.one((draw.one(words.DAYS), f"{draw.one(words.MONTHS)} {draw.number(1, 28)}"))
    text = draw.one(
        (
            f"There will be a {what} with {who} on {when}.", f"On {when} we have a {what} with {who}.", f"Please come to the {what} with {who} on {when}.", f"The {what} with {who} takes place on {when}.", f"I planned a {what} with {who} on {when}.",
            f"{who} is coming on {when} for a {what}.", f"Do not forget the {what} with {who} on {when}.", f"{who} has time for a {what} on {when}.",
        )
    )  # fmt: skip
    rest = draw.some(
        (
            "Please be on time.",
            "Bring your notes.",
            f"We meet {draw.one(PLACES)}.",
            f"It starts at {draw.time()}.",
            "Let me know if you can come.",
            "I am looking forward to it.",
        ),
        draw.number(0, 2),
    )
    return draw.phrase(_TITLE), " ".join([text, *rest]), f"{capital(what)} with {who} on {when}"


def _shorten(draw: Draw) -> Made:
    who, (third, _, past) = draw.person(), draw.one(VERBS)
    verb, one, two = draw.one((third, past)), draw.thing(), draw.thing()
    first, second, third_ = draw.some(ADJECTIVES, 3)
    place = draw.one(("house", "garden", "street", "room", "village", "shop", "tower", "car"))
    form = draw.number(0, 2)
    if form == 0:
        return draw.phrase(_SHORTEN), f"{who} {verb} the {first} {one}.", f"{who} {verb} the {one}."
    if form == 1:
        return draw.phrase(_SHORTEN), f"{who} {verb} the {first} {one} in the {second} {place}.", f"{who} {verb} the {one} in the {place}."
    return (
        draw.phrase(_SHORTEN),
        f"The {third_} {place} has {article(f'{first} {one}')} and {article(f'{second} {two}')}.",
        f"The {place} has {article(one)} and {article(two)}.",
    )


def _question(draw: Draw) -> Made:
    who, thing, city, (third, base, past) = draw.person(), draw.thing(), draw.city(), draw.one(VERBS)
    forms = (
        (f"{who} {third} the {thing}.", f"Does {who} {base} the {thing}?"), (f"{who} {past} the {thing}.", f"Did {who} {base} the {thing}?"), (f"{who} will {base} the {thing}.", f"Will {who} {base} the {thing}?"), (f"{who} can {base} the {thing}.", f"Can {who} {base} the {thing}?"),
        (f"{who} is in {city}.", f"Is {who} in {city}?"), (f"{who} lives in {city}.", f"Does {who} live in {city}?"), (f"The {thing} is {draw.one(ADJECTIVES)}.", ""), (f"{who} was in {city}.", f"Was {who} in {city}?"), (f"{who} has {article(thing)}.", f"Does {who} have {article(thing)}?"),
    )  # fmt: skip
    text, answer = draw.one(forms)
    return draw.phrase(_QUESTION), text, answer or f"Is the {thing} {text.split()[-1][:-1]}?"


def _negate(draw: Draw) -> Made:
    who, thing, city, (third, base, past) = draw.person(), draw.thing(), draw.city(), draw.one(VERBS)
    forms = (
        (f"{who} {third} the {thing}.", f"{who} does not {base} the {thing}."), (f"{who} {past} the {thing}.", f"{who} did not {base} the {thing}."), (f"{who} will {base} the {thing}.", f"{who} will not {base} the {thing}."),
        (f"{who} is in {city}.", f"{who} is not in {city}."), (f"{who} was in {city}.", f"{who} was not in {city}."), (f"The {thing} is in {city}.", f"The {thing} is not in {city}."),
    )  # fmt: skip
    return draw.phrase(_NEGATE), *draw.one(forms)


def _past(draw: Draw) -> Made:
    who, thing, (third, base, past) = draw.person(), draw.thing(), draw.one(VERBS)
    tail = draw.one(("", f" {draw.one(PLACES)}", f" in {draw.city()}"))
    return draw.phrase(_PAST), f"{who} {draw.one((third, f'will {base}'))} the {thing}{tail}.", f"{who} {past} the {thing}{tail}."


def _items(draw: Draw, low: int = 2, high: int = 5) -> list[str]:
    """Different things or names for a list."""
    make: Callable[[], str] = draw.one((draw.thing, draw.thing, lambda: word(draw), draw.first_name, draw.city))
    return distinct(make, draw.number(low, high))


_CARRIERS = (
    "We need {x}.",
    "Please buy {x}.",
    "The box contains {x}.",
    "I packed {x}.",
    "The list has {x}.",
    "{x} are ready.",
    "There are {x}.",
    "Do not forget {x}.",
    "My favorites are {x}.",
    "I saw {x}.",
)


def _bullets(draw: Draw) -> Made:
    items = _items(draw)
    text = draw.one((*[form.format(x=listing(draw, items)) for form in _CARRIERS], ", ".join(items), "; ".join(items)))
    return draw.phrase(_BULLETS), text, "\n".join(f"- {item}" for item in items)


def _replace(draw: Draw) -> Made:
    """A word or a name changes; everything else stays."""
    lines = _text(draw, 1, 2)
    who = draw.person()
    if draw.chance(0.5):
        old, new = distinct(draw.thing, 2)
        form = draw.one(
            (
                "{w} has the {x} now.",
                "{w} likes the {x}.",
                "{w} lost the {x} in {c}.",
                "The {x} of {w} is here.",
                "{w} put the {x} there.",
                "In {c}, {w} found the {x}.",
            )
        )
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
    return draw.phrase(_REPLACE).format(o=old, n=new), made[0], made[1]


def _fix(draw: Draw) -> Made:
    third, _, past = draw.one(VERBS)
    start = draw.one(("the", "my", "our", "his", "her", "this", "we saw the", "they have the", "it is the", "yesterday the"))
    answer = f"{start} {draw.one(ADJECTIVES)} {draw.thing()} {draw.one(('is', 'was', 'stands', 'lies'))} {draw.one(PLACES)}"
    if start.startswith(("we", "they", "it", "yes")):
        answer = f"{start} {draw.one(ADJECTIVES)} {draw.thing()} {draw.one(PLACES)}"
    if draw.chance(0.2):
        answer = f"the {draw.entity(words.JOBS)} {draw.one((third, past))} the {draw.thing()} {draw.one(TIMES)}"
    return draw.phrase(_FIX), answer + draw.one(("", "", ".")), capital(answer) + "."


_COMMANDS = (
    "close the {x}",
    "bring the {x}",
    "open the {x}",
    "repair the {x}",
    "clean the {x}",
    "send me the {x}",
    "give me the {x}",
    "call {p}",
    "write to {p}",
    "help {p}",
    "wait for {p}",
    "go to {c}",
    "come to {c}",
    "read the {x}",
    "show {p} the {x}",
    "buy the {x}",
)


def _polite(draw: Draw) -> Made:
    order = draw.phrase(_COMMANDS).format(x=draw.thing(), p=draw.first_name(), c=draw.city())
    return draw.phrase(_POLITE), capital(order) + draw.one((".", "!", "!", "")), f"Could you please {order}?"


def _edge_word(draw: Draw) -> Made:
    text = sentence(draw)
    if draw.chance(0.5):
        return draw.phrase(_FIRST_WORD), text, text.split()[0]
    return draw.phrase(_LAST_WORD), text, text.split()[-1].rstrip(".")


def _keywords(draw: Draw) -> Made:
    """What a sentence is about: its thing and its place."""
    adjective, thing, city = draw.one(ADJECTIVES), draw.thing(), draw.city()
    verb = draw.one(("was found in", "was sold in", "is shown in", "was repaired in", "was stolen in", "is made in"))
    return draw.phrase(_KEYWORDS), f"The {adjective} {thing} {verb} {city}.", f"{adjective}, {thing}, {city}"


_MAKERS: tuple[tuple[str, Callable[[Draw], Made]], ...] = (
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
