"""Records that values are extracted from: what they hold, and how a text, a letter or a table tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tea_training.corpus.pools import Pool, read
from tea_training.corpus.values import maker

if TYPE_CHECKING:
    from tea_training.corpus.draw import Draw

_DATA: Final = read("records")

ASIDES: Final[Pool] = _DATA["asides"]
"""Sentences beside the point."""


@dataclass(frozen=True, slots=True)
class Field:
    """A value a text may give: its names, its kind, its JSON type.

    ``says`` are sentences with ``{s}`` for the subject and ``{v}`` for the value, ``own`` those of somebody who tells it of himself.
    ``before`` stands before the value in a list.
    """

    keys: Pool
    value: str | Pool
    says: Pool
    own: Pool = ()
    before: str = ""
    type: str = "string"

    def draw(self, draw: Draw) -> Any:
        """A value of some record."""
        return maker(self.value)(draw)


@dataclass(frozen=True, slots=True)
class Domain:
    """A kind of record: what names it, and what may be said about it.

    ``combined`` are first sentences that give several values: the fields, and a form with ``{s}`` and ``{0}``, ``{1}`` …
    """

    name: str
    subject: Field
    fields: tuple[Field, ...]
    combined: tuple[tuple[tuple[Field, ...], str], ...]


def _domain(name: str, data: dict[str, Any]) -> Domain:
    fields = {each["keys"][0]: Field(**each) for each in data["fields"]}
    combined = tuple((tuple(fields[key] for key in each["of"]), each["form"]) for each in data["combined"])
    return Domain(name, Field(**data["subject"]), tuple(fields.values()), combined)


DOMAINS: Final = tuple(domain for name, data in _DATA["domains"].items() for domain in [_domain(name, data)] * int(data["share"]))


@dataclass(frozen=True, slots=True)
class Record:
    """A drawn record: the values said in its text, and the fields that its text leaves out."""

    domain: Domain
    values: dict[Field, Any]
    silent: tuple[Field, ...]

    @property
    def subject(self) -> str:
        """Its name, as text."""
        return str(self.values[self.domain.subject])


def record(draw: Draw, most: int = 6) -> Record:
    """Some record; its text gives up to ``most`` values."""
    domain = draw.one(DOMAINS)
    said = draw.some(domain.fields, min(len(domain.fields), draw.number(1, most - 1)))
    values = {domain.subject: domain.subject.draw(draw)} | {field: field.draw(draw) for field in said}
    return Record(domain, values, tuple(field for field in domain.fields if field not in said))


def keys(draw: Draw, made: Record) -> dict[Field, str]:
    """A key for every field of the record; no two are the same."""
    names: dict[Field, str] = {}
    for field in (*made.values, *made.silent):
        key = field.keys[0] if draw.chance(0.7) else draw.one(field.keys)
        if key in names.values():
            key = next((other for other in field.keys if other not in names.values()), f"{field.keys[0]}_2")
        names[field] = key
    return names


def spelled(key: str, how: int) -> str:
    """``key`` as programs write it: with underscores, in camel case, or as words."""
    parts = key.split("_")
    if how == 1:
        return parts[0] + "".join(part.capitalize() for part in parts[1:])
    if how == 2:
        return " ".join(parts)
    return key


def text(draw: Draw, made: Record, names: dict[Field, str]) -> str:
    """The record as running text, a message, lines or a table; ``names`` are its keys."""
    share = draw.number(1, 100)
    if share <= 58:
        return _prose(draw, made)
    if share <= 74:
        return _letter(draw, made)
    if share <= 92 or any(", " in _shown(value) for value in made.values.values()):
        return _lines(draw, made, names)
    return _row(draw, made, names)


def _say(draw: Draw, form: str, subject: str, value: Any) -> str:
    """``form`` with its places filled; a truth value stands there as a word."""
    for key, (no, yes) in _DATA["truths"].items():
        form = form.replace(f"{{{key}}}", draw.one(yes if value else no))
    said = form.format(s=subject, v=value)
    for vowel in "aeoi" if " a " in form else "":
        said = said.replace(f" a {vowel}", f" an {vowel}")
    return said


def _prose(draw: Draw, made: Record) -> str:
    """The record in sentences, sometimes with remarks beside the point."""
    domain, subject = made.domain, made.subject
    left = [field for field in made.values if field is not domain.subject]
    first = draw.one(domain.subject.says).format(s=subject)
    fitting = [(fields, form) for fields, form in domain.combined if all(field in made.values for field in fields)]
    if fitting and draw.chance(0.6):
        told, form = draw.one(fitting)
        first = form.format(*[made.values[field] for field in told], s=subject)
        left = [field for field in left if field not in told]
    elif left and domain.name == "person" and draw.chance(0.5):
        first = ""
    sentences = [_say(draw, draw.one(field.says), subject, made.values[field]) for field in draw.shuffled(left)]
    if first:
        sentences.insert(0, first)
    for _ in range(draw.one((0, 0, 0, 1, 1, 2))):
        sentences.insert(draw.number(0, len(sentences)), draw.one(ASIDES))
    named = any(subject in each for each in sentences)
    return " ".join(sentences if named else [domain.subject.says[0].format(s=subject), *sentences])


def _letter(draw: Draw, made: Record) -> str:
    """The record as somebody tells it in a message."""
    subject, named = made.subject, made.domain.subject
    sentences = [draw.one(named.own or named.says).format(s=subject)]
    for field, value in made.values.items():
        if field is not named:
            sentences.append(_say(draw, draw.one(field.own or field.says), subject, value))
    hello = draw.one(_DATA["greetings"])
    return f"{hello}{' '.join(sentences)}{draw.one(_DATA['closings'])}"


def _shown(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _lines(draw: Draw, made: Record, names: dict[Field, str]) -> str:
    """The record as ``Key: value`` lines, or on one line."""
    mark = draw.one((": ", ": ", ": ", " = ", " - "))
    style = draw.one((str.capitalize, str.capitalize, str.lower, str.upper))
    rows = [
        f"{style(names[field].replace('_', ' '))}{mark}{draw.one((field.before, ''))}{_shown(value)}"
        for field, value in made.values.items()
    ]
    rows = draw.shuffled(rows) if draw.chance(0.3) else rows
    return draw.one(("\n", "\n", "; ", ", ", " | ")).join(rows)


def _row(draw: Draw, made: Record, names: dict[Field, str]) -> str:
    """The record as a CSV table of one row."""
    fields, mark = list(made.values), draw.one((",", ";", "|", ", "))
    return mark.join(names[field] for field in fields) + "\n" + mark.join(_shown(made.values[field]) for field in fields)
