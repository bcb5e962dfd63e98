"""Values out of a text, as JSON: for named keys, a schema or an example; records and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant, user
from tea_training.corpus.pools import read
from tea_training.corpus.prose import capital, distinct, dumps, lay, listing, remark
from tea_training.corpus.skills import records
from tea_training.corpus.skills.records import ASIDES, Field, Record
from tea_training.corpus.values import maker

if TYPE_CHECKING:
    from tea_training.corpus.draw import Draw

NAME = "extraction"
_DATA: Final = read(NAME)


def _schema(draw: Draw, keys: dict[str, str]) -> str:
    properties = {key: {"type": kind} for key, kind in keys.items()}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if draw.chance(0.5):
        schema["required"] = list(keys)
    return dumps(schema) if draw.chance(0.8) else dumps(properties)


_PLACEHOLDERS: dict[str, tuple[Any, ...]] = {
    "string": ("", "...", "string", "text"),
    "integer": (0, 1),
    "number": (0, 1.5),
    "boolean": (True, False),
}


def _example(draw: Draw, keys: dict[str, str]) -> str:
    style = draw.number(0, 3)
    if style == 0:
        return "{" + ", ".join(f'"{key}": {kind}' for key, kind in keys.items()) + "}"
    if style == 1:
        return "{" + ", ".join(f'"{key}": ...' for key in keys) + "}"
    if style == 2:
        return dumps(dict.fromkeys(keys, ""))
    string = draw.one(_PLACEHOLDERS["string"])
    return dumps({key: string if kind == "string" else draw.one(_PLACEHOLDERS[kind]) for key, kind in keys.items()})


def _keys_said(draw: Draw, keys: list[str]) -> str:
    quote = draw.one(("", "", "", '"', "`", "'"))
    quoted = [f"{quote}{key}{quote}" for key in keys]
    return ", ".join(quoted) if draw.chance(0.4) else listing(draw, quoted)


def _instruction(draw: Draw, keys: dict[str, str], *, nulls: bool) -> tuple[str, str]:
    """How the user asks for ``keys`` (key → JSON type), and what kind of asking it is."""
    share, tail = draw.number(1, 100), draw.one(_DATA["strict"])
    if nulls and draw.chance(0.5):
        tail += draw.phrase(_DATA["nulls"])
    if share <= 55:
        return draw.phrase(_DATA["commands"]).format(keys=_keys_said(draw, list(keys))) + tail, "keys"
    if share <= 65:
        mark = draw.one(("- ", "* ", "", "1. "))
        rows = "\n".join(f"{f'{i}. ' if mark == '1. ' else mark}{key}" for i, key in enumerate(keys, 1))
        return draw.phrase(_DATA["bulleted"]).format(keys=rows) + (f"\n{tail.strip()}" if tail else ""), "keys"
    if share <= 83:
        return draw.phrase(_DATA["schemed"]).format(schema=_schema(draw, keys)) + tail, "schema"
    return draw.phrase(_DATA["exampled"]).format(example=_example(draw, keys)) + tail, "example"


def _asked(draw: Draw, record: Record) -> list[Field]:
    """The fields that are asked for, in the order of asking."""
    said = list(record.values)
    count = draw.number(1, min(6, len(said)))
    asked = draw.some(said, count) if draw.chance(0.5) else said[:count]
    if record.silent and draw.chance(0.22):
        asked.insert(draw.number(0, len(asked)), draw.one(record.silent))
    return asked[:6]


def _object(draw: Draw) -> Chat:
    """One record, some of its keys; sometimes another question or another text afterwards."""
    record = records.record(draw)
    names = records.keys(draw, record)
    asked, how = _asked(draw, record), draw.one((0, 0, 0, 1, 2))
    spelled = {field: records.spelled(names[field], how) for field in names}
    keys = {spelled[field]: field.type for field in asked}
    missing = any(field not in record.values for field in asked)
    text = records.text(draw, record, names)
    instruction, kind = _instruction(draw, keys, nulls=missing or draw.chance(0.2))
    turns = [*lay(draw, instruction, text), assistant(dumps({spelled[field]: record.values.get(field) for field in asked}))]
    for _ in range(draw.one((0, 0, 1, 2))):
        turns += _further(draw, record, spelled)
    return Chat(tuple(turns), NAME, "missing" if missing else kind)


def _further(draw: Draw, record: Record, spelled: dict[Field, str]) -> list[Turn]:
    """Another question about the same text."""
    fields = draw.some(list(record.values), min(len(record.values), draw.number(1, 2)))
    keys = _keys_said(draw, [spelled[field] for field in fields])
    return [
        user(draw.phrase(_DATA["further"]).format(keys=keys)),
        assistant(dumps({spelled[field]: record.values[field] for field in fields})),
    ]


def _clauses(draw: Draw, form: str, clauses: list[str]) -> str:
    """The clauses as one sentence or several. A clause that begins with a value gets no capital, which the value does not have."""
    if form.startswith("{") and clauses[0][0].islower():
        return f"{draw.one(_DATA['openings'])}{listing(draw, clauses)}."
    if draw.chance(0.6):
        return capital(listing(draw, clauses)) + "."
    return " ".join(capital(clause) + "." for clause in clauses)


def _records(draw: Draw) -> Chat:
    """Several records with the same two keys."""
    pair = draw.one(_DATA["pairs"])
    (first, second), (make, other), forms = pair["keys"], map(maker, pair["of"]), pair["forms"]
    rows = [(one, other(draw)) for one in distinct(lambda: make(draw), draw.number(2, 4))]
    share = draw.number(1, 3)
    if share == 1 and not any(", " in str(row) for row in rows):
        text = f"{first},{second}\n" + "\n".join(f"{a},{b}" for a, b in rows)
    elif share == 2:
        mark = draw.one(("- ", "", "* "))
        text = "\n".join(mark + draw.one(forms[-1:]).format(a, b) for a, b in rows)
    else:
        form = draw.one(forms)
        clauses = [form.format(a, b) for a, b in rows]
        text = _clauses(draw, form, clauses)
    instruction = draw.phrase(_DATA["records"]).format(keys=_keys_said(draw, [first, second]))
    return Chat((*lay(draw, instruction, text), assistant(dumps([{first: a, second: b} for a, b in rows]))), NAME, "records")


_LISTED: Final = tuple(_DATA["listed"].items())


def _array(draw: Draw) -> Chat:
    """All the things of one kind; an empty array where the text has none."""
    key, kind = draw.one(_LISTED)
    asked, items = key, distinct(lambda: maker(kind["of"])(draw), draw.number(1, 5))
    text = draw.one(kind["forms"]).format(listing(draw, [str(item) for item in items]))
    if draw.chance(0.3):
        text = draw.one((f"{text} {draw.one(ASIDES)}", f"{draw.one(ASIDES)} {text}"))
    if draw.chance(0.08):
        asked, items = draw.one([other for other, _ in _LISTED if other not in (key, "items", "fruits", "numbers", "names")]), []
    wrapped = draw.chance(0.35)
    instruction = draw.phrase(_DATA["keyed"] if wrapped else _DATA["arrays"]).format(key=asked)
    answer = dumps({asked: items} if wrapped else items)
    return Chat((*lay(draw, instruction, text), assistant(answer)), NAME, "list" if items else "list empty")


def _unknown_world(draw: Draw) -> Chat:
    """Keys that are no known words: what is asked for has to be found by its name alone."""
    keys = distinct(lambda: draw.invented() if draw.chance(0.7) else f"{draw.invented()}_{draw.invented()}", draw.number(1, 4))
    values: dict[str, Any] = {}
    for key in keys:
        values[key] = draw.one(
            (draw.number(0, 9999), draw.invented(), draw.invented().capitalize(), draw.order_number(), draw.number(1, 99), draw.city())
        )
    mark = draw.one((": ", " = ", None, None))
    if mark:
        text = draw.one(("\n", "\n", "; ", ", ")).join(f"{key}{mark}{value}" for key, value in values.items())
    else:
        text = " ".join(capital(draw.one(_DATA["sayings"]).format(k=key.replace("_", " "), v=value)) for key, value in values.items())
    asked = draw.some(keys, draw.number(1, len(keys)))
    if draw.chance(0.15):
        asked.append(draw.invented())
    kinds = {key: "integer" if isinstance(values.get(key), int) else "string" for key in asked}
    instruction, _ = _instruction(draw, kinds, nulls=any(key not in values for key in asked))
    return Chat((*lay(draw, instruction, text), assistant(dumps({key: values.get(key) for key in asked}))), NAME, "unknown keys")


def _signature(draw: Draw) -> Chat:
    """A block as it stands under a letter, or on a card."""
    values = {
        "name": draw.full_name(),
        "job": draw.entity(words.JOBS),
        "company": draw.company(),
        "city": draw.city(),
        "phone": draw.phone(),
        "email": draw.email(),
    }
    rows = [
        values["name"],
        f"{capital(values['job'])}, {values['company']}",
        values["city"],
        draw.one(_DATA["phones"]) + values["phone"],
        draw.one(_DATA["mails"]) + values["email"],
    ]
    text = draw.one(("Best regards,\n", "--\n", "", "Yours sincerely\n", f"{remark(draw)}\n\nKind regards\n")) + "\n".join(rows)
    asked = draw.some([key for key in values if key != "job"], draw.number(1, 5))
    instruction, _ = _instruction(draw, dict.fromkeys(asked, "string"), nulls=False)
    return Chat((*lay(draw, instruction, text), assistant(dumps({key: values[key] for key in asked}))), NAME, "signature")


def _invoice(draw: Draw) -> Chat:
    """A bill with lines: its head, and what was bought."""
    number, vendor, total, due = draw.order_number(), draw.company(), maker("price")(draw), draw.date()
    lines = [(thing, draw.number(1, 20)) for thing in distinct(draw.thing, draw.number(1, 3))]
    mark = draw.one((" x {}", ": {}", ", {} pieces"))
    rows = "\n".join(f"- {thing}{mark.format(count)}" for thing, count in lines)
    text = f"INVOICE {number}\n{draw.one(_DATA['sellers'])}{vendor}\n{rows}\nTotal: ${total}\nDue: {due}"
    values: dict[str, Any] = {
        "invoice_number": number,
        "vendor": vendor,
        "total": total,
        "due_date": due,
        "items": [thing for thing, _ in lines],
    }
    asked = draw.some(list(values), draw.number(1, 5))
    kinds = {key: "number" if key == "total" else "array" if key == "items" else "string" for key in asked}
    instruction = (
        draw.phrase(_DATA["commands"]).format(keys=_keys_said(draw, asked))
        if draw.chance(0.6)
        else draw.phrase(_DATA["schemed"]).format(schema=_schema(draw, kinds))
    )
    return Chat((*lay(draw, instruction, text), assistant(dumps({key: values[key] for key in asked}))), NAME, "invoice")


def _standing(draw: Draw) -> Chat:
    """An instruction that stands in the system prompt for two texts."""
    domain = draw.one(records.DOMAINS)
    fields = [domain.subject, *draw.some(domain.fields, draw.number(1, min(4, len(domain.fields))))]
    first = Record(domain, {field: field.draw(draw) for field in fields}, ())
    names = records.keys(draw, first)
    instruction, _ = _instruction(draw, {names[field]: field.type for field in fields}, nulls=False)
    turns = [Turn("system", instruction)]
    for _ in range(draw.number(2, 4)):
        record = Record(domain, {field: field.draw(draw) for field in fields}, ())
        turns += [user(records.text(draw, record, names)), assistant(dumps({names[field]: record.values[field] for field in fields}))]
    return Chat(tuple(turns), NAME, "standing")


_KINDS = (*[_object] * 10, *[_records] * 2, *[_array] * 3, *[_unknown_world] * 3, _signature, _invoice, _standing)


def chat(draw: Draw) -> Chat:
    """A text, and the JSON that was asked for."""
    return draw.one(_KINDS)(draw)
