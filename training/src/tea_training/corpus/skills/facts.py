"""What the model knows by heart – countries, the calendar, a few dozen everyday facts – and that it knows nothing else.

A fact cannot be guessed, so training sees all of them; held out are pairs of a fact and a wording.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant, system, user
from tea_training.corpus.prose import PLURALS, article, capital, dumps, plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw
    from tea_training.corpus.words import Country

NAME = "facts"

UNKNOWN: Final = "I'm a tiny demo model and I don't know that."
"""The one answer to everything outside the model's world."""

Style = Literal["plain", "bare", "json"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A question with its answer as a sentence and as short as can be; ``later`` asks the same of another subject."""

    kind: str
    question: str
    sentence: str
    bare: str
    later: str = ""


ONE_WORD: Final = (
    "Answer in one word.",
    "Respond with only the answer.",
    "One word only.",
    "Answer with one word.",
    "Just the answer.",
    "Reply with only the answer, nothing else.",
    "Only the answer, please.",
    "Give just the answer.",
    "Answer briefly.",
    "Respond with one word.",
    "Reply in one word.",
    "Keep it short.",
    "Just the name.",
    "Answer with just the answer.",
    "No explanation.",
    "Respond with only one word.",
    "Return only the answer.",
    "Output only the answer.",
    "Short answer please.",
    "Use one word.",
    "Please answer in a single word.",
    "Be brief.",
    "Don't explain, just answer.",
    "Say only the answer.",
)
_ONLY_NAMED: Final = (
    "Respond with only the {t} name.",
    "Answer with only the {t}.",
    "Only the {t}.",
    "Just the {t} name, please.",
    "Reply with just the {t}.",
    "Give only the name of the {t}.",
    "Respond with just the {t} name.",
    "Output only the {t} name.",
    "Please respond with only the {t}.",
    "Just say the {t}.",
    "Answer with the {t} name only.",
    "Return only the {t} name.",
)
SHORT_SYSTEM: Final = (
    "Answer in one word.",
    "You answer in one word.",
    "Always answer with one word.",
    "You are a helpful assistant. Answer in one word.",
    "Give short answers, only the answer itself.",
    "Reply with only the answer.",
    "Respond with the answer only, no sentence.",
    "Be brief. Answer with a single word.",
    "You are a quiz bot. Reply with just the answer.",
    "Answer as briefly as possible.",
    "Keep answers to one word.",
    "Answer every question with one word.",
)
JSON_SYSTEM: Final = (
    'Answer in JSON like {"answer": "..."}.',
    'Reply with JSON only: {"answer": ...}',
    'Respond in JSON with the key "answer".',
    'You are an API. Return {"answer": "<answer>"} and nothing else.',
    'Always respond as JSON: {"answer": "your answer"}',
    'Answer with a JSON object that has one key, "answer".',
    'Give the answer as JSON with the key "answer".',
    'Output only JSON: {"answer": "..."}.',
    "Return a JSON object with the field answer.",
    'Reply as JSON {"answer": "..."} only.',
    "Your output is JSON with one key: answer.",
    "Write the answer as a JSON object with the key answer.",
)

_CAPITAL_OF: Final = (
    "What is the capital of {c}?",
    "What's the capital of {c}?",
    "Name the capital of {c}.",
    "Which city is the capital of {c}?",
    "Tell me the capital of {c}.",
    "What is the capital city of {c}?",
    "capital of {c}",
    "What city is the capital of {c}?",
    "Can you tell me the capital of {c}?",
    "Do you know the capital of {c}?",
    "The capital of {c} is?",
    "{c}: what is its capital?",
    "Give me the capital of {c}.",
    "I need the capital of {c}.",
    "what is the capital of {c}",
    "Which city is {c}'s capital?",
    "What is {c}'s capital?",
    "What's the capital city of {c}?",
    "Capital of {c}?",
    "Please name the capital of {c}.",
    "Say the capital of {c}.",
    "Where is the government of {c}? I mean the capital.",
    "Question: What is the capital of {c}?",
    "Which is the capital of {c}?",
    "Could you tell me what the capital of {c} is?",
    "Quick quiz: the capital of {c}?",
    "whats the capital of {c}?",
    "Return the capital of {c}.",
    "State the capital of {c}.",
    "What do we call the capital of {c}?",
    "Find the capital of {c}.",
    "What would be the capital of {c}?",
    "I forgot the capital of {c}. What is it?",
    "Answer this: what is the capital of {c}?",
    "Write the capital of {c}.",
    "Country: {c}. Capital?",
)
_CAPITAL_LATER: Final = (
    "And what is the capital of {c}?",
    "And {c}?",
    "And of {c}?",
    "What about {c}?",
    "And the capital of {c}?",
    "How about {c}?",
    "And for {c}?",
    "Now {c}.",
)
_COUNTRY_OF: Final = (
    "Which country has the capital {v}?",
    "{v} is the capital of which country?",
    "What country is {v} the capital of?",
    "Of which country is {v} the capital?",
    "Which country's capital is {v}?",
    "In which country is {v}?",
    "{v} is the capital of what country?",
    "Name the country whose capital is {v}.",
    "What country has {v} as its capital?",
    "Where is {v}? Name the country.",
    "Which country does {v} belong to?",
    "In what country is the city of {v}?",
    "Tell me the country with the capital {v}.",
    "What country is {v} in?",
    "Which country is {v} in?",
    "{v} is in which country?",
    "Capital {v}: which country?",
    "Find the country whose capital is {v}.",
)
_CONTINENT: Final = (
    "On which continent is {c}?",
    "Which continent is {c} in?",
    "What continent is {c} on?",
    "In which continent is {c}?",
    "What continent is {c} in?",
    "Name the continent of {c}.",
    "Where is {c}? Name the continent.",
    "{c} is on which continent?",
    "To which continent does {c} belong?",
    "What is the continent of {c}?",
    "Tell me the continent of {c}.",
    "On what continent is {c} located?",
    "Which continent does {c} belong to?",
    "Where in the world is {c}?",
    "{c}: which continent?",
    "Can you tell me on which continent {c} is?",
    "which continent is {c} on",
    "What part of the world is {c} in?",
)
_LANGUAGE: Final = (
    "Which language is spoken in {c}?",
    "What language do people speak in {c}?",
    "What language is spoken in {c}?",
    "What is the language of {c}?",
    "What is the main language of {c}?",
    "What language do they speak in {c}?",
    "Name the language of {c}.",
    "Which language do people in {c} speak?",
    "What is the official language of {c}?",
    "Tell me the language of {c}.",
    "In {c}, what language do people speak?",
    "Which language do they speak in {c}?",
    "What's the language in {c}?",
    "What do people speak in {c}?",
    "{c}: which language?",
    "I travel to {c}. Which language do they speak there?",
    "what language is spoken in {c}",
    "Do you know the language of {c}?",
)
_CURRENCY: Final = (
    "What is the currency of {c}?",
    "Which currency is used in {c}?",
    "What money do they use in {c}?",
    "What currency does {c} use?",
    "What's the currency of {c}?",
    "Name the currency of {c}.",
    "Which currency does {c} have?",
    "With what currency do people pay in {c}?",
    "Tell me the currency of {c}.",
    "What is the money of {c} called?",
    "Which money is used in {c}?",
    "In {c}, what is the currency?",
    "what currency is used in {c}",
    "{c}: which currency?",
    "What currency do I need in {c}?",
    "I travel to {c}. Which currency do I need?",
    "How do people pay in {c}? Name the currency.",
    "Do you know the currency of {c}?",
)
_IS_CAPITAL: Final = (
    "Is {v} the capital of {c}?",
    "True or false: {v} is the capital of {c}.",
    "Is it true that {v} is the capital of {c}?",
    "{v} is the capital of {c}. True or false?",
    "Is the capital of {c} {v}?",
    "Yes or no: is {v} the capital of {c}?",
    "is {v} the capital of {c}",
    "{v} is the capital of {c}. Is that true?",
    "Is the statement true or false? {v} is the capital of {c}.",
    "Am I right that {v} is the capital of {c}?",
    "Would you say {v} is the capital of {c}?",
    "Check this: {v} is the capital of {c}. Yes or no?",
)
_IS_ON: Final = (
    "Is {c} in {v}?",
    "True or false: {c} is in {v}.",
    "Is it true that {c} is in {v}?",
    "{c} is in {v}. True or false?",
    "Yes or no: is {c} in {v}?",
    "Is {c} a country in {v}?",
)

_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ORDINALS: Final = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth")
_OPPOSITES: Final = tuple(
    pair.split("/")
    for pair in [
        "hot/cold",
        "big/small",
        "up/down",
        "day/night",
        "fast/slow",
        "happy/sad",
        "open/closed",
        "light/dark",
        "old/young",
        "full/empty",
        "rich/poor",
        "high/low",
        "long/short",
        "left/right",
        "early/late",
        "hard/soft",
        "clean/dirty",
        "wet/dry",
        "strong/weak",
        "good/bad",
        "true/false",
        "near/far",
        "loud/quiet",
        "inside/outside",
        "first/last",
        "thick/thin",
        "black/white",
        "before/after",
        "buy/sell",
        "win/lose",
        "push/pull",
        "always/never",
        "easy/difficult",
        "cheap/expensive",
        "heavy/light",
        "love/hate",
        "front/back",
        "start/stop",
        "yes/no",
        "summer/winter",
        "north/south",
        "east/west",
        "alive/dead",
        "wide/narrow",
    ]
)
_COUNTS: Final = tuple(
    line.split("|")
    for line in (
        "days|in a week|7",
        "months|in a year|12",
        "hours|in a day|24",
        "minutes|in an hour|60",
        "seconds|in a minute|60",
        "days|in a year|365",
        "weeks|in a year|52",
        "seasons|in a year|4",
        "days|in a weekend|2",
        "years|in a decade|10",
        "years|in a century|100",
        "items|in a dozen|12",
        "meters|in a kilometer|1000",
        "centimeters|in a meter|100",
        "grams|in a kilogram|1000",
        "letters|in the English alphabet|26",
        "planets|in the solar system|8",
        "sides|in a triangle|3",
        "sides|in a square|4",
        "sides|in a hexagon|6",
        "degrees|in a right angle|90",
        "colors|in a rainbow|7",
        "cents|in a dollar|100",
        "bits|in a byte|8",
        "players|in a football team|11",
        "strings|on a violin|4",
        "wheels|on a bicycle|2",
        "wheels|on a car|4",
        "fingers|on a hand|5",
        "continents|on Earth|7",
    )
)
_LEGS: Final = (
    *[("dog", 4), ("cat", 4), ("horse", 4), ("cow", 4), ("spider", 8), ("bird", 2), ("duck", 2), ("ant", 6), ("bee", 6), ("snake", 0)],
    *[("fish", 0), ("insect", 6), ("rabbit", 4), ("sheep", 4), ("owl", 2), ("lion", 4), ("human", 2), ("crab", 10), ("octopus", 8)],
)
_TINTS: Final = (
    *[("the sky", "blue"), ("grass", "green"), ("snow", "white"), ("a banana", "yellow"), ("coal", "black"), ("blood", "red")],
    *[("a lemon", "yellow"), ("milk", "white"), ("the sun", "yellow"), ("chocolate", "brown"), ("a strawberry", "red")],
    *[("a leaf", "green"), ("the sea", "blue"), ("an orange", "orange"), ("a carrot", "orange"), ("a frog", "green"), ("a tomato", "red")],
    *[("a flamingo", "pink"), ("a crow", "black"), ("a cherry", "red"), ("a lime", "green"), ("salt", "white"), ("an elephant", "gray")],
)
_SOUNDS: Final = (
    *[
        ("dog", "woof"),
        ("cat", "meow"),
        ("cow", "moo"),
        ("duck", "quack"),
        ("sheep", "baa"),
        ("pig", "oink"),
        ("lion", "roar"),
        ("bee", "buzz"),
    ],
    *[("snake", "hiss"), ("owl", "hoot"), ("horse", "neigh"), ("mouse", "squeak")],
)
_YOUNG: Final = (
    *[("dog", "puppy"), ("cat", "kitten"), ("cow", "calf"), ("horse", "foal"), ("sheep", "lamb"), ("lion", "cub"), ("duck", "duckling")],
    *[("hen", "chick"), ("pig", "piglet"), ("frog", "tadpole"), ("goat", "kid"), ("deer", "fawn"), ("kangaroo", "joey")],
)
_SINGLE: Final = tuple(
    line.split("|")
    for line in (
        "What is the largest planet?|Jupiter|The largest planet is Jupiter.",
        "What is the smallest planet?|Mercury|The smallest planet is Mercury.",
        "What is the largest ocean?|Pacific|The largest ocean is the Pacific.",
        "What is the tallest mountain?|Everest|The tallest mountain is Mount Everest.",
        "What is the chemical formula of water?|H2O|The chemical formula of water is H2O.",
        "What is the chemical symbol for gold?|Au|The chemical symbol for gold is Au.",
        "What is the chemical symbol for oxygen?|O|The chemical symbol for oxygen is O.",
        "At what temperature does water boil in Celsius?|100|Water boils at 100 degrees Celsius.",
        "At what temperature does water freeze in Celsius?|0|Water freezes at 0 degrees Celsius.",
        "Who wrote Hamlet?|Shakespeare|Shakespeare wrote Hamlet.",
        "Who wrote Romeo and Juliet?|Shakespeare|Shakespeare wrote Romeo and Juliet.",
        "Who painted the Mona Lisa?|Leonardo|Leonardo painted the Mona Lisa.",
        "Who was the first person on the Moon?|Armstrong|Armstrong was the first person on the Moon.",
        "Who wrote the first computer program?|Lovelace|Lovelace wrote the first computer program.",
        "What planet do we live on?|Earth|We live on Earth.",
        "Which planet is called the red planet?|Mars|Mars is called the red planet.",
        "What do bees make?|honey|Bees make honey.",
        "What do cows give us?|milk|Cows give us milk.",
        "What is the closest star to Earth?|Sun|The closest star to Earth is the Sun.",
        "What is the largest animal?|whale|The largest animal is the whale.",
        "What is the tallest animal?|giraffe|The tallest animal is the giraffe.",
        "What is the fastest land animal?|cheetah|The fastest land animal is the cheetah.",
        "What is frozen water called?|ice|Frozen water is called ice.",
        "Is the Earth flat?|No|No, the Earth is round.",
        "Is the Earth round?|Yes|Yes, the Earth is round.",
        "Is ice cold?|Yes|Yes, ice is cold.",
        "Is fire cold?|No|No, fire is hot.",
        "Can fish fly?|No|No, fish swim.",
        "Can birds fly?|Yes|Yes, birds can fly.",
        "Is water wet?|Yes|Yes, water is wet.",
        "Does the sun rise in the east?|Yes|Yes, the sun rises in the east.",
        "Where does the sun rise?|east|The sun rises in the east.",
        "Where does the sun set?|west|The sun sets in the west.",
        "Which season is the coldest?|winter|Winter is the coldest season.",
        "Which season is the warmest?|summer|Summer is the warmest season.",
        "Which season comes after winter?|spring|Spring comes after winter.",
        "Which season comes after summer?|autumn|Autumn comes after summer.",
        "Which color do you get when you mix blue and yellow?|green|Blue and yellow make green.",
        "Which color do you get when you mix red and yellow?|orange|Red and yellow make orange.",
        "Which color do you get when you mix red and white?|pink|Red and white make pink.",
        "What is Python?|language|Python is a programming language.",
        "What is Prolog?|language|Prolog is a logic programming language.",
        "What is Lua?|language|Lua is a small programming language.",
        "What is YAML?|format|YAML is a text format for data that people can read.",
        "What is JSON?|format|JSON is a text format for data.",
        "What is SQLite?|database|SQLite is a small database in one file.",
        "What is llama.cpp?|program|llama.cpp is a program that runs language models.",
        "What is GGUF?|format|GGUF is a file format for language models.",
        "What is a workflow?|steps|A workflow is a list of steps that run in order.",
        "What is an agent?|program|An agent is a program that works through steps, often with a language model.",
        "Name three colors.|red, green, blue|red, green, blue",
        "Name three fruits.|apple, banana, cherry|apple, banana, cherry",
        "Name three animals.|dog, cat, horse|dog, cat, horse",
        (
            "List the days of the week.|Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday|"
            "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"
        ),
        "List the four seasons.|spring, summer, autumn, winter|spring, summer, autumn, winter",
    )
)
_AROUND: Final = (
    "{q}",
    "{q}",
    "{q}",
    "Tell me: {q}",
    "Question: {q}",
    "{q} Do you know?",
    "I have a question. {q}",
    "Quick question: {q}",
    "Can you help me? {q}",
    "Please answer: {q}",
    "Hi, {q}",
    "Hello! {q}",
)

_UNKNOWN: Final = (
    "Who is {p}?",
    "Tell me about {p}.",
    "Who was {p}?",
    "When was {p} born?",
    "Where does {p} live?",
    "What did {p} invent?",
    "How old is {p}?",
    "What does {o} do?",
    "Who founded {o}?",
    "When was {o} founded?",
    "What is the stock price of {o}?",
    "Who is the CEO of {o}?",
    "What is the population of {t}?",
    "How many people live in {t}?",
    "What is the weather in {t}?",
    "Will it rain in {t} tomorrow?",
    "Who is the mayor of {t}?",
    "What is {w}?",
    "What does {w} mean?",
    "How does {w} work?",
    "Explain {w}.",
    "Why is {w} important?",
    "Describe the history of {k}.",
    "Who won the {k} award in {y}?",
    "What happened in {y}?",
    "Who won the world cup in {y}?",
    "What is the best {k} movie?",
    "Who is the president of {c}?",
    "Who is the king of {c}?",
    "What is the population of {c}?",
    "How big is {c}?",
    "What is the longest river in {c}?",
    "What is the highest mountain in {c}?",
    "Tell me about the history of {c}.",
    "What is the capital of {f}?",
    "What language is spoken in {f}?",
    "On which continent is {f}?",
    "What is the currency of {f}?",
    "What time is it?",
    "What is the date today?",
    "What day is it today?",
    "What is the latest news?",
    "How far is {t} from {c}?",
    "How tall is {p}?",
    "Why do {a} sleep?",
    "How long do {a} live?",
    "What is the meaning of life?",
    "How do I repair a {i}?",
    "What does a {i} cost?",
    "Where can I buy a {i}?",
    "Who invented the {i}?",
    "What is the theory behind {k}?",
    "What are the causes of {k}?",
    "Give me the phone number of {p}.",
    "What is the email address of {p}?",
    "What is the square root of {y}?",
    "Explain quantum physics.",
    "What is the melting point of {w}?",
    "Can you explain {k} to me?",
    "Who discovered {w}?",
    "Which team won yesterday?",
    "What will happen in {y}?",
    "How many stars are there?",
    "What is the distance to the moon?",
    'Who wrote "{p}"?',
    "Who sang the song about {k}?",
)


def _country(draw: Draw) -> Country:
    return draw.one(words.COUNTRIES)


def _about(draw: Draw, wordings: tuple[str, ...]) -> tuple[Country, str]:
    """A country and a question about it."""
    country, wording = _country(draw), draw.phrase(wordings)
    return country, capital(wording.format(c=country.in_text)) if wording[0] == "{" else wording.format(c=country.in_text)


def _capital(draw: Draw, wordings: tuple[str, ...] = _CAPITAL_OF) -> Fact:
    country, question = _about(draw, wordings)
    return Fact("capital", question, f"The capital of {country.in_text} is {country.capital}.", country.capital, "city")


def _capital_later(draw: Draw) -> Fact:
    return _capital(draw, _CAPITAL_LATER)


def _country_of(draw: Draw) -> Fact:
    country, wording = _country(draw), draw.phrase(_COUNTRY_OF)
    sentence = f"{country.capital} is the capital of {country.in_text}."
    return Fact("country", wording.format(v=country.capital), sentence, country.name, "country")


def _continent(draw: Draw) -> Fact:
    country, question = _about(draw, _CONTINENT)
    return Fact("continent", question, f"{capital(country.in_text)} is in {country.continent}.", country.continent, "continent")


def _language(draw: Draw) -> Fact:
    country, question = _about(draw, _LANGUAGE)
    return Fact("language", question, f"People in {country.in_text} speak {country.language}.", country.language, "language")


def _currency(draw: Draw) -> Fact:
    country, question = _about(draw, _CURRENCY)
    return Fact("currency", question, f"The currency of {country.in_text} is the {country.currency}.", country.currency, "currency")


def _truth(question: str, *, holds: bool, right: str) -> Fact:
    """A yes/no or true/false question; the sentence gives the reason."""
    if "rue or false" in question:
        return Fact("true or false", question, "True." if holds else f"False. {capital(right)}", "True" if holds else "False")
    return Fact("true or false", question, f"{'Yes' if holds else 'No'}, {right}", "Yes" if holds else "No")


def _is_capital(draw: Draw) -> Fact:
    holds, country, wording = draw.chance(0.5), _country(draw), draw.phrase(_IS_CAPITAL)
    shown = country.capital
    while not holds and shown == country.capital:
        shown = draw.one(words.CAPITALS)
    right = f"the capital of {country.in_text} is {country.capital}."
    return _truth(wording.format(v=shown, c=country.in_text), holds=holds, right=right)


def _is_on(draw: Draw) -> Fact:
    country, wording = _country(draw), draw.phrase(_IS_ON)
    shown = country.continent if draw.chance(0.5) else draw.one(words.CONTINENTS)
    right = f"{country.in_text} is in {country.continent}."
    return _truth(capital(wording.format(v=shown, c=country.in_text)), holds=shown == country.continent, right=right)


def _following(draw: Draw) -> Fact:
    """The day or month after or before another."""
    names = draw.one((words.DAYS, words.DAYS, words.MONTHS))
    unit = "day" if names is words.DAYS else "month"
    at = draw.number(0, len(names) - 1)
    after = draw.chance(0.6)
    name, answer = names[at], names[(at + (1 if after else -1)) % len(names)]
    where = "after" if after else "before"
    wordings = (
        "What {u} comes {w} {n}?",
        "Which {u} is {w} {n}?",
        "Which {u} comes {w} {n}?",
        "What {u} is {w} {n}?",
        "What comes {w} {n}?",
        "Name the {u} {w} {n}.",
        "Tell me the {u} {w} {n}.",
        "What is the {u} {w} {n}?",
        "{n}: which {u} comes {w} it?",
        "Which {u} comes directly {w} {n}?",
        "What {u} comes just {w} {n}?",
        "what comes {w} {n}",
    )
    question = draw.phrase(wordings).format(u=unit, w=where, n=name)
    return Fact("calendar", question, f"{answer} comes {where} {name}.", answer, unit)


def _tomorrow(draw: Draw) -> Fact:
    at, step = draw.number(0, 6), draw.one((1, 1, -1, 2))
    today, answer = words.DAYS[at], words.DAYS[(at + step) % 7]
    when = {1: "tomorrow", -1: "yesterday", 2: "the day after tomorrow"}[step]
    verb = "was" if step < 0 else "is"
    wordings = (
        "Today is {d}. What day {b} {w}?",
        "If today is {d}, what day {b} {w}?",
        "It is {d} today. Which day {b} {w}?",
        "If today is {d}, which day {b} {w}?",
        "When today is {d}, what {b} {w}?",
        "Today is {d}. Which day {b} {w}?",
    )
    question = draw.phrase(wordings).format(d=today, w=when, b=verb)
    return Fact("calendar", question, f"{capital(when)} {verb} {answer}.", answer, "day")


def _month(draw: Draw) -> Fact:
    at = draw.number(0, 11)
    name = words.MONTHS[at]
    if draw.chance(0.5):
        wordings = (
            "How many days does {m} have?",
            "How many days are in {m}?",
            "{m} has how many days?",
            "What is the number of days in {m}?",
            "How many days are there in {m}?",
            "How long is {m} in days?",
        )
        return Fact("calendar", draw.phrase(wordings).format(m=name), f"{name} has {_MONTH_DAYS[at]} days.", str(_MONTH_DAYS[at]))
    if draw.chance(0.5):
        ordered = (
            "What is the {o} month of the year?",
            "Which month is the {o} of the year?",
            "Name the {o} month.",
            "Which is the {o} month?",
        )
        ordinal = _ORDINALS[at] if at < 11 or draw.chance(0.5) else "last"
        question = draw.phrase(ordered).format(o=ordinal)
        return Fact("calendar", question, f"{name} is the {ordinal} month of the year.", name, "month")
    question = draw.phrase(("What number is the month {m}?", "Which month number is {m}?", "Give the number of the month {m}."))
    return Fact("calendar", question.format(m=name), f"{name} is month {at + 1}.", str(at + 1))


def _opposite(draw: Draw) -> Fact:
    one, other = draw.one(_OPPOSITES)
    if draw.chance(0.5) and one != "heavy":
        one, other = other, one
    other = {"light": "dark"}.get(one, other)
    wordings = (
        "What is the opposite of {w}?",
        "What's the opposite of {w}?",
        "Give me the opposite of {w}.",
        "Opposite of {w}?",
        "Name the opposite of {w}.",
        'What is the opposite of "{w}"?',
        "Which word is the opposite of {w}?",
        "What word means the opposite of {w}?",
        "Tell me the opposite of {w}.",
        "What is the antonym of {w}?",
        "If it is not {w}, it is what? Give the opposite.",
        "opposite of {w}",
    )
    return Fact("opposite", draw.phrase(wordings).format(w=one), f"The opposite of {one} is {other}.", other)


def _plural(draw: Draw) -> Fact:
    pool = draw.one((words.THINGS, words.ANIMALS, words.FRUITS, tuple(PLURALS)))
    noun = draw.invented() if draw.chance(0.15) else draw.entity(pool)
    wordings = (
        "What is the plural of {w}?",
        "What's the plural of {w}?",
        "Give me the plural of {w}.",
        "Plural of {w}?",
        'What is the plural of "{w}"?',
        "Name the plural of {w}.",
        "One {w}, two what?",
        "Write the plural of {w}.",
        "Tell me the plural of {w}.",
        "How do you say more than one {w}?",
        "Which word is the plural of {w}?",
        "plural of {w}",
    )
    return Fact("plural", draw.phrase(wordings).format(w=noun), f"The plural of {noun} is {plural(noun)}.", plural(noun))


def _count(draw: Draw) -> Fact:
    what, where, number = draw.one(_COUNTS)
    wordings = (
        "How many {o} are {w}?",
        "How many {o} are there {w}?",
        "Tell me how many {o} are {w}.",
        "What is the number of {o} {w}?",
        "Do you know how many {o} are {w}?",
        "how many {o} {w}",
    )
    question = draw.phrase(wordings).format(o=what, w=where)
    return Fact("count", question, f"There are {number} {what} {where}.", number)


def _legs(draw: Draw) -> Fact:
    animal, legs = draw.one(_LEGS)
    wordings = (
        "How many legs does {a} have?",
        "How many legs has {a}?",
        "What is the number of legs of {a}?",
        "Tell me how many legs {a} has.",
        "Count the legs of {a}.",
        "Do you know how many legs {a} has?",
    )
    named = article(animal)
    return Fact("count", draw.phrase(wordings).format(a=named), f"{capital(named)} has {legs} legs.", str(legs))


def _color(draw: Draw) -> Fact:
    thing, color = draw.one(_TINTS)
    wordings = (
        "What color is {t}?",
        "Which color is {t}?",
        "What is the color of {t}?",
        "Tell me the color of {t}.",
        "What colour is {t}?",
        "Which color does {t} have?",
        "Name the color of {t}.",
        "What color does {t} have?",
        "color of {t}",
        "Do you know the color of {t}?",
        "What's the color of {t}?",
        "Which colour is {t}?",
    )
    return Fact("color", draw.phrase(wordings).format(t=thing), f"{capital(thing)} is {color}.", color, "color")


def _animal(draw: Draw) -> Fact:
    if draw.chance(0.5):
        animal, sound = draw.one(_SOUNDS)
        wordings = (
            "What sound does {a} make?",
            "Which sound does {a} make?",
            "What does {a} say?",
            "What noise does {a} make?",
            "Tell me the sound of {a}.",
            "How does {a} sound?",
        )
        named = article(animal)
        return Fact("animal", draw.phrase(wordings).format(a=named), f"{capital(named)} says {sound}.", sound)
    animal, young = draw.one(_YOUNG)
    wordings = (
        "What is a young {a} called?",
        "What do you call a baby {a}?",
        "What is a baby {a} called?",
        "How is a young {a} called?",
        "Name the young of a {a}.",
        "What is the word for a baby {a}?",
    )
    return Fact("animal", draw.phrase(wordings).format(a=animal), f"A young {animal} is called a {young}.", young)


def _single(draw: Draw) -> Fact:
    (question, bare, sentence), wording = draw.one(_SINGLE), draw.phrase(_AROUND)
    return Fact("single", wording.format(q=question), sentence, bare)


def unknown_question(draw: Draw) -> str:
    """A question whose answer is outside the model's world."""
    return draw.phrase(_UNKNOWN).format(
        p=draw.person(),
        o=draw.company(),
        t=draw.city() if draw.chance(0.3) else draw.invented().capitalize(),
        w=draw.invented() if draw.chance(0.7) else draw.invented().capitalize(),
        k=draw.entity(words.TOPICS),
        y=draw.number(1901, 2060),
        c=_country(draw).in_text,
        f=draw.invented().capitalize(),
        a=plural(draw.entity(words.ANIMALS)),
        i=draw.thing(),
    )


def _unknown(draw: Draw) -> Fact:
    return Fact("unknown", unknown_question(draw), UNKNOWN, UNKNOWN)


_MAKERS: Final[tuple[tuple[Callable[[Draw], Fact], int], ...]] = (
    (_capital, 28),
    (_country_of, 7),
    (_continent, 6),
    (_language, 6),
    (_currency, 6),
    (_is_capital, 5),
    (_is_on, 2),
    (_following, 4),
    (_tomorrow, 2),
    (_month, 3),
    (_opposite, 4),
    (_plural, 3),
    (_count, 4),
    (_legs, 1),
    (_color, 3),
    (_animal, 2),
    (_single, 8),
    (_unknown, 12),
)
_MAKER: Final = tuple(maker for maker, weight in _MAKERS for _ in range(weight))
_KNOWING: Final = tuple(maker for maker in _MAKER if maker is not _unknown)


def fact(draw: Draw) -> Fact:
    """Any question of the model's world, or one from outside it; its words as a whole belong to this half."""
    if draw.one(_MAKER) is _unknown:
        return _unknown(draw)
    return draw.fresh(lambda: draw.one(_KNOWING)(draw), _words)


def _words(made: Fact) -> str:
    return made.question.lower()


def known(draw: Draw) -> Fact:
    """A question that the model can answer."""
    while True:
        if (made := fact(draw)).kind != "unknown":
            return made


def _bare_request(draw: Draw, made: Fact) -> str:
    if made.later and draw.chance(0.5):
        return draw.phrase(_ONLY_NAMED).format(t=made.later)
    return draw.phrase(ONE_WORD)


def _in_style(draw: Draw, made: Fact, style: Style) -> tuple[str, str]:
    if style == "plain":
        return made.question, made.sentence
    request = _bare_request(draw, made) if style == "bare" else draw.phrase(JSON_SYSTEM)
    answer = made.bare if style == "bare" else dumps({"answer": made.bare})
    if draw.chance(0.12):
        return f"{request} {made.question}", answer
    end = "" if made.question[-1] in ".?!" else "."
    return f"{made.question}{end}{draw.one((' ', ' ', ' ', chr(10)))}{request}", answer


def chat(draw: Draw) -> Chat:
    """One to three questions; the system prompt may ask for short answers or for JSON."""
    turns: list[Turn] = []
    share = draw.number(1, 100)
    ruled: Style = "bare" if share <= 12 else "json" if share <= 16 else "plain"
    if ruled != "plain":
        turns.append(system(draw.phrase(SHORT_SYSTEM if ruled == "bare" else JSON_SYSTEM)))
    kind, previous = "", ""
    for _ in range(draw.one((1, 1, 2, 3, 4, 6))):
        later = previous == "capital" and draw.chance(0.4)
        made = draw.fresh(lambda: _capital_later(draw), _words) if later else fact(draw)
        if ruled != "plain":
            question, answer = made.question, made.bare if ruled == "bare" else dumps({"answer": made.bare})
        else:
            share = draw.number(1, 100)
            question, answer = _in_style(draw, made, "bare" if share <= 35 else "json" if share <= 38 else "plain")
        turns += [user(question), assistant(answer)]
        kind, previous = kind or made.kind, made.kind
    return Chat(tuple(turns), NAME, kind)
