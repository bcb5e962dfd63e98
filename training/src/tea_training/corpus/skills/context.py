"""Questions about a given text: the answer is copied from it, or there is exactly one sentence for what it does not say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant, system, user
from tea_training.corpus.prose import capital, dumps, plural, remark

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw

NAME = "context"

ABSENT: Final = "I don't have enough information."
"""The one answer to what the context does not say."""


@dataclass(frozen=True, slots=True)
class Relation:
    """One thing that can be said and asked of a kind of subject; ``{e}`` is the subject, ``{v}`` the value.

    The first of ``told`` is also the answer when a sentence is asked for.
    """

    label: str
    told: tuple[str, ...]
    asked: tuple[str, ...]
    value: Callable[[Draw], str]


@dataclass(frozen=True, slots=True)
class Told:
    """What the context says: ``relation`` of ``subject`` is ``value``."""

    subject: str
    relation: Relation
    value: str

    def sentence(self, template: str) -> str:
        return capital(template.format(e=self.subject, v=self.value))


def _rel(label: str, told: str, asked: str, value: Callable[[Draw], str]) -> Relation:
    return Relation(label, tuple(told.split("|")), tuple(asked.split("|")), value)


def _amount(draw: Draw) -> str:
    number = draw.one((str(draw.number(1, 99)), str(draw.number(100, 2999)), f"{draw.number(1, 499)}.{draw.one((50, 99, 95, 25))}"))
    return draw.one((f"${number}", f"{number} euros", f"{number} dollars", f"€{number}"))


def _day(draw: Draw) -> str:
    return draw.one(words.DAYS) if draw.chance(0.4) else draw.date()


def _span(draw: Draw) -> str:
    return f"{draw.number(2, 60)} {draw.one(('days', 'hours', 'weeks', 'months', 'years', 'minutes'))}"


def _room(draw: Draw) -> str:
    return draw.one(
        (f"room {draw.number(1, 400)}", "the main hall", "the library", f"the {draw.invented().capitalize()} Hotel", draw.city())
    )


_PERSON: Final = (
    _rel(
        "city",
        "{e} lives in {v}.|{e} has a flat in {v}.|{e} currently lives in {v}.|The home of {e} is in {v}.",
        "Where does {e} live?|In which city does {e} live?|What city does {e} live in?|Which city is {e}'s home?|where does {e} live",
        lambda d: d.city(),
    ),
    _rel(
        "birthplace",
        "{e} was born in {v}.|{e} comes from {v}.|{v} is the birthplace of {e}.",
        "Where was {e} born?|In which city was {e} born?|What is the birthplace of {e}?|Where does {e} come from?",
        lambda d: d.city(),
    ),
    _rel(
        "job",
        "{e} works as a {v}.|{e} is a {v}.|By profession, {e} is a {v}.|{e} has a job as a {v}.",
        "What is the job of {e}?|What is {e}'s job?|What is {e}'s profession?|What does {e} do for a living?|What does {e} work as?",
        lambda d: d.entity(words.JOBS),
    ),
    _rel(
        "age",
        "{e} is {v} years old.|{e} turned {v} this year.|The age of {e} is {v}.|At {v}, {e} still enjoys work.",
        "How old is {e}?|What is the age of {e}?|What is {e}'s age?|How many years old is {e}?",
        lambda d: str(d.number(5, 95)),
    ),
    _rel(
        "employer",
        "{e} works at {v}.|{e} is employed by {v}.|{v} hired {e}.|{e} has joined {v}.",
        "Where does {e} work?|Which company does {e} work for?|Who employs {e}?|At which company does {e} work?|Who does {e} work for?",
        lambda d: d.company(),
    ),
    _rel(
        "favorite color",
        "{e}'s favorite color is {v}.|The favorite color of {e} is {v}.|{e} likes {v} more than any other color.",
        "What is {e}'s favorite color?|Which color does {e} like most?|What color does {e} prefer?",
        lambda d: d.entity(words.COLORS),
    ),
    _rel(
        "hobby",
        "{e} enjoys {v}.|{e}'s hobby is {v}.|{e} loves {v}.|In the evening {e} does some {v}.",
        "What is {e}'s hobby?|What does {e} enjoy?|What hobby does {e} have?|Which hobby does {e} have?",
        lambda d: d.entity(words.HOBBIES),
    ),
    _rel(
        "pet",
        "{e} has a pet called {v}.|The pet of {e} is called {v}.|{e} owns a pet named {v}.",
        "What is the name of {e}'s pet?|What is {e}'s pet called?|How is the pet of {e} called?",
        lambda d: d.first_name(),
    ),
    _rel(
        "phone",
        "{e}'s phone number is {v}.|You can reach {e} at {v}.|Call {e} on {v}.",
        "What is {e}'s phone number?|What number should I call to reach {e}?|How can I call {e}?|What is the phone number of {e}?",
        lambda d: d.phone(),
    ),
    _rel(
        "email",
        "{e}'s email address is {v}.|You can write to {e} at {v}.|The email of {e} is {v}.",
        "What is {e}'s email address?|What is the email of {e}?|Where can I write to {e}?|What is {e}'s email?",
        lambda d: d.email(),
    ),
    _rel(
        "food",
        "{e} likes to eat {v}.|{e}'s favorite food is {v}.|{e} eats {v} every day.",
        "What is {e}'s favorite food?|What does {e} like to eat?|Which food does {e} like?",
        lambda d: d.entity(words.FOODS),
    ),
    _rel(
        "department",
        "{e} is in the {v} department.|{e} belongs to the {v} department.|The department of {e} is {v}.",
        "Which department is {e} in?|In which department is {e}?|What is {e}'s department?",
        lambda d: d.entity(words.DEPARTMENTS),
    ),
    _rel(
        "manager",
        "The manager of {e} is {v}.|{e} reports to {v}.|{v} is the boss of {e}.",
        "Who is the manager of {e}?|Who does {e} report to?|Who is {e}'s manager?|Who is {e}'s boss?",
        lambda d: d.person(),
    ),
)
_COMPANY: Final = (
    _rel(
        "founder",
        "{e} was founded by {v}.|{v} founded {e}.|{v} is the founder of {e}.|The founder of {e} is {v}.",
        "Who founded {e}?|Who is the founder of {e}?|Who started {e}?|Who was {e} founded by?",
        lambda d: d.person(),
    ),
    _rel(
        "headquarters",
        "{e} is based in {v}.|The headquarters of {e} are in {v}.|{e} has its main office in {v}.",
        "Where is {e} based?|Where are the headquarters of {e}?|In which city is {e} based?|Where is the main office of {e}?",
        lambda d: d.city(),
    ),
    _rel(
        "founding year",
        "{e} was founded in {v}.|{e} opened in {v}.|{e} has existed since {v}.",
        "When was {e} founded?|In what year was {e} founded?|Since when does {e} exist?|What year was {e} founded?",
        lambda d: str(d.number(1850, 2030)),
    ),
    _rel(
        "ceo",
        "{v} is the CEO of {e}.|The CEO of {e} is {v}.|{e} is led by {v}.|{v} leads {e}.",
        "Who is the CEO of {e}?|Who leads {e}?|Who runs {e}?|What is the name of {e}'s CEO?",
        lambda d: d.person(),
    ),
    _rel(
        "employees",
        "{e} has {v} employees.|{e} employs {v} people.|{v} people work at {e}.",
        "How many employees does {e} have?|How many people work at {e}?|How many people does {e} employ?",
        lambda d: str(d.number(3, 9000)),
    ),
    _rel(
        "product",
        "{e} sells {v}.|{e} is known for {v}.|{e} makes {v}.",
        "What does {e} sell?|What is {e} known for?|What does {e} make?",
        lambda d: plural(d.entity(words.THINGS)),
    ),
    _rel(
        "revenue",
        "{e} earned {v} last year.|The revenue of {e} is {v}.",
        "How much did {e} earn last year?|What is the revenue of {e}?|What was {e}'s revenue?",
        lambda d: f"{d.number(2, 99)} million {d.one(('dollars', 'euros'))}",
    ),
)
_THING: Final = (
    _rel(
        "price",
        "{e} costs {v}.|The price of {e} is {v}.|{e} is sold for {v}.|You can buy {e} for {v}.",
        "How much does {e} cost?|What is the price of {e}?|How much is {e}?|What does {e} cost?",
        _amount,
    ),
    _rel(
        "place",
        "{e} is {v}.|{e} was left {v}.|You can find {e} {v}.|I put {e} {v}.",
        "Where is {e}?|Where can I find {e}?|Where was {e} left?",
        lambda d: d.entity(words.PLACES),
    ),
    _rel(
        "weight",
        "{e} weighs {v}.|The weight of {e} is {v}.",
        "How much does {e} weigh?|What is the weight of {e}?|How heavy is {e}?",
        lambda d: f"{d.number(1, 90)} {d.one(('kilograms', 'grams', 'pounds', 'kg'))}",
    ),
    _rel(
        "owner",
        "{e} belongs to {v}.|{v} owns {e}.|The owner of {e} is {v}.",
        "Who owns {e}?|Who is the owner of {e}?|To whom does {e} belong?|Whose is {e}?",
        lambda d: d.person(),
    ),
    _rel(
        "warranty",
        "{e} has a warranty of {v}.|The warranty of {e} is {v}.",
        "How long is the warranty of {e}?|What is the warranty of {e}?",
        _span,
    ),
)
_EVENT: Final = (
    _rel(
        "date",
        "{e} is on {v}.|{e} takes place on {v}.|{e} will be held on {v}.|{e} was planned for {v}.",
        "When is {e}?|On which day is {e}?|When does {e} take place?|What is the date of {e}?",
        _day,
    ),
    _rel(
        "start",
        "{e} starts at {v}.|{e} begins at {v}.|The start of {e} is at {v}.",
        "At what time does {e} start?|When does {e} begin?|What time does {e} start?",
        lambda d: d.time(),
    ),
    _rel(
        "location",
        "{e} is in {v}.|{e} takes place in {v}.|{e} will be held in {v}.",
        "Where is {e}?|Where does {e} take place?|Where will {e} be held?",
        _room,
    ),
    _rel(
        "host",
        "{v} organizes {e}.|{e} is organized by {v}.|{e} is led by {v}.",
        "Who organizes {e}?|Who leads {e}?|Who is the organizer of {e}?",
        lambda d: d.person(),
    ),
    _rel(
        "guests",
        "{v} people will come to {e}.|{e} has {v} guests.|There are {v} guests at {e}.",
        "How many people will come to {e}?|How many guests does {e} have?",
        lambda d: str(d.number(3, 900)),
    ),
)
_SITE: Final = (
    _rel(
        "opening time",
        "{e} opens at {v}.|The doors of {e} open at {v}.|{e} is open from {v}.",
        "When does {e} open?|At what time does {e} open?|What time does {e} open?|From when is {e} open?",
        lambda d: d.time(),
    ),
    _rel(
        "closing time",
        "{e} closes at {v}.|{e} is open until {v}.",
        "When does {e} close?|At what time does {e} close?|What time does {e} close?",
        lambda d: d.time(),
    ),
    _rel(
        "ticket price",
        "A ticket for {e} costs {v}.|A ticket to {e} is {v}.|Tickets for {e} cost {v}.",
        "How much is a ticket for {e}?|What does a ticket for {e} cost?|What is the ticket price of {e}?",
        _amount,
    ),
    _rel(
        "closed day",
        "{e} is closed on {v}.|On {v} {e} is closed.",
        "On which day is {e} closed?|When is {e} closed?|Which day is {e} closed?",
        lambda d: d.one(words.DAYS),
    ),
    _rel(
        "address",
        "The address of {e} is {v}.|{e} is at {v}.",
        "What is the address of {e}?|What address does {e} have?",
        lambda d: f"{d.number(1, 200)} {d.last_name()} Street",
    ),
)
_ORDER: Final = (
    _rel(
        "customer",
        "{e} was placed by {v}.|{v} placed {e}.|The customer of {e} is {v}.",
        "Who placed {e}?|Who is the customer of {e}?",
        lambda d: d.person(),
    ),
    _rel(
        "status",
        "The status of {e} is {v}.|{e} is {v}.",
        "What is the status of {e}?|What's the status of {e}?",
        lambda d: d.one(("shipped", "delivered", "pending", "cancelled", "paid", "delayed")),
    ),
    _rel(
        "total",
        "The total of {e} is {v}.|{e} costs {v}.|{e} comes to {v}.",
        "What is the total of {e}?|How much is {e}?|How much does {e} cost?",
        _amount,
    ),
    _rel(
        "delivery",
        "{e} will arrive on {v}.|The delivery of {e} is planned for {v}.|{e} is delivered on {v}.",
        "When will {e} arrive?|When is {e} delivered?|On which day does {e} arrive?",
        _day,
    ),
    _rel(
        "items",
        "{e} contains {v} items.|There are {v} items in {e}.",
        "How many items does {e} contain?|How many items are in {e}?",
        lambda d: str(d.number(1, 60)),
    ),
)
_PROJECT: Final = (
    _rel(
        "version",
        "{e} runs version {v}.|The current release of {e} is {v}.|{e} was updated to {v}.",
        "Which version does {e} run?|What is the current release of {e}?|What version is {e} on?",
        lambda d: f"{d.number(1, 9)}.{d.number(0, 20)}",
    ),
    _rel(
        "deadline",
        "{e} is due on {v}.|The deadline of {e} is {v}.|{e} must be finished by {v}.",
        "What is the deadline of {e}?|When is {e} due?|By when must {e} be finished?",
        lambda d: d.date(),
    ),
    _rel(
        "port",
        "{e} uses port {v}.|{e} listens on port {v}.|The port of {e} is {v}.",
        "Which port does {e} use?|What is the port of {e}?|On what port does {e} listen?",
        lambda d: str(d.number(1000, 9999)),
    ),
    _rel(
        "lead",
        "{v} leads {e}.|The lead of {e} is {v}.|{v} is in charge of {e}.",
        "Who leads {e}?|Who is the lead of {e}?|Who is in charge of {e}?",
        lambda d: d.person(),
    ),
    _rel(
        "budget", "The budget of {e} is {v}.|{e} has a budget of {v}.", "What is the budget of {e}?|How big is the budget of {e}?", _amount
    ),
)
_POLICY: Final = (
    _rel(
        "duration",
        "{e} takes {v}.|The time limit for {e} is {v}.|{e} is possible within {v}.|{e} lasts {v}.",
        "How long does {e} take?|What is the time limit for {e}?|How long is {e}?",
        _span,
    ),
)


def _thing(draw: Draw) -> str:
    return f"the {draw.entity(words.COLORS) + ' ' if draw.chance(0.3) else ''}{draw.thing()}"


def _event(draw: Draw) -> str:
    kinds = (
        "meeting",
        "concert",
        "conference",
        "party",
        "workshop",
        "exam",
        "wedding",
        "festival",
        "interview",
        "training",
        "game",
        "course",
    )
    return f"the {draw.invented().capitalize() + ' ' if draw.chance(0.5) else ''}{draw.one(kinds)}"


def _site(draw: Draw) -> str:
    kinds = (
        "museum",
        "library",
        "pool",
        "shop",
        "zoo",
        "cinema",
        "bakery",
        "gym",
        "park",
        "theater",
        "station",
        "market",
        "gallery",
        "castle",
    )
    return f"the {draw.invented().capitalize() + ' ' if draw.chance(0.4) else ''}{draw.one(kinds)}"


def _project(draw: Draw) -> str:
    return f"{draw.one(('project', 'server', 'service', 'product', 'machine'))} {draw.invented().capitalize()}"


def _policy(draw: Draw) -> str:
    kinds = ("the refund", "the trial", "a return", "standard delivery", "express delivery", "the membership", "the review", "approval")
    return draw.one(kinds)


_KINDS: Final[tuple[tuple[Callable[[Draw], str], tuple[Relation, ...]], ...]] = (
    *[(lambda d: d.person(), _PERSON)] * 6,
    *[(lambda d: d.company(), _COMPANY)] * 3,
    *[(_thing, _THING)] * 2,
    *[(_event, _EVENT)] * 2,
    *[(_site, _SITE)] * 3,
    *[(lambda d: f"order {d.order_number()}", _ORDER)] * 2,
    *[(_project, _PROJECT)] * 2,
    (_policy, _POLICY),
)

_RULES: Final = (
    "Answer the question using only the context.",
    "Answer using only the context.",
    "Use only the context to answer.",
    "Answer based on the context.",
    "Answer the question based only on the text.",
    "Use the text below to answer the question.",
    "Answer from the given text.",
    "Read the context and answer the question.",
    "Use only the information given.",
    "Answer the question with the context below.",
    "Answer strictly from the context.",
    "Answer the question from the documents.",
    "Using the context, answer the question.",
    "You answer questions about a text.",
    "Answer only with facts from the context.",
    "Use the following context to answer the question.",
    "Base your answer on the context only.",
    "Only use the documents to answer.",
    "Answer the user's question using the provided context.",
    "Given the context, answer the question.",
    "Answer briefly, using the context.",
    "You are a helpful assistant. Answer using only the context.",
    "Find the answer in the text.",
    "Answer the question from the text.",
)
_IF_ABSENT: Final = (
    'If the answer is not in the context, say "I don\'t have enough information."',
    "If the context does not contain the answer, reply: I don't have enough information.",
    'If you cannot find the answer, say "I don\'t have enough information."',
    'When the text does not say it, answer "I don\'t have enough information."',
    "If it is not in the text, say: I don't have enough information.",
    "Do not make up answers.",
)
_SENTENCE: Final = (
    "Answer in a full sentence.",
    "Answer with a complete sentence.",
    "Use a full sentence.",
    "Reply in a sentence.",
    "Give the answer as a sentence.",
    "Answer using a complete sentence.",
)
_LAYOUTS: Final = (
    "Context:\n{c}\n\nQuestion: {q}",
    "Context: {c}\n\nQuestion: {q}",
    "Context: {c}\n\nQuestion: {q}\n",
    "{c}\n\n{q}",
    "Text: {c}\n\nQuestion: {q}",
    "{q}\n\nContext: {c}",
    "Context: {c}\nQuestion: {q}\nAnswer:",
    "Context:\n{c}\n\nQuestion: {q}\n\nAnswer:",
    "{c}\n{q}",
    "Documents:\n{c}\n\nQuestion: {q}",
    "Question: {q}\n\nContext:\n{c}",
    "{c} {q}",
    "Passage: {c}\nQ: {q}",
    "Here is a text:\n{c}\n\nQuestion: {q}",
    "Information:\n{c}\n\n{q}",
    "Sources:\n{c}\n\nUser question: {q}",
    'Text:\n"""\n{c}\n"""\n\n{q}',
    "<context>\n{c}\n</context>\n\n{q}",
    "Read this: {c}\n\n{q}",
)


def _world(draw: Draw) -> tuple[list[Told], list[tuple[str, Relation]]]:
    """What is told, and what could be asked but is not told.

    A subject is never part of another's name, so that a question has one answer.
    """
    told: list[Told] = []
    absent: list[tuple[str, Relation]] = []
    subjects: list[str] = []
    wanted = draw.one((1, 2, 2, 3, 3, 4, 5, 6, 7))
    while len(told) < wanted:
        name, relations = draw.one(_KINDS)
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
    generic = {"the", "order", "project", "server", "service", "product", "machine", "delivery"}
    return one in other or other in one or bool({*one.split()} & {*other.split()} - generic)


def _near(pair: tuple[str, Relation], told: list[Told]) -> bool:
    """Whether another fact could pass for the answer: a place and a place, a person and a person of the same subject."""
    alike = (
        {"city", "birthplace"},
        {"date", "start"},
        {"founder", "ceo"},
        {"opening time", "closing time"},
        {"host", "lead"},
        {"job", "employer"},
    )
    return any(pair[0] == fact.subject and any({pair[1].label, fact.relation.label} <= group for group in alike) for fact in told)


def _running(draw: Draw, told: list[Told]) -> list[str]:
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
    sentences = draw.shuffled([fact.sentence(draw.one(fact.relation.told)) for fact in told]) if draw.chance(0.3) else _running(draw, told)
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
    rule = draw.phrase(_RULES) if draw.chance(0.8) else ""
    parts = (rule, draw.phrase(_IF_ABSENT) if rule and draw.chance(0.45) else "", draw.phrase(_SENTENCE) if sentence else "")
    rule = " ".join(part for part in parts if part)
    question, answer, kind = _question(draw, told, absent, sentence=sentence)
    turns: list[Turn] = []
    share = draw.number(1, 100)
    if rule and share <= 12:
        turns = [system(f"{rule}\n\nContext: {text}"), user(question)]
    else:
        asked = draw.phrase(_LAYOUTS).format(c=text, q=question)
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
