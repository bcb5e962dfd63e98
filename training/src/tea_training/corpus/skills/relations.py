"""Sentences as Prolog facts, facts as sentences, and questions about facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant, user
from tea_training.corpus.prose import another, article, capital, distinct, lay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tea_training.corpus.draw import Draw

NAME = "relations"


@dataclass(frozen=True, slots=True)
class Relation:
    """A predicate and the sentences that say it; ``{0}`` and ``{1}`` are its arguments, in the order of the fact.

    ``says`` has the forms whose verb is the predicate's; ``turned`` those which only a predicate given in the prompt makes
    clear. The first of ``says`` is how a fact is put into words.
    """

    name: str
    makes: tuple[Callable[[Draw], Any], ...]
    says: tuple[str, ...]
    turned: tuple[str, ...] = ()
    plural: str = ""
    """A form for two subjects with one object."""
    asks: str = ""
    """Yes-or-no question for it."""


def _first(draw: Draw) -> str:
    return draw.first_name()


def _person(draw: Draw) -> str:
    return draw.full_name() if draw.chance(0.15) else draw.first_name()


def _city(draw: Draw) -> str:
    return draw.city()


def _company(draw: Draw) -> str:
    return draw.company()


def _thing(draw: Draw) -> str:
    return draw.thing()


def _of(pool: tuple[str, ...]) -> Callable[[Draw], str]:
    return lambda draw: draw.entity(pool)


def _no_name(pool: tuple[str, ...]) -> Callable[[Draw], str]:
    """For predicates that take people as well: ``likes(eva, olives)`` has a capital in English unless one knows olives."""
    return lambda draw: draw.seen(pool)


def _number(low: int, high: int) -> Callable[[Draw], int]:
    return lambda draw: draw.number(low, high)


_SUBJECTS = ("mathematics", "history", "physics", "music", "biology", "chemistry", "art", "geography")
_TWO = (_person, _person)

_RELATIONS = (
    Relation(
        "parent",
        _TWO,
        ("{0} is a parent of {1}.", "{0} is the parent of {1}.", "{0} is {1}'s parent."),
        ("{1} is a child of {0}.", "{1} is {0}'s child.", "{0} has a child called {1}.", "{1}'s parent is {0}."),
        "{0} and {1} are parents of {2}.",
        "Is {0} a parent of {1}?",
    ),
    Relation(
        "mother",
        _TWO,
        ("{0} is the mother of {1}.", "{0} is {1}'s mother."),
        ("{1}'s mother is {0}.", "The mother of {1} is {0}.", "The mother of {1} is called {0}."),
        "",
        "Is {0} the mother of {1}?",
    ),
    Relation(
        "father",
        _TWO,
        ("{0} is the father of {1}.", "{0} is {1}'s father."),
        ("{1}'s father is {0}.", "The father of {1} is {0}.", "The father of {1} is called {0}."),
        "",
        "Is {0} the father of {1}?",
    ),
    Relation(
        "sister",
        _TWO,
        ("{0} is the sister of {1}.", "{0} is {1}'s sister.", "{0} is a sister of {1}."),
        ("{1}'s sister is {0}.", "{1} has a sister called {0}."),
        "{0} and {1} are sisters of {2}.",
        "Is {0} the sister of {1}?",
    ),
    Relation(
        "brother",
        _TWO,
        ("{0} is the brother of {1}.", "{0} is {1}'s brother.", "{0} is a brother of {1}."),
        ("{1}'s brother is {0}.", "{1} has a brother called {0}."),
        "{0} and {1} are brothers of {2}.",
        "Is {0} the brother of {1}?",
    ),
    Relation(
        "child",
        _TWO,
        ("{0} is a child of {1}.", "{0} is the child of {1}.", "{0} is {1}'s child."),
        ("{1}'s child is {0}.",),
        "{0} and {1} are children of {2}.",
        "Is {0} a child of {1}?",
    ),
    Relation(
        "friend",
        _TWO,
        ("{0} is a friend of {1}.", "{0} is the friend of {1}.", "{0} is {1}'s friend."),
        ("{1} has a friend called {0}.",),
        "{0} and {1} are friends of {2}.",
        "Is {0} a friend of {1}?",
    ),
    Relation(
        "boss",
        _TWO,
        ("{0} is the boss of {1}.", "{0} is {1}'s boss."),
        ("{1}'s boss is {0}.", "{1} works for {0}."),
        "",
        "Is {0} the boss of {1}?",
    ),
    Relation(
        "married_to",
        _TWO,
        ("{0} is married to {1}.",),
        ("{0} is the husband of {1}.", "{0} is the wife of {1}."),
        "",
        "Is {0} married to {1}?",
    ),
    Relation(
        "likes",
        (_person, _person),
        ("{0} likes {1}.",),
        ("{0} is fond of {1}.", "{1} is liked by {0}."),
        "{0} and {1} like {2}.",
        "Does {0} like {1}?",
    ),
    Relation(
        "likes",
        (_person, _no_name(words.FOODS)),
        ("{0} likes {1}.",),
        ("{0} is fond of {1}.", "{1} is liked by {0}."),
        "{0} and {1} like {2}.",
        "Does {0} like {1}?",
    ),
    Relation(
        "likes",
        (_person, _no_name(words.HOBBIES)),
        ("{0} likes {1}.",),
        ("{0} enjoys {1}.",),
        "{0} and {1} like {2}.",
        "Does {0} like {1}?",
    ),
    Relation(
        "loves",
        (_person, _person),
        ("{0} loves {1}.",),
        ("{1} is loved by {0}.", "{0} is in love with {1}."),
        "{0} and {1} love {2}.",
        "Does {0} love {1}?",
    ),
    Relation(
        "hates", (_person, _of(words.FOODS)), ("{0} hates {1}.",), ("{1} is hated by {0}.",), "{0} and {1} hate {2}.", "Does {0} hate {1}?"
    ),
    Relation(
        "knows", _TWO, ("{0} knows {1}.",), ("{1} is known by {0}.", "{1} is known to {0}."), "{0} and {1} know {2}.", "Does {0} know {1}?"
    ),
    Relation(
        "helps",
        _TWO,
        ("{0} helps {1}.",),
        ("{1} is helped by {0}.", "{1} gets help from {0}."),
        "{0} and {1} help {2}.",
        "Does {0} help {1}?",
    ),
    Relation("trusts", _TWO, ("{0} trusts {1}.",), ("{1} is trusted by {0}.",), "{0} and {1} trust {2}.", "Does {0} trust {1}?"),
    Relation("follows", _TWO, ("{0} follows {1}.",), ("{1} is followed by {0}.",), "{0} and {1} follow {2}.", "Does {0} follow {1}?"),
    Relation(
        "manages",
        _TWO,
        ("{0} manages {1}.",),
        ("{1} is managed by {0}.", "{0} is the manager of {1}."),
        "{0} and {1} manage {2}.",
        "Does {0} manage {1}?",
    ),
    Relation("reports_to", _TWO, ("{0} reports to {1}.",), (), "{0} and {1} report to {2}.", "Does {0} report to {1}?"),
    Relation(
        "teaches",
        _TWO,
        ("{0} teaches {1}.",),
        ("{1} is taught by {0}.", "{0} is the teacher of {1}."),
        "{0} and {1} teach {2}.",
        "Does {0} teach {1}?",
    ),
    Relation(
        "teaches",
        (_person, _no_name(_SUBJECTS)),
        ("{0} teaches {1}.",),
        ("{1} is taught by {0}.",),
        "{0} and {1} teach {2}.",
        "Does {0} teach {1}?",
    ),
    Relation(
        "studies",
        (_person, _of(_SUBJECTS)),
        ("{0} studies {1}.",),
        ("{0} is a student of {1}.",),
        "{0} and {1} study {2}.",
        "Does {0} study {1}?",
    ),
    Relation(
        "works_at",
        (_person, _company),
        ("{0} works at {1}.",),
        ("{0} is employed by {1}.", "{1} employs {0}.", "{0} has a job at {1}."),
        "{0} and {1} work at {2}.",
        "Does {0} work at {1}?",
    ),
    Relation(
        "works_for",
        (_person, _company),
        ("{0} works for {1}.",),
        ("{0} is employed by {1}.", "{1} employs {0}."),
        "{0} and {1} work for {2}.",
        "Does {0} work for {1}?",
    ),
    Relation(
        "works_with",
        _TWO,
        ("{0} works with {1}.",),
        ("{0} is a colleague of {1}.",),
        "{0} and {1} work with {2}.",
        "Does {0} work with {1}?",
    ),
    Relation(
        "lives_in",
        (_person, _city),
        ("{0} lives in {1}.",),
        ("{0}'s home is in {1}.", "{0} has a flat in {1}.", "The home of {0} is in {1}."),
        "{0} and {1} live in {2}.",
        "Does {0} live in {1}?",
    ),
    Relation(
        "born_in",
        (_person, _city),
        ("{0} was born in {1}.",),
        ("{1} is the birthplace of {0}.",),
        "{0} and {1} were born in {2}.",
        "Was {0} born in {1}?",
    ),
    Relation(
        "owns",
        (_person, _thing),
        ("{0} owns a {1}.", "{0} owns the {1}."),
        ("The {1} belongs to {0}.", "{0} is the owner of the {1}.", "{0} has a {1}."),
        "{0} and {1} own a {2}.",
        "Does {0} own a {1}?",
    ),
    Relation(
        "has",
        (_person, _of(words.ANIMALS)),
        ("{0} has a {1}.",),
        ("{0} owns a {1}.", "The {1} belongs to {0}."),
        "{0} and {1} have a {2}.",
        "Does {0} have a {1}?",
    ),
    Relation(
        "buys",
        (_person, _thing),
        ("{0} buys a {1}.", "{0} buys the {1}."),
        ("The {1} is bought by {0}.",),
        "{0} and {1} buy a {2}.",
        "Does {0} buy a {1}?",
    ),
    Relation(
        "eats", (_person, _of(words.FOODS)), ("{0} eats {1}.",), ("{1} is eaten by {0}.",), "{0} and {1} eat {2}.", "Does {0} eat {1}?"
    ),
    Relation(
        "plays",
        (_person, _of(("chess", "football", "tennis", "piano", "guitar", "cards", "violin", "golf"))),
        ("{0} plays {1}.",),
        ("{0} is a player of {1}.",),
        "{0} and {1} play {2}.",
        "Does {0} play {1}?",
    ),
    Relation(
        "speaks",
        (_person, lambda draw: draw.one(words.LANGUAGES)),
        ("{0} speaks {1}.",),
        ("{1} is spoken by {0}.",),
        "{0} and {1} speak {2}.",
        "Does {0} speak {1}?",
    ),
    Relation(
        "visits", (_person, _city), ("{0} visits {1}.",), ("{1} is visited by {0}.",), "{0} and {1} visit {2}.", "Does {0} visit {1}?"
    ),
    Relation(
        "older_than",
        _TWO,
        ("{0} is older than {1}.",),
        ("{1} is younger than {0}.",),
        "{0} and {1} are older than {2}.",
        "Is {0} older than {1}?",
    ),
    Relation(
        "younger_than",
        _TWO,
        ("{0} is younger than {1}.",),
        ("{1} is older than {0}.",),
        "{0} and {1} are younger than {2}.",
        "Is {0} younger than {1}?",
    ),
    Relation(
        "taller_than",
        _TWO,
        ("{0} is taller than {1}.",),
        ("{1} is smaller than {0}.",),
        "{0} and {1} are taller than {2}.",
        "Is {0} taller than {1}?",
    ),
    Relation(
        "located_in",
        (_city, lambda draw: draw.one(words.COUNTRIES).name.removeprefix("the ")),
        ("{0} is located in {1}.",),
        ("{0} is in {1}.", "{0} lies in {1}."),
        "{0} and {1} are located in {2}.",
        "Is {0} located in {1}?",
    ),
    Relation(
        "located_in",
        (_company, _city),
        ("{0} is located in {1}.",),
        ("{0} is in {1}.", "{0} has its office in {1}."),
        "{0} and {1} are located in {2}.",
        "Is {0} located in {1}?",
    ),
    Relation(
        "capital",
        (lambda draw: draw.one(words.COUNTRIES).capital, lambda draw: draw.one(words.COUNTRIES).name.removeprefix("the ")),
        ("{0} is the capital of {1}.",),
        ("The capital of {1} is {0}.",),
        "",
        "Is {0} the capital of {1}?",
    ),
    Relation(
        "age",
        (_person, _number(1, 99)),
        ("{0} is {1} years old.", "The age of {0} is {1}."),
        ("{0} turned {1}.", "{0} is {1}."),
        "{0} and {1} are {2} years old.",
        "Is {0} {1} years old?",
    ),
    Relation(
        "costs",
        (_thing, _number(1, 900)),
        ("The {0} costs {1} euros.", "The {0} costs {1} dollars.", "The {0} costs {1}."),
        ("{1} is the price of the {0}.",),
        "",
        "Does the {0} cost {1}?",
    ),
    Relation(
        "color",
        (_thing, _of(words.COLORS)),
        ("The color of the {0} is {1}.",),
        ("The {0} is {1}.", "The {0} has the color {1}."),
        "",
        "Is the color of the {0} {1}?",
    ),
    Relation(
        "job",
        (_person, _of(words.JOBS)),
        ("The job of {0} is {1}.", "{0}'s job is {1}."),
        ("{0} works as a {1}.", "{0} is a {1}."),
        "",
        "Is {1} the job of {0}?",
    ),
)
_UNARY = (
    *[
        (name, (f"{{0}} is {name}.",))
        for name in ("male", "female", "happy", "tall", "rich", "young", "old", "tired", "famous", "busy", "hungry", "married", "clever")
    ],
    *[
        (name, (f"{{0}} is {article(name)}.",))
        for name in ("man", "woman", "person", "student", "teacher", "doctor", "engineer", "pilot", "child", "king", "cook", "lawyer")
    ],
)
_GIVING = (("gave", "gave"), ("sold", "sold"), ("sends", "sends"), ("shows", "shows"), ("lends", "lends"), ("brings", "brings"))


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence, the facts in it, and the predicates it needs."""

    text: str
    facts: tuple[str, ...]
    predicates: tuple[str, ...]


def atom(value: Any) -> str:
    """``value`` as Prolog writes it: a number, or lower-case words joined by underscores."""
    return str(value).lower().replace(" ", "_")


def fact(predicate: str, *arguments: Any) -> str:
    return f"{predicate}({', '.join(atom(argument) for argument in arguments)})."


def _fill(form: str, *values: Any) -> str:
    text = form.format(*values)
    for vowel in "aeiou":
        text = text.replace(f" a {vowel}", f" an {vowel}")
    return capital(text)


def _pair(draw: Draw, *, fixed: bool) -> Said:
    """A sentence about two things; with ``fixed``, in words which need the predicate from the prompt."""
    relation = draw.one(_RELATIONS)
    first, second = relation.makes
    one = first(draw)
    two = another(lambda: second(draw), one)
    share = draw.number(1, 100)
    if relation.plural and share <= 15:
        other = another(lambda: first(draw), one, two)
        text = _fill(relation.plural, one, other, two)
        return Said(text, (fact(relation.name, one, two), fact(relation.name, other, two)), (f"{relation.name}/2",))
    if share > 88 and second not in (first, _thing) and not isinstance(two, int) and relation.says[0].endswith(" {1}."):
        other = another(lambda: second(draw), one, two)
        if other is not None:
            text = _fill(relation.says[0], one, f"{two} and {other}")
            return Said(text, (fact(relation.name, one, two), fact(relation.name, one, other)), (f"{relation.name}/2",))
    forms = relation.turned if fixed and relation.turned and draw.chance(0.5) else relation.says
    return Said(_fill(draw.one(forms), one, two), (fact(relation.name, one, two),), (f"{relation.name}/2",))


def _single(draw: Draw) -> Said:
    forms: tuple[str, ...]
    name, forms = draw.one(_UNARY)
    if draw.chance(0.25):
        name = draw.invented()
        forms = (f"{{0}} is {name}.", f"{{0}} is a {name}.")
    if draw.chance(0.15) and " a " not in forms[0] and " an " not in forms[0]:
        one, two = distinct(lambda: _person(draw), 2)
        return Said(f"{one} and {two} are {name}.", (fact(name, one), fact(name, two)), (f"{name}/1",))
    who = _person(draw)
    return Said(_fill(draw.one(forms), who), (fact(name, who),), (f"{name}/1",))


def _triple(draw: Draw) -> Said:
    verb, name = draw.one(_GIVING)
    one, two = distinct(lambda: _first(draw), 2)
    thing = _thing(draw)
    return Said(f"{one} {verb} the {thing} to {two}.", (fact(name, one, thing, two),), (f"{name}/3",))


def _unknown(draw: Draw) -> Said:
    """A verb that does not exist: the fact has to take it from the sentence."""
    verb = f"{draw.invented()}s"
    if verb.endswith("ss"):
        verb = verb[:-2] + "ns"
    one = _person(draw)
    two = draw.one((_person, _city, _thing, _company))(draw)
    two = two if two != one else draw.invented().capitalize()
    form = draw.number(0, 3)
    if form == 0:
        name = f"{verb}_{draw.one(('in', 'at', 'with', 'for'))}"
        return Said(f"{one} {name.replace('_', ' ')} {two}.", (fact(name, one, two),), (f"{name}/2",))
    if form == 1:
        name = draw.invented()
        return Said(f"{one} is the {name} of {two}.", (fact(name, one, two),), (f"{name}/2",))
    return Said(f"{one} {verb} {two}.", (fact(verb, one, two),), (f"{verb}/2",))


def _said(draw: Draw, *, fixed: bool) -> Said:
    share = draw.number(1, 20)
    if share <= 14:
        return _pair(draw, fixed=fixed)
    if share <= 16:
        return _single(draw)
    return _triple(draw) if share == 17 else _unknown(draw)


_ORDERS = (
    "Convert the sentence to Prolog facts.",
    "Write this as Prolog facts.",
    "Translate into Prolog.",
    "Turn the text into Prolog facts.",
    "Extract Prolog facts from the text.",
    "Give me the Prolog facts.",
    "Express this in Prolog.",
    "Write Prolog facts for the following text.",
    "Convert to Prolog.",
    "What are the Prolog facts in this text?",
    "Translate the sentences to Prolog facts.",
    "Represent this as Prolog facts.",
    "Extract the relations as Prolog facts.",
    "Formalize the text as Prolog facts.",
    "Output Prolog facts, one per line.",
    "List the facts in Prolog syntax.",
    "Make Prolog facts from this.",
    "Turn this into facts for a Prolog knowledge base.",
    "Rewrite this as Prolog.",
    "Please convert the text into Prolog facts.",
    "Encode the information as Prolog facts.",
    "Extract all facts and write them in Prolog.",
    "Write the facts of this text in Prolog.",
    "Generate Prolog facts.",
    "As Prolog facts, please.",
    "You translate English to Prolog facts.",
    "Extract relationships in Prolog form.",
    "Produce Prolog clauses for this text.",
    "Parse the text into Prolog facts.",
    "How would you write this in Prolog?",
)
_NOTES = (
    "",
    "",
    "",
    "",
    " Output only Prolog.",
    " One fact per line.",
    " Only the facts.",
    " No explanation.",
    " Use lower case atoms.",
    " Do not add comments.",
    " Answer with Prolog only.",
)
_FIXED = (
    " Use the predicates {p}.",
    " Use only {p}.",
    " Predicates: {p}.",
    " Use {p}.",
    " The predicates are {p}.",
    " Allowed predicates: {p}.",
    " Available predicates: {p}.",
    " Only use the predicates {p}.",
    " Stick to {p}.",
    " Write facts for {p}.",
    " Take the predicates from this list: {p}.",
    " You may use {p}.",
)


def _signature(predicate: str) -> str:
    """``likes/2``, or with its places named: ``likes(X, Y)``."""
    name, arity = predicate.split("/")
    return f"{name}({', '.join('XYZ'[: int(arity)])})"


def _to_prolog(draw: Draw) -> Chat:
    """One to four sentences; the predicates are in the prompt, or the sentence's own words."""
    fixed = draw.chance(0.55)
    parts: list[Said] = []
    for _ in range(draw.one((1, 1, 1, 2, 2, 3, 4))):
        part = _said(draw, fixed=fixed)
        if not fixed or not any(_alike(_bare(name), others.predicates) for name in part.predicates for others in parts):
            parts.append(part)
    instruction = draw.phrase(_ORDERS)
    if fixed:
        predicates = list(dict.fromkeys(name for part in parts for name in part.predicates))
        if draw.chance(0.3):
            extra = draw.one(_RELATIONS).name
            if f"{extra}/2" not in predicates and not _alike(extra, predicates):
                predicates.append(f"{extra}/2")
        shown = predicates if draw.chance(0.65) else [_signature(predicate) for predicate in predicates]
        shown = draw.shuffled(shown)
        joined = " and ".join(shown) if len(shown) == 2 and draw.chance(0.6) else ", ".join(shown)
        instruction += draw.phrase(_FIXED).format(p=joined)
    instruction += draw.one(_NOTES)
    facts = list(dict.fromkeys(line for part in parts for line in part.facts))
    text = " ".join(part.text for part in parts)
    turns: list[Turn] = [*lay(draw, instruction, text), assistant("\n".join(facts))]
    for _ in range(0 if fixed else draw.one((0, 0, 1, 2, 3))):
        more = _said(draw, fixed=False)
        ask = draw.one(("And this: {t}", "Now: {t}", "{t}", "Next sentence: {t}", "Also: {t}")) if turns[0].role != "system" else "{t}"
        turns += [user(ask.format(t=more.text)), assistant("\n".join(more.facts))]
    return Chat(tuple(turns), NAME, "fixed predicates" if fixed else "own words")


_KIN = (
    *[
        {"parent", "mother", "father", "child"},
        {"likes", "loves", "friend"},
        {"works_at", "works_for", "boss", "manages", "reports_to", "works_with", "job"},
    ],
    *[
        {"older_than", "younger_than", "age"},
        {"owns", "has", "buys"},
        {"lives_in", "located_in", "born_in", "capital"},
        {"teaches", "studies"},
    ],
)


def _bare(predicate: str) -> str:
    return predicate.partition("/")[0]


def _alike(name: str, predicates: Sequence[str]) -> bool:
    """Whether ``name`` could be meant where another one of ``predicates`` is."""
    near = {other for kin in _KIN if name in kin for other in kin} - {name}
    return any(_bare(predicate) in near for predicate in predicates)


_BACK = (
    "Write this Prolog fact as a sentence.",
    "Say this in English.",
    "Translate the Prolog fact into English.",
    "What does this fact mean?",
    "Explain the Prolog fact in one sentence.",
    "Convert the fact to a sentence.",
    "Turn the Prolog fact into English.",
    "Put this fact into words.",
    "Read this Prolog fact aloud.",
    "What does this Prolog fact say?",
    "Express the fact in plain English.",
    "Give the meaning of this fact.",
)


def _to_english(draw: Draw) -> Chat:
    """A fact in words. Names come back with a capital."""
    relation = draw.one([relation for relation in _RELATIONS if relation.makes[1] is not _company and relation.makes[0] is not _company])
    values = [make(draw) for make in relation.makes]
    return Chat(
        (
            *lay(draw, draw.phrase(_BACK), fact(relation.name, *values), ("", "", "Fact: ", "Prolog: ", "Input: ")),
            assistant(_fill(relation.says[0], *values)),
        ),
        NAME,
        "to English",
    )


_KNOWING = (
    "Facts:\n{f}\n\n{q}",
    "Given these Prolog facts:\n{f}\n{q}",
    "{f}\n\n{q}",
    "Prolog facts:\n{f}\nQuestion: {q}",
    "Here is a knowledge base:\n{f}\n\n{q}",
    "Use the facts to answer.\n{f}\n{q}",
)
_QUERY = (
    ("Is {g} true?", "Yes", "No"),
    ("Is {g} a fact?", "Yes", "No"),
    ("Is it true that {g}?", "Yes", "No"),
    ("?- {g}.", "true", "false"),
    ("Query: {g}", "true", "false"),
)


def _asking(draw: Draw) -> Chat:
    """Whether things follow from facts, which have to say them literally."""
    relations = distinct(lambda: draw.one([relation for relation in _RELATIONS if relation.asks]), draw.one((1, 2, 3, 4, 5)))
    known = [(relation, [make(draw) for make in relation.makes]) for relation in relations]
    lines = "\n".join(fact(relation.name, *values) for relation, values in known)
    query = None if draw.chance(0.5) else draw.one(_QUERY)
    short = query is None and draw.chance(0.4)
    turns: list[Turn] = []
    for _ in range(draw.one((1, 2, 4, 6))):
        question, yes = _asked(draw, known, query)
        good, bad = ("yes", "no") if short else query[1:] if query else ("Yes", "No")
        ask = question + (" Answer yes or no." if short and not turns else "")
        turns += [user(ask if turns else draw.phrase(_KNOWING).format(f=lines, q=ask)), assistant(good if yes else bad)]
    return Chat(tuple(turns), NAME, "yes/no")


def _asked(draw: Draw, known: list[tuple[Relation, list[Any]]], query: tuple[str, str, str] | None) -> tuple[str, bool]:
    """A question in words, or in the form of ``query``, and whether one of the facts ``known`` says so."""
    relation, values = draw.one(known)
    yes = draw.chance(0.5)
    asked = list(values)
    if not yes:
        place = draw.number(0, 1)
        other = another(lambda: relation.makes[place](draw), *values)
        yes = other is None
        asked[place] = values[place] if yes else other
    if query is None:
        return _fill(relation.asks, *asked), yes
    return query[0].format(g=fact(relation.name, *asked)[:-1]), yes


_KINDS = (*[_to_prolog] * 14, *[_to_english] * 3, *[_asking] * 5)


def chat(draw: Draw) -> Chat:
    """Sentences and the facts they state, or the other way round."""
    return draw.one(_KINDS)(draw)
