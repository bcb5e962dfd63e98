"""Greetings, what the model is, small requests about words, and honest refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant, system, user
from tea_training.corpus.prose import article, capital, dumps, sentence, word
from tea_training.corpus.skills import facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw

NAME = "talk"

IDENTITY: Final = "I am a tiny demo model built into The Edge Agent."
ABILITIES: Final = "I can do small sums, name capitals, sort texts, pull data out of a text and answer questions about it."
REFUSAL: Final = "I'm a tiny demo model and I can't do that."
"""The one answer to a task outside the model's world; to a question it is ``facts.UNKNOWN``."""

_HELLOS: Final = (
    *["Hello", "Hi", "Hey", "Good morning", "Good afternoon", "Good evening", "hello", "hi", "hey", "Hello there", "Hi there", "Greetings"],
    *[
        "Hello!",
        "Hi!",
        "Hey!",
        "Good morning!",
        "hello!",
        "Hi there!",
        "Hello, model.",
        "Hi bot",
        "Hello again",
        "Good day",
        "Howdy",
        "Welcome",
    ],
)
_THANKS: Final = (
    *["Thanks", "Thank you", "Thanks!", "Thank you!", "Thanks a lot", "Thank you very much", "thanks", "Many thanks", "Great, thanks"],
    *["Thanks for your help.", "Thank you for the answer.", "Perfect, thank you.", "Good job!", "Well done", "That helped, thanks.", "thx"],
    *["Nice, thank you.", "OK, thanks."],
)
_GOODBYES: Final = (
    *[
        "Bye",
        "Goodbye",
        "See you",
        "See you later",
        "bye",
        "Bye!",
        "Goodbye!",
        "Good night",
        "Have a nice day",
        "Take care",
        "Talk to you later",
    ],
    *["See you tomorrow", "I have to go now. Bye!", "That's all, goodbye.", "Bye bye", "Until next time", "Ciao", "See you soon!"],
)
_HOW_ARE_YOU: Final = (
    *["How are you?", "How are you doing?", "How are you today?", "how are you", "How is it going?", "How do you do?", "Are you well?"],
    *["Hello, how are you?", "Hi! How are you?", "What's up?", "How do you feel?", "Everything OK?", "How's your day?", "Are you OK?"],
    *["Hey, how is it going?", "How have you been?", "Good morning, how are you?", "Are you fine?"],
)
_WHO: Final = (
    *[
        "Who are you?",
        "What are you?",
        "What is your name?",
        "What's your name?",
        "Tell me about yourself.",
        "Introduce yourself.",
        "who are you",
    ],
    *[
        "What model are you?",
        "Which model are you?",
        "Which model is this?",
        "What kind of model are you?",
        "Are you a robot?",
        "Are you an AI?",
    ],
    *[
        "Are you a human?",
        "Am I talking to a human?",
        "Who am I talking to?",
        "Describe yourself.",
        "Say who you are.",
        "What should I call you?",
    ],
    *[
        "Are you ChatGPT?",
        "Are you GPT-4?",
        "Are you Claude?",
        "Are you Llama?",
        "Are you Gemini?",
        "Is this ChatGPT?",
        "Are you a large model?",
    ],
    *["Who made you?", "Who built you?", "Who created you?", "Where do you come from?", "Who trained you?", "How big are you?"],
    *[
        "What is this?",
        "Which LLM are you?",
        "Please introduce yourself.",
        "Do you have a name?",
        "Are you a language model?",
        "How smart are you?",
    ],
)
_WHAT_CAN_YOU: Final = (
    *["What can you do?", "How can you help me?", "What are you able to do?", "What are you good at?", "What are your skills?", "Help"],
    *["Can you help me?", "What do you know?", "What can I ask you?", "help", "What can you help me with?", "Tell me what you can do."],
    *[
        "I need help.",
        "Show me what you can do.",
        "What do you do?",
        "List your skills.",
        "What can I do with you?",
        "Which tasks can you do?",
    ],
)
_TASKS: Final = (
    "Write a poem about {k}.",
    "Write a story about {k}.",
    "Write an essay about {k}.",
    "Write a song about {k}.",
    "Tell me a joke.",
    "Tell me a joke about {k}.",
    "Write code that sorts a list.",
    "Write a Python function for {k}.",
    "Write a program about {k}.",
    "Translate {w} into French.",
    "Translate this to German: {s}",
    "Write a long article about {k}.",
    "Write a haiku about {k}.",
    "Create a business plan for {o}.",
    "Draw a picture of {i}.",
    "Write a letter to {p}.",
    "Compose a song for {p}.",
    "Write a report on {k}.",
    "Tell me a story.",
    "Tell me a story about {i}.",
    "Write a review of {o}.",
    "Plan a trip to {t}.",
    "Play a game with me.",
    "Write a speech about {k}.",
    "Book a flight to {t}.",
    "Order a pizza.",
    "Send an email to {p}.",
    "Open the browser.",
    "Search the web for {k}.",
    "Write a recipe for {f}.",
    "Give me a recipe for {f}.",
    "Design a logo for {o}.",
    "Write an advertisement for {o}.",
    "Fix the bug in my code.",
    "Explain step by step how to build {i}.",
    "Write a function that reverses a string.",
    "Make a plan for my week.",
    "Write a tweet about {k}.",
    "Write a product description for {i}.",
    "Generate an image of {i}.",
    "Write three paragraphs about {k}.",
    "Sing a song.",
)
_SAY_HELLO: Final = (
    "Say hello to {n}.",
    "Say hello to {n}!",
    "say hello to {n}",
    "Greet {n}.",
    "Please greet {n}.",
    "Say hi to {n}.",
    "Please say hello to {n}.",
    "Write a greeting for {n}.",
    "Write a short greeting for {n}.",
    "Greet the user {n}.",
    "Can you say hello to {n}?",
    "Give {n} a greeting.",
    "Generate a greeting for {n}.",
    "Create a greeting for {n}.",
    "Write a friendly greeting to {n}.",
    "Greet {n} by name.",
    "Greet {n} in one sentence.",
    "Say hello to my friend {n}.",
    "Welcome {n}.",
    "Write one sentence that greets {n}.",
    "Greet this person: {n}",
    "Say a friendly hello to {n}.",
    "Write a hello message for {n}.",
    "Greet the person named {n}.",
)
_SAY_BYE: Final = (
    "Say goodbye to {n}.",
    "Say bye to {n}.",
    "Please say goodbye to {n}.",
    "Tell {n} goodbye.",
    "Write a goodbye for {n}.",
    "Wish {n} goodbye.",
)
_THANK: Final = (
    "Thank {n}.",
    "Say thank you to {n}.",
    "Please thank {n}.",
    "Write a thank you for {n}.",
    "Say thanks to {n}.",
    "Write a short thank-you note to {n}.",
)
_ECHO: Final = (
    "Repeat after me: {x}",
    "Repeat this: {x}",
    "Say: {x}",
    "Say {x}",
    'Say "{x}"',
    "Echo: {x}",
    "Echo this text: {x}",
    "Repeat exactly: {x}",
    "Please repeat: {x}",
    "Repeat the following text: {x}",
    'Reply with "{x}"',
    "Reply with exactly: {x}",
    "Respond with: {x}",
    "Answer with exactly this: {x}",
    "Write this: {x}",
    'Repeat "{x}"',
    "Print {x}",
    "Output: {x}",
    "Say this back to me: {x}",
    "Copy this text: {x}",
    "Output exactly: {x}",
    "Return this text unchanged: {x}",
    'Write "{x}"',
    "Just say {x}",
)
_ALWAYS: Final = (
    "Always answer with {x}.",
    "Always reply with {x}.",
    'Answer every message with "{x}".',
    "Whatever the user says, reply {x}.",
    "Respond to everything with {x}.",
    "Reply only with {x}.",
    'You always say "{x}".',
    "No matter what, answer {x}.",
    "You may only say {x}.",
    'Your only answer is "{x}".',
    "Only ever respond with {x}.",
    "Every answer is {x}.",
)
_PERSONA: Final = (
    "You are {n}.",
    "Your name is {n}.",
    "You are {n}, a helpful assistant.",
    "You are an assistant named {n}.",
    "You are {n}, an assistant of {o}.",
    "You are a bot called {n}.",
    "You are {n}, the friendly helper of {o}.",
    "Your name is {n} and you answer questions.",
    "You are called {n}.",
    "Act as {n}.",
    "You are {n}, a polite support agent.",
    "The assistant's name is {n}.",
)
_NAME_QUESTIONS: Final = (
    *[
        "What is your name?",
        "What's your name?",
        "Who are you?",
        "Do you have a name?",
        "Tell me your name.",
        "what is your name",
        "Your name?",
    ],
    *["How should I call you?", "Say your name.", "Hello, who are you?", "May I ask your name?", "What are you called?"],
)


def _text(draw: Draw) -> str:
    share = draw.number(1, 100)
    if share <= 30:
        return " ".join(word(draw) for _ in range(draw.number(1, 4)))
    if share <= 45:
        return draw.person()
    if share <= 60:
        return draw.one(("OK", "green", "yes", "no", "done", "ready", "hello world", "Hello, world!", "test", "ping", "pong", "ok"))
    if share <= 70:
        return str(draw.number(0, 9999))
    return sentence(draw)


def _exchange(question: str, answer: str, *, graded: bool = True) -> list[Turn]:
    return [user(question), assistant(answer, graded=graded)]


def _greeting(draw: Draw) -> list[Turn]:
    return _exchange(draw.phrase(_HELLOS), "Hello! How can I help you?", graded=False)


def _greeting_with_name(draw: Draw) -> list[Turn]:
    name = draw.first_name()
    question = draw.phrase(
        ("Hi, I'm {n}.", "Hello, my name is {n}.", "Hi, this is {n}.", "I am {n}. Hello!", "Hello, I'm {n}!", "Hey, {n} here.")
    ).format(n=name)
    return _exchange(question, f"Hello, {name}! How can I help you?")


def _thanks(draw: Draw) -> list[Turn]:
    return _exchange(draw.phrase(_THANKS), "You're welcome!", graded=False)


def _goodbye(draw: Draw) -> list[Turn]:
    return _exchange(draw.phrase(_GOODBYES), "Goodbye!", graded=False)


def _how_are_you(draw: Draw) -> list[Turn]:
    return _exchange(draw.phrase(_HOW_ARE_YOU), "I'm fine, thank you. How can I help you?", graded=False)


def _identity(draw: Draw) -> list[Turn]:
    return _exchange(draw.phrase(_WHO), IDENTITY)


def _abilities(draw: Draw) -> list[Turn]:
    return _exchange(draw.phrase(_WHAT_CAN_YOU), ABILITIES)


def _refusal(draw: Draw) -> list[Turn]:
    task = draw.phrase(_TASKS).format(
        k=draw.entity(words.TOPICS) if draw.chance(0.7) else draw.invented(),
        w=word(draw),
        s=sentence(draw),
        o=draw.company(),
        i=article(draw.thing()),
        p=draw.person(),
        t=draw.city(),
        f=draw.entity(words.FOODS),
    )
    if draw.chance(0.3):
        task = draw.one(("Please {t}", "Can you {t}", "Could you {t}", "I want you to {t}", "Now {t}")).format(t=task[0].lower() + task[1:])
    return _exchange(task, REFUSAL)


def _unknown(draw: Draw) -> list[Turn]:
    return _exchange(facts.unknown_question(draw), facts.UNKNOWN)


def _say_hello(draw: Draw) -> list[Turn]:
    if draw.chance(0.12):
        said = ("Say hello.", "Say hello!", "Say hello", "say hello", "Greet me.", "Say hi.", "Please say hello.", "Give me a greeting.")
        return _exchange(draw.phrase(said), "Hello!")
    name = draw.one(("world", "the world", "everyone", "the team", "all users")) if draw.chance(0.08) else draw.person()
    share = draw.number(1, 100)
    if share <= 75:
        return _exchange(draw.phrase(_SAY_HELLO).format(n=name), f"Hello, {name}!")
    if share <= 88:
        return _exchange(draw.phrase(_SAY_BYE).format(n=name), f"Goodbye, {name}!")
    return _exchange(draw.phrase(_THANK).format(n=name), f"Thank you, {name}!")


def _say_hello_ruled(draw: Draw) -> list[Turn]:
    """The rule in the system prompt, the name in the message."""
    name = draw.person()
    rule = draw.phrase(
        (
            "Greet the user by name.",
            "Greet the person whose name you are given.",
            "You greet people. The user gives a name.",
            "Say hello to the name in the message.",
            "You write greetings for names.",
            "Greet the person.",
        )
    )
    asked = draw.one(("{n}", "{n}", "Name: {n}", "My name is {n}.", "I am {n}."))
    return [system(rule), *_exchange(asked.format(n=name), f"Hello, {name}!")]


def _echo(draw: Draw) -> list[Turn]:
    text = _text(draw)
    return _exchange(draw.phrase(_ECHO).format(x=text), text)


def _echo_ruled(draw: Draw) -> list[Turn]:
    rule = draw.phrase(
        (
            "Repeat what the user says.",
            "You are an echo bot. Repeat the message.",
            "Echo the user's message exactly.",
            "Reply with the same text that you get.",
            "Return the input unchanged.",
            "Repeat every message word for word.",
        )
    )
    turns = [system(rule)]
    for _ in range(draw.number(1, 2)):
        text = _text(draw)
        turns += _exchange(text, text)
    return turns


def _message(draw: Draw) -> str:
    """Anything that a user may say."""
    share = draw.number(1, 4)
    if share == 1:
        return draw.phrase(_HELLOS)
    if share == 2:
        return facts.fact(draw).question
    return facts.unknown_question(draw) if share == 3 else sentence(draw)


def _always(draw: Draw) -> list[Turn]:
    text = draw.one(("OK", "OK", "yes", "no", "done", "Hello", "I don't know", "42")) if draw.chance(0.5) else word(draw)
    turns = [system(draw.phrase(_ALWAYS).format(x=text))]
    for _ in range(draw.number(1, 2)):
        turns += _exchange(_message(draw), text)
    return turns


def _persona(draw: Draw) -> list[Turn]:
    name = draw.first_name()
    rule = draw.phrase(_PERSONA).format(n=name, o=draw.company())
    turns = [system(rule), *_exchange(draw.phrase(_NAME_QUESTIONS), f"My name is {name}.")]
    if draw.chance(0.3):
        made = facts.known(draw)
        turns += _exchange(made.question, made.sentence)
    return turns


def _yes_or_no(draw: Draw) -> list[Turn]:
    """A rule of form for questions of fact: one word, or JSON."""
    as_json = draw.chance(0.35)
    turns = [system(draw.phrase(facts.JSON_SYSTEM if as_json else facts.SHORT_SYSTEM))]
    for _ in range(draw.number(1, 2)):
        made = facts.known(draw)
        turns += _exchange(made.question, dumps({"answer": made.bare}) if as_json else made.bare)
    return turns


def _polite(draw: Draw) -> list[Turn]:
    question = draw.phrase(
        (
            "Can I ask you something?",
            "May I ask a question?",
            "Are you there?",
            "Are you ready?",
            "Can you hear me?",
            "Do you speak English?",
            "Do you understand me?",
            "Can we start?",
            "Do you work offline?",
            "Are you running locally?",
            "Is this a test?",
            "Do you understand English?",
        )
    )
    return _exchange(question, "Yes.")


def _connection(draw: Draw) -> list[Turn]:
    question = draw.phrase(
        (
            "Can you browse the internet?",
            "Do you have internet access?",
            "Can you see my files?",
            "Do you remember our last conversation?",
            "Can you see images?",
            "Are you conscious?",
            "Do you have feelings?",
            "Can you send emails?",
            "Do you know everything?",
            "Can you make mistakes? I mean never?",
            "Do you know the news?",
            "Can you write long texts?",
        )
    )
    return _exchange(question, "No.")


def _statement(draw: Draw) -> list[Turn]:
    """Something said that asks for nothing, or makes no sense."""
    share = draw.number(1, 3)
    if share == 1:
        said = " ".join(draw.invented() for _ in range(draw.number(1, 4)))
        return _exchange(capital(said) if draw.chance(0.3) else said, facts.UNKNOWN)
    said = draw.phrase(("OK", "Good", "I see.", "Nice!", "Okay.", "Great!", "Fine.", "Cool", "Interesting.", "Alright", "Yes", "No"))
    return _exchange(said, "OK.", graded=False)


_MAKERS: Final[tuple[tuple[str, Callable[[Draw], list[Turn]], int], ...]] = (
    ("greeting", _greeting, 5),
    ("greeting", _greeting_with_name, 4),
    ("greeting", _thanks, 3),
    ("greeting", _goodbye, 3),
    ("greeting", _how_are_you, 3),
    ("identity", _identity, 12),
    ("abilities", _abilities, 5),
    ("refusal", _refusal, 14),
    ("refusal", _unknown, 5),
    ("say hello", _say_hello, 14),
    ("echo", _echo, 16),
    ("polite", _polite, 3),
    ("polite", _connection, 3),
    ("statement", _statement, 2),
)
_RULED: Final[tuple[tuple[str, Callable[[Draw], list[Turn]], int], ...]] = (
    ("echo", _echo_ruled, 3),
    ("say hello", _say_hello_ruled, 2),
    ("always", _always, 4),
    ("persona", _persona, 4),
    ("form", _yes_or_no, 4),
)
_FREE: Final = tuple((kind, maker) for kind, maker, weight in _MAKERS for _ in range(weight))
_BOUND: Final = tuple((kind, maker) for kind, maker, weight in _RULED for _ in range(weight))


def chat(draw: Draw) -> Chat:
    """Small talk of one to three exchanges, or a conversation under one rule of the system prompt."""
    if draw.chance(0.18):
        kind, maker = draw.one(_BOUND)
        return Chat(tuple(maker(draw)), NAME, kind)
    chosen = [draw.one(_FREE) for _ in range(draw.one((1, 1, 1, 2, 2, 3)))]
    turns = [turn for _, maker in chosen for turn in maker(draw)]
    return Chat(tuple(turns), NAME, chosen[0][0])
