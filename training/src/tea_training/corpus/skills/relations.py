"""Sentences as Prolog facts, facts as sentences, and questions about facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tea_training.corpus.chat import Chat, Turn, assistant, user
from tea_training.corpus.draw import Draw
from tea_training.corpus.pools import read
from tea_training.corpus.prose import another, article, capital, distinct, lay
from tea_training.corpus.values import maker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tea_training.corpus.pools import Pool

NAME = "relations"
_DATA: Final = read(NAME)


@dataclass(frozen=True, slots=True)
class Relation:
    """A predicate and the sentences that say it; ``{0}`` and ``{1}`` are its arguments, in the order of the fact.

    ``of`` are the kinds of its arguments. ``says`` has the forms whose verb is the predicate's; ``turned`` those which only
    a predicate given in the prompt makes clear. The first of ``says`` is how a fact is put into words.
    """

    name: str
    of: tuple[str, str]
    says: Pool
    turned: Pool = ()
    plural: str = ""
    """A form for two subjects with one object."""
    asks: str = ""
    """Yes-or-no question for it."""

    def draw(self, draw: Draw, place: int) -> Any:
        """Something for the argument at ``place``."""
        return maker(self.of[place])(draw)

    def arguments(self, draw: Draw) -> list[Any]:
        """Something for each argument."""
        return [self.draw(draw, place) for place in range(2)]


_RELATIONS: Final = tuple(Relation(**each) for each in _DATA["relations"])
_TELLABLE: Final = tuple(relation for relation in _RELATIONS if "company" not in relation.of)
_ASKABLE: Final = tuple(relation for relation in _RELATIONS if relation.asks)
_WHO: Final = maker("who")
_UNARY: Final = (
    *((name, (f"{{0}} is {name}.",)) for name in _DATA["adjectives"]),
    *((name, (f"{{0}} is {article(name)}.",)) for name in _DATA["nouns"]),
)


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
    """``likes(eva, olives).``, a Prolog fact."""
    return f"{predicate}({', '.join(atom(argument) for argument in arguments)})."


def _fill(form: str, *values: Any) -> str:
    text = form.format(*values)
    for vowel in "aeiou":
        text = text.replace(f" a {vowel}", f" an {vowel}")
    return capital(text)


def _pair(draw: Draw, *, fixed: bool) -> Said:
    """A sentence about two things; with ``fixed``, in words which need the predicate from the prompt."""
    relation = draw.one(_RELATIONS)
    kind = relation.of[1]
    one = relation.draw(draw, 0)
    two = another(lambda: relation.draw(draw, 1), one)
    share = draw.number(1, 100)
    if relation.plural and share <= 15:
        other = another(lambda: relation.draw(draw, 0), one, two)
        text = _fill(relation.plural, one, other, two)
        return Said(text, (fact(relation.name, one, two), fact(relation.name, other, two)), (f"{relation.name}/2",))
    if share > 88 and kind not in (relation.of[0], "thing") and not isinstance(two, int) and relation.says[0].endswith(" {1}."):
        other = another(lambda: relation.draw(draw, 1), one, two)
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
        one, two = distinct(lambda: _WHO(draw), 2)
        return Said(f"{one} and {two} are {name}.", (fact(name, one), fact(name, two)), (f"{name}/1",))
    who = _WHO(draw)
    return Said(_fill(draw.one(forms), who), (fact(name, who),), (f"{name}/1",))


def _triple(draw: Draw) -> Said:
    verb = draw.one(_DATA["giving"])
    one, two = distinct(draw.first_name, 2)
    thing = draw.thing()
    return Said(f"{one} {verb} the {thing} to {two}.", (fact(verb, one, thing, two),), (f"{verb}/3",))


def _unknown(draw: Draw) -> Said:
    """A verb that does not exist: the fact has to take it from the sentence."""
    verb = f"{draw.invented()}s"
    if verb.endswith("ss"):
        verb = verb[:-2] + "ns"
    one = _WHO(draw)
    two = draw.one((_WHO, Draw.city, Draw.thing, Draw.company))(draw)
    two = two if two != one else draw.invented().capitalize()
    form = draw.number(0, 3)
    if form == 0:
        name = f"{verb}_{draw.one(_DATA['prepositions'])}"
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
    instruction = draw.phrase(_DATA["orders"])
    if fixed:
        predicates = list(dict.fromkeys(name for part in parts for name in part.predicates))
        if draw.chance(0.3):
            extra = draw.one(_RELATIONS).name
            if f"{extra}/2" not in predicates and not _alike(extra, predicates):
                predicates.append(f"{extra}/2")
        shown = predicates if draw.chance(0.65) else [_signature(predicate) for predicate in predicates]
        shown = draw.shuffled(shown)
        joined = " and ".join(shown) if len(shown) == 2 and draw.chance(0.6) else ", ".join(shown)
        instruction += draw.phrase(_DATA["fixed"]).format(p=joined)
    instruction += draw.one(_DATA["notes"])
    facts = list(dict.fromkeys(line for part in parts for line in part.facts))
    text = " ".join(part.text for part in parts)
    turns: list[Turn] = [*lay(draw, instruction, text), assistant("\n".join(facts))]
    for _ in range(0 if fixed else draw.one((0, 0, 1, 2, 3))):
        more = _said(draw, fixed=False)
        ask = draw.one(_DATA["further"]) if turns[0].role != "system" else "{t}"
        turns += [user(ask.format(t=more.text)), assistant("\n".join(more.facts))]
    return Chat(tuple(turns), NAME, "fixed predicates" if fixed else "own words")


def _bare(predicate: str) -> str:
    return predicate.partition("/")[0]


def _alike(name: str, predicates: Sequence[str]) -> bool:
    """Whether ``name`` could be meant where another one of ``predicates`` is."""
    near = {other for kin in _DATA["kin"] if name in kin for other in kin} - {name}
    return any(_bare(predicate) in near for predicate in predicates)


def _to_english(draw: Draw) -> Chat:
    """A fact in words. Names come back with a capital."""
    relation = draw.one(_TELLABLE)
    values = relation.arguments(draw)
    return Chat(
        (
            *lay(draw, draw.phrase(_DATA["back"]), fact(relation.name, *values), _DATA["back_labels"]),
            assistant(_fill(relation.says[0], *values)),
        ),
        NAME,
        "to English",
    )


def _asking(draw: Draw) -> Chat:
    """Whether things follow from facts, which have to say them literally."""
    relations = distinct(lambda: draw.one(_ASKABLE), draw.one((1, 2, 3, 4, 5)))
    known = [(relation, relation.arguments(draw)) for relation in relations]
    lines = "\n".join(fact(relation.name, *values) for relation, values in known)
    query = None if draw.chance(0.5) else draw.one(_DATA["query"])
    short = query is None and draw.chance(0.4)
    turns: list[Turn] = []
    for _ in range(draw.one((1, 2, 4, 6))):
        question, yes = _asked(draw, known, query)
        good, bad = ("yes", "no") if short else query[1:] if query else ("Yes", "No")
        ask = question + (" Answer yes or no." if short and not turns else "")
        turns += [user(ask if turns else draw.phrase(_DATA["knowing"]).format(f=lines, q=ask)), assistant(good if yes else bad)]
    return Chat(tuple(turns), NAME, "yes/no")


def _asked(draw: Draw, known: list[tuple[Relation, list[Any]]], query: tuple[str, str, str] | None) -> tuple[str, bool]:
    """A question in words, or in the form of ``query``, and whether one of the facts ``known`` says so."""
    relation, values = draw.one(known)
    yes = draw.chance(0.5)
    asked = list(values)
    if not yes:
        place = draw.number(0, 1)
        other = another(lambda: relation.draw(draw, place), *values)
        yes = other is None
        asked[place] = values[place] if yes else other
    if query is None:
        return _fill(relation.asks, *asked), yes
    return query[0].format(g=fact(relation.name, *asked)[:-1]), yes


_KINDS = (*[_to_prolog] * 14, *[_to_english] * 3, *[_asking] * 5)


def chat(draw: Draw) -> Chat:
    """Sentences and the facts they state, or the other way round."""
    return draw.one(_KINDS)(draw)
