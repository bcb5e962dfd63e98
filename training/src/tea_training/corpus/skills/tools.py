"""Calls of tools: which one, with which arguments, and what to say when the result is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Tool, ToolCall, Turn, assistant, system, tool, user
from tea_training.corpus.prose import article, dumps, listing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw

NAME = "tools"
NO_TOOL = "I don't have a tool for that."


@dataclass(frozen=True, slots=True)
class Use:
    """A request, the call that fits it, and how the tool's result is told."""

    request: str
    arguments: dict[str, Any]
    result: Any
    answer: str
    vague: tuple[str, str] | None = None
    """A request that leaves a needed argument out, and that argument."""
    again: tuple[str, dict[str, Any], Any, str] | None = None
    """A further request of the same kind: its words, arguments, result and answer."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool as one prompt offers it, and a use of it."""

    tool: Tool
    use: Use
    family: str = field(default="")


def _tool(draw: Draw, names: tuple[str, ...], descriptions: tuple[str, ...], parameters: dict[str, str], *optional: str) -> Tool:
    """A tool under one of its names; optional parameters are there or not."""
    kept = {name: kind for name, kind in parameters.items() if name not in optional or draw.chance(0.6)}
    return Tool(draw.one(names), draw.one(descriptions), kept, frozenset(name for name in optional if name in kept))


def _weather(draw: Draw) -> Offer:
    place = draw.one(("city", "city", "location", "place"))
    made = _tool(
        draw,
        ("get_weather", "weather", "weather.current", "current_weather", "getWeather", "weather_lookup"),
        ("Get the weather in a city.", "Current weather of a place.", "Returns the weather.", "Look up the weather for a location."),
        {place: "string", "unit": "string", "day": "string"},
        "unit",
        "day",
    )
    city, other = draw.city(), draw.city()
    skies = ("sunny", "cloudy", "rainy", "windy", "snowy", "foggy", "clear")

    def result(where: str) -> tuple[dict[str, Any], str]:
        degrees, sky = draw.number(0, 39), draw.one(skies)
        return {place: where, "temperature": degrees, "condition": sky}, f"It is {degrees} degrees and {sky} in {where}."

    request = draw.phrase(
        (
            *[
                "What is the weather in {c}?",
                "How is the weather in {c}?",
                "What's the weather like in {c}?",
                "Tell me the weather in {c}.",
                "Weather in {c}?",
                "Is it raining in {c}?",
            ],
            *[
                "How warm is it in {c}?",
                "Check the weather for {c}.",
                "Give me the weather in {c}, please.",
                "Do I need an umbrella in {c}?",
                "What is the temperature in {c}?",
                "Is it sunny in {c}?",
            ],
            *[
                "I am going to {c}. How is the weather?",
                "Please look up the weather in {c}.",
                "Current weather {c}",
                "How cold is it in {c}?",
                "Can you tell me the weather in {c}?",
                "weather {c}",
            ],
        )
    ).format(c=city)
    arguments: dict[str, Any] = {place: city}
    if "unit" in made.parameters and draw.chance(0.5):
        arguments["unit"] = draw.one(("celsius", "fahrenheit"))
        request += draw.one((f" In {arguments['unit']}.", f" Use {arguments['unit']}.", f" Please use {arguments['unit']}."))
    if "day" in made.parameters and draw.chance(0.5):
        arguments["day"] = draw.one((*words.DAYS, "tomorrow", "today"))
        request += draw.one((f" I mean {arguments['day']}.", f" For {arguments['day']}.", f" Day: {arguments['day']}."))
    (data, said), (data2, said2) = result(city), result(other)
    vague = draw.one(("What is the weather?", "How is the weather?", "Tell me the weather.", "Weather, please.", "Get the weather."))
    follow = draw.one((f"And in {other}?", f"What about {other}?", f"How about {other}?", f"And the weather in {other}?", f"Now {other}."))
    again = (follow, {place: other}, data2, said2) if set(arguments) == {place} else None
    return Offer(made, Use(request, arguments, data, said, (vague, place), again), "weather")


def _spoken(expression: str) -> str:
    """``12 * 7`` as people say it; the call still has the sign."""
    return expression.replace("+", "plus").replace("-", "minus").replace("*", "times")


def _calculator(draw: Draw) -> Offer:
    made = _tool(
        draw,
        ("calculator", "calculate", "math.eval", "calc", "evaluate", "compute"),
        ("Calculate an expression.", "Evaluates arithmetic.", "Do math.", "Compute the value of an expression."),
        {draw.one(("expression", "expression", "formula", "input")): "string"},
    )
    name = next(iter(made.parameters))

    def sum_() -> tuple[str, int]:
        a, b, sign = draw.number(2, 999), draw.number(2, 99), draw.one("+-*")
        return f"{a} {sign} {b}", {"+": a + b, "-": a - b, "*": a * b}[sign]

    (text, value), (text2, value2) = draw.fresh(sum_, lambda made: f"call:{made[0]}"), draw.fresh(sum_, lambda made: f"call:{made[0]}")
    request = draw.phrase(
        (
            *[
                "What is {e}?",
                "Calculate {e}.",
                "How much is {e}?",
                "Compute {e}.",
                "{e} = ?",
                "What's {e}?",
                "Please calculate {e}.",
                "Work out {e}.",
                "Tell me the result of {e}.",
                "Evaluate {e}.",
                "{e}",
            ],
            *["I need the result of {e}.", "Can you compute {e}?", "Use the tool to calculate {e}."],
        )
    ).format(e=_spoken(text) if draw.chance(0.35) else text)
    follow = draw.one((f"And {text2}?", f"Now {text2}.", f"What about {text2}?", f"And what is {text2}?"))
    form = draw.number(0, 1)
    results = ({"result": value}, {"result": value2}) if form else (str(value), str(value2))
    vague = (draw.one(("Calculate something.", "Can you calculate for me?", "Do some math for me.")), name)
    return Offer(
        made,
        Use(
            request,
            {name: text},
            results[0],
            f"The result is {value}.",
            vague,
            (follow, {name: text2}, results[1], f"The result is {value2}."),
        ),
        "calculator",
    )


def _add(draw: Draw) -> Offer:
    sign, names, verb = draw.one(
        (
            (
                "+",
                ("add", "add_numbers", "math.add", "sum_two"),
                ("Add {a} and {b}.", "What is the sum of {a} and {b}?", "What is {a} plus {b}?", "Please add {a} and {b}.", "{a} + {b}?"),
            ),
            (
                "*",
                ("multiply", "multiply_numbers", "math.multiply", "product"),
                (
                    "Multiply {a} by {b}.",
                    "What is {a} times {b}?",
                    "What is the product of {a} and {b}?",
                    "Please multiply {a} and {b}.",
                    "{a} * {b}?",
                ),
            ),
            (
                "-",
                ("subtract", "minus", "math.subtract"),
                ("Subtract {b} from {a}.", "What is {a} minus {b}?", "Take {b} from {a}.", "{a} - {b}?", "Please subtract {b} from {a}."),
            ),
        )
    )
    first, second = draw.one((("a", "b"), ("x", "y"), ("first", "second")))
    kind = draw.one(("integer", "number"))
    made = _tool(
        draw,
        names,
        ({"+": "Add two numbers.", "*": "Multiply two numbers.", "-": "Subtract the second number from the first."}[sign],),
        {first: kind, second: kind},
    )
    a, b = draw.fresh(lambda: (draw.number(1, 999), draw.number(1, 999)), lambda pair: f"{pair[0]}{sign}{pair[1]}")
    value = {"+": a + b, "*": a * b, "-": a - b}[sign]
    return Offer(
        made,
        Use(draw.one(verb).format(a=a, b=b), {first: a, second: b}, draw.one((str(value), {"result": value})), f"The result is {value}."),
        "calculator",
    )


def _time(draw: Draw) -> Offer:
    place = draw.one(("city", "timezone", "location"))
    made = _tool(
        draw,
        ("get_time", "current_time", "time", "clock", "time.now"),
        ("Get the current time in a city.", "What time it is somewhere.", "Returns the local time."),
        {place: "string"},
    )
    city, other, now, then = draw.city(), draw.city(), draw.time(), draw.time()
    request = draw.phrase(
        (
            *[
                "What time is it in {c}?",
                "Tell me the time in {c}.",
                "What is the time in {c}?",
                "Current time in {c}?",
                "How late is it in {c}?",
                "What's the time in {c}?",
                "Give me the local time of {c}.",
            ],
            *[
                "Time in {c}, please.",
                "Do you know what time it is in {c}?",
                "Can you check the time in {c}?",
                "Please tell me how late it is in {c}.",
                "time {c}",
            ],
        )
    ).format(c=city)
    follow = draw.one((f"And in {other}?", f"What about {other}?", f"And the time in {other}?"))
    vague = (draw.one(("What time is it there?", "Get the time.", "Tell me the local time.")), place)
    return Offer(
        made,
        Use(
            request,
            {place: city},
            {"time": now},
            f"It is {now} in {city}.",
            vague,
            (follow, {place: other}, {"time": then}, f"It is {then} in {other}."),
        ),
        "time",
    )


def _search(draw: Draw) -> Offer:
    query = draw.one(("query", "query", "q", "text", "keywords"))
    made = _tool(
        draw,
        ("search", "web_search", "web.search", "search_web", "find_documents", "lookup", "search_docs"),
        ("Search the web.", "Search for documents.", "Find information.", "Full-text search."),
        {query: "string", "limit": "integer"},
        "limit",
    )
    about = draw.one(
        (
            f"{draw.thing()} {draw.one(('prices', 'reviews', 'repair'))}",
            f"hotels in {draw.city()}",
            f"{draw.company()}",
            draw.full_name(),
            f"{draw.one(words.TOPICS)}",
            f"{draw.invented()} {draw.invented()}",
        )
    )
    request = draw.phrase(
        (
            *[
                "Search for {q}.",
                "Find information about {q}.",
                "Look up {q}.",
                "Search the web for {q}.",
                "Please search for {q}.",
                "I need information about {q}.",
                "Can you search for {q}?",
                "Find {q}.",
                "What can you find about {q}?",
            ],
            *["Do a search for {q}.", "Look for {q}.", "Search: {q}"],
        )
    ).format(q=about)
    arguments: dict[str, Any] = {query: about}
    if "limit" in made.parameters and draw.chance(0.5):
        arguments["limit"] = draw.number(2, 20)
        request += draw.one(
            (f" Show {arguments['limit']} results.", f" Limit: {arguments['limit']}.", f" I want {arguments['limit']} results.")
        )
    titles = [f"{draw.invented().capitalize()} {draw.one(('Guide', 'News', 'Report', 'Page'))}" for _ in range(draw.number(1, 3))]
    said = f"I found {titles[0]}." if len(titles) == 1 else f"I found {', '.join(titles[:-1])} and {titles[-1]}."
    return Offer(
        made,
        Use(
            request,
            arguments,
            {"results": titles},
            said,
            (draw.one(("Search the web.", "Search for something.", "Do a search.", "Find something for me.")), query),
        ),
        "search",
    )


def _order(draw: Draw) -> Offer:
    key = draw.one(("order_id", "order_number", "order", "id"))
    made = _tool(
        draw,
        ("get_order_status", "order_status", "track_order", "orders.status", "lookup_order"),
        ("Get the status of an order.", "Track an order.", "Where an order is."),
        {key: "string"},
    )
    number, state = draw.order_number(), draw.one(("shipped", "delivered", "pending", "cancelled", "delayed", "packed"))
    request = draw.phrase(
        (
            *[
                "Where is my order {n}?",
                "What is the status of order {n}?",
                "Track order {n}.",
                "Has order {n} been shipped?",
                "Check order {n}.",
                "Status of {n}?",
                "I am waiting for order {n}.",
                "Please look up order {n}.",
            ],
            *[
                "Can you check my order {n}?",
                "When will order {n} arrive?",
                "Tell me about order {n}.",
                "My order number is {n}. Where is it?",
            ],
        )
    ).format(n=number)
    vague = (draw.one(("Where is my order?", "What is the status of my order?", "Track my order.", "Has my order been shipped?")), key)
    eta = draw.one(words.DAYS)
    result, said = draw.one(
        (
            ({"status": state}, f"Order {number} is {state}."),
            ({"status": state, "arrival": eta}, f"Order {number} is {state} and arrives on {eta}."),
        )
    )
    return Offer(made, Use(request, {key: number}, result, said, vague), "order")


_UNITS = (
    ("km", "miles"),
    ("kg", "pounds"),
    ("celsius", "fahrenheit"),
    ("meters", "feet"),
    ("liters", "gallons"),
    ("cm", "inches"),
    ("grams", "ounces"),
)


def _convert(draw: Draw) -> Offer:
    value_key, from_key, to_key = draw.one((("value", "from", "to"), ("value", "from_unit", "to_unit"), ("amount", "source", "target")))
    money = draw.chance(0.4)
    names = (
        ("convert_currency", "exchange", "currency.convert") if money else ("convert", "convert_units", "unit_converter", "units.convert")
    )
    made = _tool(
        draw,
        names,
        ("Convert money into another currency.",) if money else ("Convert units.", "Convert a value from one unit into another."),
        {value_key: "number", from_key: "string", to_key: "string"},
    )
    source, target = draw.some(("USD", "EUR", "GBP", "JPY", "CHF", "SEK"), 2) if money else draw.shuffled(draw.one(_UNITS))
    value, result = draw.number(1, 900), draw.number(1, 2000)
    request = draw.phrase(
        (
            *[
                "Convert {v} {a} to {b}.",
                "How many {b} are {v} {a}?",
                "What is {v} {a} in {b}?",
                "{v} {a} in {b}?",
                "Please convert {v} {a} into {b}.",
                "Change {v} {a} to {b}.",
                "How much is {v} {a} in {b}?",
            ],
            *[
                "I have {v} {a}. What is that in {b}?",
                "{v} {a} to {b}",
                "Give me {v} {a} in {b}.",
                "Turn {v} {a} into {b}.",
                "Can you convert {v} {a} to {b}?",
            ],
        )
    ).format(v=value, a=source, b=target)
    vague = (draw.one((f"Convert {value} {source}.", f"Please convert {value} {source}.")), to_key)
    return Offer(
        made,
        Use(
            request,
            {value_key: value, from_key: source, to_key: target},
            draw.one(({"result": result}, str(result))),
            f"{value} {source} are {result} {target}.",
            vague,
        ),
        "convert",
    )


def _email(draw: Draw) -> Offer:
    to, body = draw.one(("to", "recipient", "address")), draw.one(("body", "text", "message", "content"))
    made = _tool(
        draw,
        ("send_email", "email", "mail.send", "send_mail", "sendEmail"),
        ("Send an e-mail.", "Sends a message by email.", "Write an email to somebody."),
        {to: "string", "subject": "string", body: "string"},
        "subject",
    )
    address = draw.email()
    text = draw.one(
        (
            f"I will be {draw.number(5, 60)} minutes late",
            f"The {draw.thing()} is ready",
            f"See you on {draw.one(words.DAYS)}",
            f"Please bring the {draw.thing()}",
            f"The meeting is at {draw.time()}",
            f"Greetings from {draw.city()}",
        )
    )
    request = draw.phrase(
        (
            *[
                'Send an email to {a} saying "{t}".',
                'Write to {a}: "{t}".',
                "Email {a}: {t}",
                'Send "{t}" to {a}.',
                'Please email {a} with the text "{t}".',
                "Mail to {a}: {t}",
                'Tell {a} by mail: "{t}".',
                'Can you email "{t}" to {a}?',
            ],
            *['Send a mail to {a} with "{t}".', 'I want to write "{t}" to {a}.', 'E-mail {a} the words "{t}".', 'Drop {a} a mail: "{t}".'],
        )
    ).format(a=address, t=text)
    arguments: dict[str, Any] = {to: address, body: text}
    if "subject" in made.parameters and draw.chance(0.5):
        subject = draw.one((f"{draw.thing()}", f"{draw.invented()}", "Meeting", "News")).capitalize()
        arguments = {to: address, "subject": subject, body: text}
        request += draw.one((f' Subject: "{subject}".', f' The subject is "{subject}".', f' Use the subject "{subject}".'))
    vague = (draw.one((f'Send an email saying "{text}".', f'Email this: "{text}".')), to)
    return Offer(
        made,
        Use(request, arguments, draw.one(({"status": "sent"}, "sent", {"sent": True})), f"The email to {address} was sent.", vague),
        "email",
    )


def _reminder(draw: Draw) -> Offer:
    what, when = draw.one((("text", "time"), ("message", "when"), ("task", "date"), ("title", "time")))
    made = _tool(
        draw,
        ("set_reminder", "remind", "create_reminder", "reminder.add", "add_task"),
        ("Set a reminder.", "Reminds the user of something.", "Create a reminder."),
        {what: "string", when: "string"},
    )
    moment = draw.one((draw.time(), draw.date(), draw.one(words.DAYS)))
    task = draw.one(
        (
            f"call {draw.first_name()}",
            f"buy a {draw.thing()}",
            f"pay {draw.company()}",
            f"clean the {draw.entity(words.ROOMS)}",
            f"write to {draw.first_name()}",
        )
    )
    request = draw.phrase(
        (
            *[
                "Remind me to {t}. Time: {w}.",
                "Set a reminder to {t} for {w}.",
                "Set a reminder for {w}: {t}.",
                "Reminder for {w}: {t}",
                "I have to {t} ({w}), remind me.",
                "Please remind me: {t}, {w}.",
                "Create a reminder to {t} for {w}.",
            ],
            *[
                "Do not let me forget to {t} ({w}).",
                "Add a reminder for {w} to {t}.",
                "Reminder: {t}, {w}",
                "For {w}, remind me to {t}.",
                "Note for {w}: {t}.",
            ],
        )
    ).format(t=task, w=moment)
    vague = (draw.one((f"Remind me to {task}.", f"Set a reminder to {task}.")), when)
    return Offer(
        made,
        Use(
            request,
            {what: task, when: moment},
            draw.one(({"status": "ok"}, "ok", {"created": True})),
            f"I will remind you to {task}.",
            vague,
        ),
        "reminder",
    )


def _translate(draw: Draw) -> Offer:
    text_key, target = draw.one((("text", "language"), ("text", "target_language"), ("phrase", "to")))
    made = _tool(
        draw,
        ("translate", "translate_text", "translator", "text.translate"),
        ("Translate a text.", "Translates text into another language."),
        {text_key: "string", target: "string"},
    )
    text = draw.one(
        (
            f"the {draw.one(words.COLORS)} {draw.thing()}",
            "good morning",
            f"I like {draw.entity(words.FOODS)}",
            f"where is the {draw.entity(words.ROOMS)}",
            "thank you",
            f"my {draw.thing()} is old",
        )
    )
    language, result = draw.one(words.LANGUAGES), f"{draw.invented()} {draw.invented()}"
    request = draw.phrase(
        (
            *[
                'Translate "{t}" into {l}.',
                'How do you say "{t}" in {l}?',
                'What is "{t}" in {l}?',
                'Please translate "{t}" to {l}.',
                "Translate to {l}: {t}",
                'Say "{t}" in {l}.',
                'I need "{t}" in {l}.',
                'Give me "{t}" in {l}.',
            ],
            *['"{t}" in {l}?', "Into {l}, please: {t}", 'What does "{t}" mean in {l}?', 'Can you translate "{t}" into {l}?'],
        )
    ).format(t=text, l=language)
    vague = (draw.one((f'Translate "{text}".', f'Please translate "{text}".')), target)
    return Offer(
        made,
        Use(
            request,
            {text_key: text, target: language},
            draw.one((result, {"translation": result})),
            f'"{text}" in {language} is "{result}".',
            vague,
        ),
        "translate",
    )


def _stock(draw: Draw) -> Offer:
    key = draw.one(("company", "symbol", "ticker", "name"))
    made = _tool(
        draw,
        ("get_stock_price", "stock_price", "stocks.get", "quote"),
        ("Get the price of a stock.", "Stock price of a company."),
        {key: "string"},
    )
    firm, other, price, price2 = draw.company(), draw.company(), draw.number(1, 900), draw.number(1, 900)
    request = draw.phrase(
        (
            *[
                "What is the stock price of {k}?",
                "How much is a share of {k}?",
                "Stock price of {k}?",
                "Get the price of {k} stock.",
                "How is {k} doing on the stock market?",
                "Check the shares of {k}.",
                "What does a share of {k} cost?",
            ],
            *[
                "Show me the stock of {k}.",
                "Price of {k} shares, please.",
                "Look up the stock price of {k}.",
                "What is {k} trading at?",
                "Tell me the share price of {k}.",
            ],
        )
    ).format(k=firm)
    vague = (draw.one(("What is the stock price?", "Get the share price.", "Check the stock market for me.")), key)
    again = (
        draw.one((f"And {other}?", f"What about {other}?", f"And of {other}?")),
        {key: other},
        {"price": price2},
        f"{other} is at ${price2}.",
    )
    return Offer(made, Use(request, {key: firm}, {"price": price}, f"{firm} is at ${price}.", vague, again), "stock")


def _customer(draw: Draw) -> Offer:
    key = draw.one(("name", "customer", "customer_name", "person"))
    what = draw.one(("email", "phone", "city", "age", "address"))
    made = _tool(
        draw,
        (f"get_{what}", f"{what}_lookup", f"find_{what}", f"contacts.{what}"),
        (f"Get the {what} of a person.", f"Look up somebody's {what}."),
        {key: "string"},
    )
    who = draw.person()
    makers: dict[str, Callable[[], Any]] = {
        "email": draw.email,
        "phone": draw.phone,
        "city": draw.city,
        "age": lambda: draw.number(5, 95),
        "address": lambda: f"{draw.number(1, 99)} {draw.last_name()} Street",
    }
    value = makers[what]()
    request = draw.phrase(
        (
            "What is the {w} of {p}?",
            "Find the {w} of {p}.",
            "Tell me the {w} of {p}.",
            "I need the {w} of {p}.",
            "Look up the {w} of {p}.",
            "Give me the {w} of {p}, please.",
        )
    ).format(w=what, p=who)
    vague = (draw.one((f"What is the {what}?", f"Find the {what}.")), key)
    return Offer(made, Use(request, {key: who}, draw.one(({what: value}, str(value))), f"The {what} of {who} is {value}.", vague), what)


def _sum_list(draw: Draw) -> Offer:
    action, verb = draw.one((("sum", "Add"), ("average", "Give the average of"), ("max", "Give the largest of"), ("sort", "Sort")))
    made = _tool(
        draw,
        (f"{action}_numbers", f"list.{action}", f"{action}_list"),
        (f"{verb} all numbers of a list.",),
        {draw.one(("numbers", "values")): "array"},
    )
    numbers = [draw.number(0, 200) for _ in range(draw.number(3, 6))]
    value: Any = {"sum": sum(numbers), "average": round(sum(numbers) / len(numbers)), "max": max(numbers), "sort": sorted(numbers)}[action]
    shown = value if action != "sort" else ", ".join(map(str, value))
    said = f"The result is {shown}."
    text = listing(draw, [str(number) for number in numbers])
    request = draw.one((f"{verb} {text}.", f"{verb} the numbers {text}.", f"Please: {verb[0].lower()}{verb[1:]} {text}."))
    return Offer(made, Use(request, {next(iter(made.parameters)): numbers}, {"result": value}, said), "calculator")


def _switch(draw: Draw) -> Offer:
    device, room = draw.one(("light", "heating", "fan", "television", "radio", "alarm")), draw.entity(words.ROOMS)
    on = draw.chance(0.5)
    style = draw.one(("state", "on"))
    made = _tool(
        draw,
        (f"set_{device}", f"switch_{device}", f"{device}.set", f"control_{device}"),
        (f"Turn the {device} of a room on or off.", f"Switch a {device}."),
        {"room": "string", style: "string" if style == "state" else "boolean"},
    )
    word = "on" if on else "off"
    request = draw.one(
        (
            f"Turn {word} the {device} in the {room}.",
            f"Switch the {device} in the {room} {word}.",
            f"{device.capitalize()} in the {room} {word}, please.",
            f"Please turn the {device} {word} in the {room}.",
        )
    )
    vague = (f"Turn the {device} {word}.", "room")
    return Offer(
        made,
        Use(
            request,
            {"room": room, style: word if style == "state" else on},
            draw.one(("ok", {"ok": True})),
            f"The {device} in the {room} is {word}.",
            vague,
        ),
        f"switch {device}",
    )


_VERBS = (
    "get",
    "find",
    "count",
    "check",
    "make",
    "open",
    "close",
    "book",
    "delete",
    "create",
    "start",
    "stop",
    "print",
    "measure",
    "list",
    "load",
    "show",
    "run",
    "fetch",
    "read",
)


def _unknown(draw: Draw) -> Offer:
    """A tool for things that do not exist: only its name and description say what it does."""
    verb, noun, key = (
        draw.one(_VERBS),
        draw.invented(),
        draw.invented() if draw.chance(0.6) else draw.one(("name", "id", "size", "color", "count", "target", "level", "path")),
    )
    kind = draw.one(("string", "string", "string", "integer", "boolean"))
    makers: dict[str, Callable[[], Any]] = {
        "string": lambda: draw.one((draw.invented(), draw.first_name(), draw.order_number(), draw.thing())),
        "integer": lambda: draw.number(0, 999),
        "boolean": lambda: draw.chance(0.5),
    }
    value = makers[kind]()
    parameters = {key: kind}
    arguments = {key: value}
    shown = str(value).lower() if isinstance(value, bool) else value
    request = draw.phrase(
        (
            *[
                "{V} the {n} with {k} {v}.",
                "{V} {n}, {k} is {v}.",
                "Please {w} the {n} with {k} {v}.",
                "Can you {w} a {n}? The {k} is {v}.",
                "{V} a {n} with the {k} {v}.",
                "I want to {w} the {n}. {k}: {v}",
            ],
            *[
                "{V} the {n} ({k}: {v}).",
                "{V} {n} {k}={v}",
                "Use {k} {v} and {w} the {n}.",
                "Now {w} the {n} with {k} {v}.",
                "I need you to {w} the {n} with {k} {v}.",
                "Would you {w} the {n} with the {k} {v}?",
            ],
        )
    ).format(V=verb.capitalize(), w=verb, n=noun, k=key, v=shown)
    optional: tuple[str, ...] = ()
    if draw.chance(0.35):
        extra = draw.invented()
        parameters[extra], optional = "string", (extra,)
        if draw.chance(0.5):
            arguments[extra] = draw.invented()
            request = request.rstrip(".") + draw.one((f", {extra} {arguments[extra]}.", f" and {extra} {arguments[extra]}."))
    name = draw.one((f"{verb}_{noun}", f"{verb}_{noun}", f"{noun}.{verb}", f"{verb}{noun.capitalize()}", f"{noun}_{verb}"))
    made = Tool(
        name,
        draw.one((f"{verb.capitalize()} {article(noun)}.", f"{verb.capitalize()} the {noun}.", f"{verb.capitalize()}s {noun}s.")),
        parameters,
        frozenset(optional),
    )
    outcome, thing = draw.invented(), draw.one(("result", draw.invented(), "value", "answer"))
    amount = draw.one((outcome, str(draw.number(0, 999))))
    result: Any = {thing: int(amount) if amount.isdigit() else amount}
    said = f"The {thing} is {amount}."
    if draw.chance(0.3):
        said = result = f"The {noun} {draw.one(('is ready', 'was found', 'is open', 'has changed', 'is done'))}."
    vague = (f"{verb.capitalize()} the {noun}.", key)
    return Offer(made, Use(request, arguments, result, said, vague), f"{verb} {noun}")


_KNOWN: tuple[Callable[[Draw], Offer], ...] = (
    *[
        _weather,
        _weather,
        _calculator,
        _calculator,
        _add,
        _time,
        _search,
        _order,
        _convert,
        _email,
        _reminder,
        _translate,
        _stock,
        _customer,
    ],
    *[_sum_list, _switch],
)

_SYSTEMS = (
    *[
        "You are a helpful assistant.",
        "You can use tools.",
        "Use the tools to answer.",
        "You are an agent with tools.",
        "Call a tool when it is needed.",
        "You are a helpful assistant with access to functions.",
    ],
    *["Be brief.", "You are part of a workflow. Use the tools.", "Answer with the help of the tools.", "Use a tool if one fits."],
)
_TALK = (
    ("Hello!", "Hello! How can I help you?"),
    ("Hi!", "Hello! How can I help you?"),
    ("Hey there", "Hello! How can I help you?"),
    ("Good morning!", "Hello! How can I help you?"),
    ("Thank you!", "You're welcome!"),
    ("Thanks!", "You're welcome!"),
    ("Thanks a lot.", "You're welcome!"),
    ("Bye!", "Goodbye!"),
    ("Goodbye.", "Goodbye!"),
)


def _shown(result: Any) -> str:
    return result if isinstance(result, str) else dumps(result)


def _offers(draw: Draw, count: int, *, without: str = "") -> list[Offer]:
    """Tools of different kinds and names, none of the kind ``without``."""
    offers: list[Offer] = []
    while len(offers) < count:
        offer = _unknown(draw) if draw.chance(0.3) else draw.one(_KNOWN)(draw)
        if offer.family != without and all(offer.family != other.family and offer.tool.name != other.tool.name for other in offers):
            offers.append(offer)
    return offers


def _opening(draw: Draw) -> list[Turn]:
    return [system(draw.one(_SYSTEMS))] if draw.chance(0.4) else []


def _chat(turns: list[Turn], offers: list[Offer], kind: str) -> Chat:
    return Chat(tuple(turns), NAME, kind, tuple(offer.tool for offer in offers))


def _call(draw: Draw) -> Chat:
    """Request, call, result and answer; often another request afterwards."""
    offers = _offers(draw, draw.one((1, 2, 2, 3, 3, 4, 5)))
    offer = draw.one(offers)
    use, name = offer.use, offer.tool.name
    turns = [*_opening(draw), user(use.request), assistant("", ToolCall(name, use.arguments))]
    if draw.chance(0.85):
        turns += [tool(_shown(use.result)), assistant(use.answer)]
        if use.again and draw.chance(0.35):
            request, arguments, result, answer = use.again
            turns += [user(request), assistant("", ToolCall(name, arguments)), tool(_shown(result)), assistant(answer)]
        elif len(offers) > 1 and draw.chance(0.4):
            other = draw.one([one for one in offers if one is not offer])
            turns += [user(other.use.request), assistant("", ToolCall(other.tool.name, other.use.arguments))]
            turns += [tool(_shown(other.use.result)), assistant(other.use.answer)]
        elif draw.chance(0.08):
            turns += [user("Thanks!"), assistant("You're welcome!")]
    return _chat(turns, offers, "call")


def _absent(draw: Draw) -> Chat:
    """A request for which none of the tools is there."""
    wanted = draw.one(_KNOWN)(draw) if draw.chance(0.75) else _unknown(draw)
    # A search would find something about nearly everything, so it is not beside a request that nothing fits.
    offers = [offer for offer in _offers(draw, draw.number(2, 5), without=wanted.family) if offer.family != "search"]
    return _chat([*_opening(draw), user(wanted.use.request), assistant(NO_TOOL)], offers, "no tool")


def _vague(draw: Draw) -> Chat:
    """A request that leaves a needed argument out: it is asked for, then the call is made."""
    while True:
        offers = _offers(draw, draw.one((1, 2, 3)))
        fitting = [offer for offer in offers if offer.use.vague]
        if fitting:
            break
    offer = draw.one(fitting)
    use = offer.use
    request, missing = use.vague or ("", "")
    turns = [*_opening(draw), user(request), assistant(f"Please tell me the {missing.replace('_', ' ')}.")]
    return _chat(turns, offers, "missing argument")


def _both(draw: Draw) -> Chat:
    """Two calls, one after the other, for one request about two things."""
    offer = draw.one((_weather, _time, _stock, _calculator))(draw)
    use = offer.use
    if not use.again:
        return _call(draw)
    key = next(iter(use.arguments))
    _, arguments, result, answer = use.again
    first, second = use.arguments[key], arguments[key]
    what = {
        "weather": (
            "How is the weather in {a} and in {b}?",
            "Compare the weather in {a} and {b}.",
            "Weather in {a} and {b}?",
            "Tell me the weather in {a} and also in {b}.",
        ),
        "time": ("What time is it in {a} and in {b}?", "Tell me the time in {a} and in {b}.", "Time in {a} and {b}?"),
        "stock": (
            "What are the stock prices of {a} and {b}?",
            "How much are shares of {a} and of {b}?",
            "Stock prices of {a} and {b}, please.",
        ),
        "calculator": ("Calculate {a} and {b}.", "What is {a}, and what is {b}?", "First {a}, then {b}."),
    }[offer.family]
    others = _offers(draw, draw.number(0, 3), without=offer.family)
    name = offer.tool.name
    turns = [
        *_opening(draw),
        user(draw.one(what).format(a=first, b=second)),
        assistant("", ToolCall(name, use.arguments)),
        tool(_shown(use.result)),
    ]
    turns += [assistant("", ToolCall(name, arguments)), tool(_shown(result)), assistant(f"{use.answer} {answer}")]
    return _chat(turns, draw.shuffled([offer, *(other for other in others if other.tool.name != name)]), "two calls")


_FAULTS = (
    "not found",
    "timeout",
    "no connection",
    "permission denied",
    "invalid value",
    "service unavailable",
    "too many requests",
    "unknown name",
)


def _failed(draw: Draw) -> Chat:
    """The tool's result is an error, which the answer says."""
    offers = _offers(draw, draw.number(1, 3))
    offer = draw.one(offers)
    fault = draw.one(_FAULTS) if draw.chance(0.7) else f"{draw.invented()} not found"
    turns = [*_opening(draw), user(offer.use.request), assistant("", ToolCall(offer.tool.name, offer.use.arguments))]
    turns += [tool(dumps({"error": fault}) if draw.chance(0.8) else f"error: {fault}"), assistant(f"The tool failed: {fault}.")]
    return _chat(turns, offers, "error")


def _talk(draw: Draw) -> Chat:
    """Small talk although tools are there: no call."""
    said, answer = draw.one(_TALK)
    return _chat([*_opening(draw), user(said), assistant(answer, graded=False)], _offers(draw, draw.number(1, 4)), "talk")


_KINDS = (*[_call] * 11, *[_absent] * 8, *[_vague] * 2, *[_both] * 2, _failed, _talk)


def chat(draw: Draw) -> Chat:
    """A request with tools at hand, up to the answer."""
    return draw.one(_KINDS)(draw)
