"""Tools as a prompt offers them, each with a request, the call that fits it, and how the result is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tea_training.corpus import words
from tea_training.corpus.chat import Tool
from tea_training.corpus.pools import read
from tea_training.corpus.prose import article, listing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw

_DATA: Final = read("offers")


@dataclass(frozen=True, slots=True)
class Use:
    """A request, the call that fits it, and how the tool's result is told."""

    request: str
    arguments: dict[str, Any]
    result: Any
    answer: str
    vague: tuple[str, str] | None = None
    """A request that leaves a needed argument out, and that argument."""
    again: Use | None = None
    """A further request of the same kind."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool as one prompt offers it, and a use of it."""

    tool: Tool
    use: Use
    family: str


def _tool(draw: Draw, data: Any, parameters: dict[str, str], *optional: str, **told: str) -> Tool:
    """A tool under one of the names in ``data``, whose places ``told`` fills; optional parameters are there or not."""
    kept = {name: kind for name, kind in parameters.items() if name not in optional or draw.chance(0.6)}
    name, description = (draw.one(data[key]).format(**told) for key in ("names", "about"))
    return Tool(name, description, kept, frozenset(name for name in optional if name in kept))


def weather(draw: Draw) -> Offer:
    """The weather in a town, perhaps in a unit or on a day."""
    data = _DATA["weather"]
    place = draw.one(data["place"])
    made = _tool(draw, data, {place: "string", "unit": "string", "day": "string"}, "unit", "day")
    city, other = draw.city(), draw.city()
    request = draw.phrase(data["requests"]).format(c=city)
    arguments: dict[str, Any] = {place: city}
    for name, values in (("unit", ("celsius", "fahrenheit")), ("day", (*words.DAYS, "tomorrow", "today"))):
        if name in made.parameters and draw.chance(0.5):
            arguments[name] = draw.one(values)
            request += draw.one(data[name]).format_map(arguments)

    def result(where: str) -> tuple[dict[str, Any], str]:
        degrees, sky = draw.number(0, 39), draw.one(data["skies"])
        return {place: where, "temperature": degrees, "condition": sky}, f"It is {degrees} degrees and {sky} in {where}."

    (found, said), (found2, said2) = result(city), result(other)
    vague, follow = draw.one(data["vague"]), draw.one(data["again"]).format(o=other)
    again = Use(follow, {place: other}, found2, said2) if set(arguments) == {place} else None
    return Offer(made, Use(request, arguments, found, said, (vague, place), again), "weather")


def _spoken(expression: str) -> str:
    """``12 * 7`` as people say it; the call still has the sign."""
    return expression.replace("+", "plus").replace("-", "minus").replace("*", "times")


def calculator(draw: Draw) -> Offer:
    """The value of an expression."""
    data = _DATA["calculator"]
    name = draw.one(data["input"])
    made = _tool(draw, data, {name: "string"})

    def sum_() -> tuple[str, int]:
        a, b, sign = draw.number(2, 999), draw.number(2, 99), draw.one("+-*")
        return f"{a} {sign} {b}", {"+": a + b, "-": a - b, "*": a * b}[sign]

    (text, value), (other, value2) = draw.fresh(sum_, lambda made: f"call:{made[0]}"), draw.fresh(sum_, lambda made: f"call:{made[0]}")
    request = draw.phrase(data["requests"]).format(e=_spoken(text) if draw.chance(0.35) else text)
    follow = draw.one(data["again"]).format(o=other)
    results = ({"result": value}, {"result": value2}) if draw.number(0, 1) else (str(value), str(value2))
    vague = (draw.one(data["vague"]), name)
    again = Use(follow, {name: other}, results[1], f"The result is {value2}.")
    return Offer(made, Use(request, {name: text}, results[0], f"The result is {value}.", vague, again), "calculator")


def _add(draw: Draw) -> Offer:
    data = draw.one(_DATA["add"]["operations"])
    first, second = draw.one(_DATA["add"]["operands"])
    kind = draw.one(("integer", "number"))
    made, sign = _tool(draw, data, {first: kind, second: kind}), data["sign"]
    a, b = draw.fresh(lambda: (draw.number(1, 999), draw.number(1, 999)), lambda pair: f"{pair[0]}{sign}{pair[1]}")
    value = {"+": a + b, "*": a * b, "-": a - b}[sign]
    request, result = draw.one(data["requests"]).format(a=a, b=b), draw.one((str(value), {"result": value}))
    return Offer(made, Use(request, {first: a, second: b}, result, f"The result is {value}."), "calculator")


def time(draw: Draw) -> Offer:
    """The time in a town."""
    data = _DATA["time"]
    place = draw.one(data["place"])
    made = _tool(draw, data, {place: "string"})
    city, other, now, then = draw.city(), draw.city(), draw.time(), draw.time()
    request, follow = draw.phrase(data["requests"]).format(c=city), draw.one(data["again"]).format(o=other)
    vague = (draw.one(data["vague"]), place)
    again = Use(follow, {place: other}, {"time": then}, f"It is {then} in {other}.")
    return Offer(made, Use(request, {place: city}, {"time": now}, f"It is {now} in {city}.", vague, again), "time")


def _search(draw: Draw) -> Offer:
    data = _DATA["search"]
    query = draw.one(data["query"])
    made = _tool(draw, data, {query: "string", "limit": "integer"}, "limit")
    told = {
        "thing": draw.thing(),
        "what": draw.one(data["what"]),
        "city": draw.city(),
        "company": draw.company(),
        "person": draw.full_name(),
        "topic": draw.one(words.TOPICS),
        "word": draw.invented(),
        "other": draw.invented(),
    }
    about = draw.one(data["wanted"]).format(**told)
    request = draw.phrase(data["requests"]).format(q=about)
    arguments: dict[str, Any] = {query: about}
    if "limit" in made.parameters and draw.chance(0.5):
        arguments["limit"] = draw.number(2, 20)
        request += draw.one(data["limit"]).format_map(arguments)
    titles = [f"{draw.invented().capitalize()} {draw.one(data['titles'])}" for _ in range(draw.number(1, 3))]
    said = f"I found {titles[0]}." if len(titles) == 1 else f"I found {', '.join(titles[:-1])} and {titles[-1]}."
    return Offer(made, Use(request, arguments, {"results": titles}, said, (draw.one(data["vague"]), query)), "search")


def _order(draw: Draw) -> Offer:
    data = _DATA["order"]
    key = draw.one(data["number"])
    made = _tool(draw, data, {key: "string"})
    number, state = draw.order_number(), draw.one(data["states"])
    request = draw.phrase(data["requests"]).format(n=number)
    vague, day = (draw.one(data["vague"]), key), draw.one(words.DAYS)
    result, said = draw.one(
        (
            ({"status": state}, f"Order {number} is {state}."),
            ({"status": state, "arrival": day}, f"Order {number} is {state} and arrives on {day}."),
        )
    )
    return Offer(made, Use(request, {key: number}, result, said, vague), "order")


def _convert(draw: Draw) -> Offer:
    data = _DATA["convert"]
    value_key, from_key, to_key = draw.one(data["parameters"])
    money = draw.chance(0.4)
    kind = data["money" if money else "units"]
    made = _tool(draw, kind, {value_key: "number", from_key: "string", to_key: "string"})
    source, target = draw.some(kind["values"], 2) if money else draw.shuffled(draw.one(kind["values"]))
    value, result = draw.number(1, 900), draw.number(1, 2000)
    request = draw.phrase(data["requests"]).format(v=value, a=source, b=target)
    vague = (draw.one(data["vague"]).format(v=value, a=source), to_key)
    arguments = {value_key: value, from_key: source, to_key: target}
    shown = draw.one(({"result": result}, str(result)))
    return Offer(made, Use(request, arguments, shown, f"{value} {source} are {result} {target}.", vague), "convert")


def _email(draw: Draw) -> Offer:
    data = _DATA["email"]
    to, body = draw.one(data["to"]), draw.one(data["body"])
    made = _tool(draw, data, {to: "string", "subject": "string", body: "string"}, "subject")
    address = draw.email()
    told = {
        "minutes": draw.number(5, 60),
        "ready": draw.thing(),
        "day": draw.one(words.DAYS),
        "thing": draw.thing(),
        "time": draw.time(),
        "city": draw.city(),
    }
    text = draw.one(data["texts"]).format(**told)
    request = draw.phrase(data["requests"]).format(a=address, t=text)
    arguments: dict[str, Any] = {to: address, body: text}
    if "subject" in made.parameters and draw.chance(0.5):
        thing, word = draw.thing(), draw.invented()
        subject = draw.one(data["subjects"]).format(thing=thing, word=word).capitalize()
        arguments = {to: address, "subject": subject, body: text}
        request += draw.one(data["subject"]).format(s=subject)
    vague = (draw.one(data["vague"]).format(t=text), to)
    result = draw.one(({"status": "sent"}, "sent", {"sent": True}))
    return Offer(made, Use(request, arguments, result, f"The email to {address} was sent.", vague), "email")


def _reminder(draw: Draw) -> Offer:
    data = _DATA["reminder"]
    what, when = draw.one(data["parameters"])
    made = _tool(draw, data, {what: "string", when: "string"})
    moment = draw.one((draw.time(), draw.date(), draw.one(words.DAYS)))
    told = {
        "name": draw.first_name(),
        "thing": draw.thing(),
        "company": draw.company(),
        "room": draw.entity(words.ROOMS),
        "other": draw.first_name(),
    }
    task = draw.one(data["tasks"]).format(**told)
    request = draw.phrase(data["requests"]).format(t=task, w=moment)
    vague = (draw.one(data["vague"]).format(t=task), when)
    result = draw.one(({"status": "ok"}, "ok", {"created": True}))
    return Offer(made, Use(request, {what: task, when: moment}, result, f"I will remind you to {task}.", vague), "reminder")


def _translate(draw: Draw) -> Offer:
    data = _DATA["translate"]
    text_key, target = draw.one(data["parameters"])
    made = _tool(draw, data, {text_key: "string", target: "string"})
    told = {
        "color": draw.one(words.COLORS),
        "thing": draw.thing(),
        "food": draw.entity(words.FOODS),
        "room": draw.entity(words.ROOMS),
        "old": draw.thing(),
    }
    text = draw.one(data["texts"]).format(**told)
    language, result = draw.one(words.LANGUAGES), f"{draw.invented()} {draw.invented()}"
    request = draw.phrase(data["requests"]).format(t=text, l=language)
    vague = (draw.one(data["vague"]).format(t=text), target)
    shown = draw.one((result, {"translation": result}))
    return Offer(
        made, Use(request, {text_key: text, target: language}, shown, f'"{text}" in {language} is "{result}".', vague), "translate"
    )


def stock(draw: Draw) -> Offer:
    """The price of a share."""
    data = _DATA["stock"]
    key = draw.one(data["key"])
    made = _tool(draw, data, {key: "string"})
    firm, other, price, price2 = draw.company(), draw.company(), draw.number(1, 900), draw.number(1, 900)
    request = draw.phrase(data["requests"]).format(k=firm)
    vague = (draw.one(data["vague"]), key)
    again = Use(draw.one(data["again"]).format(o=other), {key: other}, {"price": price2}, f"{other} is at ${price2}.")
    return Offer(made, Use(request, {key: firm}, {"price": price}, f"{firm} is at ${price}.", vague, again), "stock")


def _customer(draw: Draw) -> Offer:
    data = _DATA["customer"]
    key, what = draw.one(data["key"]), draw.one(data["what"])
    made = _tool(draw, data, {key: "string"}, w=what)
    who = draw.person()
    makers: dict[str, Callable[[], Any]] = {
        "email": draw.email,
        "phone": draw.phone,
        "city": draw.city,
        "age": lambda: draw.number(5, 95),
        "address": lambda: f"{draw.number(1, 99)} {draw.last_name()} Street",
    }
    value = makers[what]()
    request = draw.phrase(data["requests"]).format(w=what, p=who)
    vague = (draw.one(data["vague"]).format(w=what), key)
    return Offer(made, Use(request, {key: who}, draw.one(({what: value}, str(value))), f"The {what} of {who} is {value}.", vague), what)


def _list(draw: Draw) -> Offer:
    data = _DATA["list"]
    action, verb = draw.one(data["actions"])
    key = draw.one(data["key"])
    made = _tool(draw, data, {key: "array"}, a=action, v=verb)
    numbers = [draw.number(0, 200) for _ in range(draw.number(3, 6))]
    value: Any = {"sum": sum(numbers), "average": round(sum(numbers) / len(numbers)), "max": max(numbers), "sort": sorted(numbers)}[action]
    said = f"The result is {value if action != 'sort' else ', '.join(map(str, value))}."
    text = listing(draw, [str(number) for number in numbers])
    request = draw.one(data["requests"]).format(v=verb, small=verb[0].lower() + verb[1:], l=text)
    return Offer(made, Use(request, {key: numbers}, {"result": value}, said), "calculator")


def _switch(draw: Draw) -> Offer:
    data = _DATA["switch"]
    device, room = draw.one(data["devices"]), draw.entity(words.ROOMS)
    on = draw.chance(0.5)
    style = draw.one(("state", "on"))
    made = _tool(draw, data, {"room": "string", style: "string" if style == "state" else "boolean"}, d=device)
    word = "on" if on else "off"
    request = draw.one(data["requests"]).format(d=device, D=device.capitalize(), r=room, w=word)
    arguments = {"room": room, style: word if style == "state" else on}
    vague, result = (f"Turn the {device} {word}.", "room"), draw.one(("ok", {"ok": True}))
    return Offer(made, Use(request, arguments, result, f"The {device} in the {room} is {word}.", vague), f"switch {device}")


def unknown(draw: Draw) -> Offer:
    """A tool for things that do not exist: only its name and description say what it does."""
    data = _DATA["unknown"]
    verb, noun, key = draw.one(data["verbs"]), draw.invented(), draw.invented() if draw.chance(0.6) else draw.one(data["keys"])
    kind = draw.one(("string", "string", "string", "integer", "boolean"))
    makers: dict[str, Callable[[], Any]] = {
        "string": lambda: draw.one((draw.invented(), draw.first_name(), draw.order_number(), draw.thing())),
        "integer": lambda: draw.number(0, 999),
        "boolean": lambda: draw.chance(0.5),
    }
    value = makers[kind]()
    parameters, arguments = {key: kind}, {key: value}
    told = {"w": verb, "V": verb.capitalize(), "n": noun, "N": noun.capitalize(), "a": article(noun)}
    shown = str(value).lower() if isinstance(value, bool) else value
    request = draw.phrase(data["requests"]).format(**told, k=key, v=shown)
    optional: frozenset[str] = frozenset()
    if draw.chance(0.35):
        extra = draw.invented()
        parameters[extra], optional = "string", frozenset({extra})
        if draw.chance(0.5):
            arguments[extra] = draw.invented()
            request = request.rstrip(".") + draw.one(data["more"]).format(k=extra, v=arguments[extra])
    name, description = (draw.one(data[part]).format(**told) for part in ("names", "about"))
    made = Tool(name, description, parameters, optional)
    outcome, thing = draw.invented(), draw.one(("result", draw.invented(), "value", "answer"))
    amount = draw.one((outcome, str(draw.number(0, 999))))
    result: Any = {thing: int(amount) if amount.isdigit() else amount}
    said = f"The {thing} is {amount}."
    if draw.chance(0.3):
        said = result = f"The {noun} {draw.one(data['outcomes'])}."
    return Offer(made, Use(request, arguments, result, said, (f"{verb.capitalize()} the {noun}.", key)), f"{verb} {noun}")


KNOWN: Final[tuple[Callable[[Draw], Offer], ...]] = (
    *(weather, weather, calculator, calculator, _add, time, _search, _order, _convert, _email, _reminder, _translate, stock, _customer),
    *(_list, _switch),
)
