"""Small sums: two whole numbers and one operation, a few of more, told in signs, in words or as a story.

A sum is held out of training by its numbers, whatever their order. The tables that one learns by heart (numbers up to
9 and what makes them up) are seen in training completely; of them, tests ask in wordings that they were not seen in.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, Turn, assistant, system, user
from tea_training.corpus.draw import held_out
from tea_training.corpus.prose import plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw

NAME = "arithmetic"

Sign = Literal["+", "-", "*", "/"]
Style = Literal["plain", "bare", "sentence"]

_WORK: Final[dict[Sign, Callable[[int, int], int]]] = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv}
_KINDS: Final[dict[Sign, str]] = {"+": "sum", "-": "difference", "*": "product", "/": "quotient"}
_SIGNS: Final[dict[Sign, tuple[str, ...]]] = {"+": ("+",), "-": ("-",), "*": ("*", "*", "x", "×"), "/": ("/", "/", "÷", ":")}
_SPOKEN: Final[dict[Sign, tuple[str, ...]]] = {
    "+": ("plus", "plus", "and"),
    "-": ("minus",),
    "*": ("times", "times", "multiplied by"),
    "/": ("divided by", "divided by", "over"),
}
_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_SMALL_WORDS: Final = tuple(_SMALL.split())
_TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

BARE: Final = (
    "Please respond with just the number.",
    "Respond with only the number.",
    "Just the number.",
    "Answer with a number only.",
    "Reply with just the number, nothing else.",
    "Only the number.",
    "Give only the result.",
    "Output only the number.",
    "Only output the final number.",
    "Answer with just the number.",
    "Number only.",
    "Just the result.",
    "No explanation, just the number.",
    "Respond with the number only.",
    "Answer with only the number.",
    "Just give me the number.",
    "Return only the number.",
    "Reply with the number and nothing else.",
    "Only the result, please.",
    "Say only the number.",
    "Answer in one number.",
    "Don't explain, just answer.",
    "I only need the number.",
    "Answer with one number.",
    "Give just the answer.",
    "Print only the result.",
    "Short answer: only the number.",
    "Just the answer, please.",
    "Answer briefly with the number.",
    "Respond with just the result.",
)
_BARE_SYSTEM: Final = (
    "You are a calculator. Reply with only the number.",
    "You are a math assistant. Respond with just the number.",
    "Answer math questions with only the number.",
    "You do arithmetic. Output only the result.",
    "You are a calculator that answers with a bare number.",
    "Be a calculator: answer with the number and nothing else.",
    "You are a calculator. Only output the result.",
    "Answer with just the number.",
    "Reply with numbers only.",
    "Respond with only the number, no words.",
    "You are a helpful assistant. Answer with the number only.",
    "You solve sums. Give only the final number.",
)
_SENTENCE: Final = (
    "Answer in a sentence.",
    "Answer with a full sentence.",
    "Use a full sentence.",
    "Reply in one sentence.",
    "Give your answer as a sentence.",
    "Respond in a complete sentence.",
    "Answer with a sentence.",
    "Please answer in a full sentence.",
)
_EXPRESSION: Final = (
    "What is {e}?",
    "Calculate {e}.",
    "Compute {e}",
    "{e}",
    "{e} = ?",
    "What's {e}?",
    "How much is {e}?",
    "Please calculate {e}.",
    "{e} =",
    "Can you tell me what {e} is?",
    "Evaluate {e}.",
    "Solve: {e}",
    "What does {e} equal?",
    "Work out {e} for me.",
    "I need the result of {e}.",
    "Tell me {e}",
    "what is {e}",
    "Find {e}.",
    "Give me the answer to {e}.",
    "Question: what is {e}?",
    "What is the result of {e}?",
    "Could you compute {e}?",
    "Do the math: {e}",
    "What is the value of {e}?",
    "{e}?",
    "Calculate: {e}",
    "Solve {e}",
    "whats {e}",
    "Can you calculate {e}?",
    "What do I get for {e}?",
    "How much does {e} make?",
    "Please solve {e}.",
    "Quick question: {e}?",
    "Compute the following: {e}",
    "Evaluate the expression {e}.",
    "Math: {e}",
    "Let's do a sum. What is {e}?",
    "Do you know what {e} is?",
    "Sum: {e}",
    "I want to know {e}.",
    "Help me with {e}.",
    "calculate {e}",
)
_NAMED: Final[dict[Sign, tuple[str, ...]]] = {
    "+": (
        "Add {a} and {b}.",
        "What is the sum of {a} and {b}?",
        "Sum {a} and {b}.",
        "Add {b} to {a}.",
        "What do you get when you add {a} and {b}?",
        "Compute the sum of {a} and {b}.",
        "Please add {a} and {b}.",
        "What is {a} increased by {b}?",
        "What is {b} more than {a}?",
        "How much are {a} and {b} together?",
        "Calculate the sum of {a} and {b}.",
        "Can you add {a} and {b}?",
        "Add the numbers {a} and {b}.",
        "What's the total of {a} and {b}?",
        "I have {a} and get {b} more. How many is that?",
        "Add {a} + {b}.",
        "Give me the sum of {a} and {b}.",
        "What do {a} and {b} add up to?",
    ),
    "-": (
        "Subtract {b} from {a}.",
        "What is the difference between {a} and {b}?",
        "Take {b} away from {a}.",
        "What is {a} less {b}?",
        "What do you get when you subtract {b} from {a}?",
        "Compute the difference of {a} and {b}.",
        "Please subtract {b} from {a}.",
        "What is {a} decreased by {b}?",
        "What is {b} less than {a}?",
        "What remains when you take {b} from {a}?",
        "Calculate {a} take away {b}.",
        "Can you subtract {b} from {a}?",
        "Subtract the number {b} from {a}.",
        "What's left of {a} without {b}?",
        "I have {a} and give away {b}. How many is that?",
        "How much is {a} reduced by {b}?",
        "Give me the difference of {a} and {b}.",
        "What is left if I subtract {b} from {a}?",
    ),
    "*": (
        "Multiply {a} by {b}.",
        "What is the product of {a} and {b}?",
        "Multiply {a} and {b}.",
        "Find the product of {a} and {b}.",
        "What do you get when you multiply {a} by {b}?",
        "Compute the product of {a} and {b}.",
        "Please multiply {a} by {b}.",
        "How many are {a} groups of {b}?",
        "Calculate the product of {a} and {b}.",
        "Can you multiply {a} and {b}?",
        "Give me the product of {a} and {b}.",
        "Multiply the numbers {a} and {b}.",
    ),
    "/": (
        "Divide {a} by {b}.",
        "What is the quotient of {a} and {b}?",
        "How many times does {b} go into {a}?",
        "What do you get when you divide {a} by {b}?",
        "Please divide {a} by {b}.",
        "Share {a} equally among {b}. How many does each get?",
        "How often does {b} fit into {a}?",
        "Can you divide {a} by {b}?",
        "Compute the quotient of {a} and {b}.",
        "Split {a} into {b} equal parts. How big is one?",
        "Divide the number {a} by {b}.",
        "What is {a} split by {b}?",
    ),
}
_STORIES: Final[dict[Sign, tuple[str, ...]]] = {
    "+": (
        "{n} has {a} {o} and buys {b} more. How many {o} does {n} have?",
        "{n} has {a} {o}. {m} gives {n} {b} more. How many {o} does {n} have now?",
        "{n} finds {a} {o} and then {b} more {o}. How many {o} does {n} have?",
        "{n} has {a} {o} and gets {b} more from {m}. How many {o} does {n} have?",
        "There are {a} {o} in a box. {n} puts in {b} more. How many {o} does the box hold?",
        "If {n} has {a} {o} and {m} has {b} {o}, how many {o} do they have together?",
        "{n} collects {a} {o} on Monday and {b} on Tuesday. How many {o} does {n} have?",
        "{n} bought {a} {o}. Later {n} bought {b} more. How many {o} did {n} buy in total?",
        "I have {a} {o}. {n} gives me {b} more. How many {o} do I have?",
        "A shop sells {a} {o} in the morning and {b} in the afternoon. How many {o} does it sell?",
        "{a} {o} are on the table. {n} adds {b}. How many {o} are on the table?",
        "{n} has {a} {o}. {m} has {b} {o}. How many {o} are there altogether?",
    ),
    "-": (
        "{n} has {a} {o} and gives away {b}. How many {o} does {n} have left?",
        "{n} had {a} {o} and lost {b} of them. How many {o} does {n} have left?",
        "{n} has {a} {o} and sells {b}. How many {o} does {n} have left?",
        "{n} has {a} {o} and gives {b} to {m}. How many {o} does {n} have left?",
        "There are {a} {o} in a box. {n} takes out {b}. How many {o} are left?",
        "{n} has {a} {o}. {m} takes {b} of them. How many {o} remain?",
        "If {n} has {a} {o} and {b} break, how many {o} are left?",
        "I have {a} {o} and give {b} to {n}. How many {o} do I have left?",
        "A shop has {a} {o} and sells {b}. How many {o} are left in the shop?",
        "{n} needs {a} {o} and has {b}. How many {o} are missing?",
        "{a} {o} are on the table. {n} removes {b}. How many {o} are on the table?",
        "{n} has {a} {o}, {m} has {b}. How many more {o} does {n} have than {m}?",
    ),
    "*": (
        "{n} has {a} bags with {b} {o} each. How many {o} does {n} have?",
        "{n} buys {a} boxes of {b} {o}. How many {o} does {n} have?",
        "There are {a} boxes with {b} {o} in each. How many {o} are there?",
        "{n} buys {a} {o} for {b} euros each. How many euros does {n} pay?",
        "Each of {a} children has {b} {o}. How many {o} do they have in total?",
        "{a} shelves hold {b} {o} each. How many {o} is that?",
        "If one bag holds {b} {o}, how many {o} are in {a} bags?",
        "One box of {o} costs {b} dollars. How many dollars do {a} boxes cost?",
        "{n} packs {b} {o} every day. How many {o} does {n} pack in {a} days?",
        "{n} plants {a} rows of {b} {o}. How many {o} does {n} plant?",
        "{n} and {m} carry {a} crates with {b} {o} each. How many {o} do they carry?",
        "A table seats {b} people. How many people can sit at {a} tables?",
    ),
    "/": (
        "{n} shares {a} {o} equally among {b} friends. How many {o} does each friend get?",
        "{n} puts {a} {o} into {b} bags equally. How many {o} are in each bag?",
        "{a} {o} are divided equally among {b} children. How many {o} does each child get?",
        "{n} packs {a} {o} into boxes of {b}. How many boxes does {n} need?",
        "{n} splits {a} {o} into {b} equal groups. How many {o} are in a group?",
        "{n} pays {a} euros for {b} {o}. How many euros does one cost?",
    ),
}
_LATER: Final[dict[Sign, tuple[str, ...]]] = {
    "+": (
        "Add {b} to that.",
        "Now add {b}.",
        "And plus {b}?",
        "Plus {b}?",
        "What if you add {b} to it?",
        "Now add {b} to the result.",
        "Increase it by {b}.",
    ),
    "-": (
        "Subtract {b} from that.",
        "Now subtract {b}.",
        "And minus {b}?",
        "Minus {b}?",
        "Take {b} away from it.",
        "Now subtract {b} from the result.",
        "Reduce it by {b}.",
    ),
}
_BEFORE_AFTER: Final = (
    ("What number comes after {n}?", 1),
    ("What number comes before {n}?", -1),
    ("What is the next number after {n}?", 1),
    ("Which number follows {n}?", 1),
    ("Which number is just before {n}?", -1),
    ("What comes after {n}?", 1),
    ("Name the number after {n}.", 1),
    ("Name the number before {n}.", -1),
    ("What number is one more than {n}?", 1),
    ("What number is one less than {n}?", -1),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its answer in three lengths; ``result`` is what is left to go on with."""

    kind: str
    question: str
    plain: str
    bare: str
    sentence: str
    result: int | None = None


def spoken(number: int) -> str:
    """A whole number from 0 to 99 in words."""
    if number < len(_SMALL_WORDS):
        return _SMALL_WORDS[number]
    tens, rest = divmod(number, 10)
    return _TENS[tens] + (f"-{_SMALL_WORDS[rest]}" if rest else "")


def carries(first: int, second: int, sign: Sign) -> bool:
    """Whether adding needs a carry in some column, or subtracting a borrow."""
    while first or second:
        one, two = first % 10, second % 10
        if one + two > 9 if sign == "+" else one < two:
            return True
        first, second = first // 10, second // 10
    return False


def by_heart(first: int, sign: Sign, second: int) -> bool:
    """Whether this is of the tables that training shows completely."""
    if sign in "+*":
        return max(first, second) <= (9 if sign == "+" else 12)
    return second <= (9 if sign == "-" else 12) and (first - second <= 9 if sign == "-" else first // second <= 12)


def operands(draw: Draw, sign: Sign, wording: str, highest: int = 99) -> tuple[int, int]:
    """Two numbers for ``sign`` of this half, their results whole and, but for a few, not negative.

    Without a ``wording``, sums of the tables belong to both halves.
    """
    carry = draw.chance(0.5)

    def key(pair: tuple[int, int]) -> str:
        first, second = sorted(pair) if sign in "+*" else pair
        return f"{first}{sign}{second}" + (f":{wording}" if by_heart(pair[0], sign, pair[1]) else "")

    if wording:
        return draw.fresh(lambda: _numbers(draw, sign, highest, carry=carry), key)
    while True:
        pair = _numbers(draw, sign, highest, carry=carry)
        if by_heart(pair[0], sign, pair[1]) or held_out(key(pair), 12) == (draw.split == "test"):
            return pair


def _numbers(draw: Draw, sign: Sign, highest: int, *, carry: bool) -> tuple[int, int]:
    """Two numbers to ``highest``; sums and differences of large ones need a carry, or none."""
    if sign == "/":
        second, quotient = draw.number(1, 12), draw.number(0, 12)
        return second * quotient, second
    if sign == "*":
        return draw.number(0, 12), draw.number(0, 12)
    top = draw.one((9, 12, 20, 20, highest, highest, highest))
    other = draw.one((9, top, top))
    while True:
        first, second = draw.number(0, top), draw.number(0, other)
        if sign == "-" and first < second and not draw.chance(0.08):
            first, second = second, first
        if top <= 20 or first < second or carries(first, second, sign) == carry:
            return (second, first) if sign == "+" and draw.chance(0.3) else (first, second)


def _expression(draw: Draw) -> Problem:
    sign: Sign = draw.one(("+", "+", "+", "-", "-", "-", "*", "*", "/"))
    named = draw.chance(0.25)
    template = draw.phrase(_NAMED[sign] if named else _EXPRESSION)
    first, second = operands(draw, sign, template)
    in_words = first <= 99 and second <= 99 and draw.chance(0.12)
    one, two = (spoken(first), spoken(second)) if in_words else (str(first), str(second))
    if named:
        question = template.format(a=one, b=two)
    else:
        aloud = in_words or draw.chance(0.12)
        gap = " " if aloud or draw.chance(0.8) else ""
        between = draw.one(_SPOKEN[sign]) if aloud else draw.one(_SIGNS[sign])
        question = template.format(e=f"{one}{gap}{between}{gap}{two}")
    question = question[0].upper() + question[1:] if draw.chance(0.9) else question
    return _of_two(_KINDS[sign], question, first, sign, second)


def _of_two(kind: str, question: str, first: int, sign: Sign, second: int) -> Problem:
    result = _WORK[sign](first, second)
    return Problem(kind, question, f"{first} {sign} {second} = {result}", str(result), f"The answer is {result}.", result)


def _tellable(first: int, sign: Sign, second: int) -> bool:
    """Whether a story about these numbers of things makes sense."""
    few = min(first, second) < 2 or first == second
    return not few and not (sign == "-" and first < second) and not (sign == "/" and first // second < 2)


def _story(draw: Draw) -> Problem:
    sign: Sign = draw.one(("+", "+", "-", "-", "*", "/"))
    template, first, second = "", 0, 0
    while not _tellable(first, sign, second):
        template = draw.phrase(_STORIES[sign])
        first, second = operands(draw, sign, template, highest=draw.one((20, 99)))
    things = plural(draw.thing() if draw.chance(0.6) else draw.entity(words.FRUITS))
    question = template.format(n=draw.first_name(), m=draw.first_name(), a=first, b=second, o=things)
    if draw.chance(0.08):
        question = f"Problem: {question}"
    return _of_two("story", question, first, sign, second)


def _chain(draw: Draw) -> Problem:
    template = draw.phrase(_EXPRESSION)

    def make() -> tuple[str, int]:
        a, b, c = (draw.number(1, draw.one((10, 20))) for _ in range(3))
        if draw.chance(0.3):
            a, b, c = (draw.number(1, 9) for _ in range(3))
            text = draw.one((f"{a} * {b} + {c}", f"{a} + {b} * {c}", f"({a} + {b}) * {c}"))
            return text, {"*": a * b + c, "+": a + b * c, "(": (a + b) * c}["(" if text[0] == "(" else text[2]]
        up, down = draw.one((1, 1, -1)), draw.one((1, -1))
        return f"{a} {'+' if up > 0 else '-'} {b} {'+' if down > 0 else '-'} {c}", a + up * b + down * c

    text, result = draw.fresh(make, lambda made: made[0])
    return Problem("chain", template.format(e=text), f"{text} = {result}", str(result), f"The answer is {result}.", result)


def _list_sum(draw: Draw) -> Problem:
    numbers = draw.fresh(lambda: [draw.number(1, 20) for _ in range(draw.number(3, 4))], lambda made: "+".join(map(str, sorted(made))))
    listed = ", ".join(map(str, numbers[:-1])) + draw.one((" and ", ", ")) + str(numbers[-1])
    question = draw.phrase(
        (
            "What is the sum of {l}?",
            "Add {l}.",
            "Sum up {l}.",
            "Calculate the sum of {l}.",
            "Add these numbers: {l}",
            "What is the total of {l}?",
            "What do {l} add up to?",
            "Total of {l}?",
        )
    ).format(l=listed)
    result = sum(numbers)
    return Problem("list", question, f"{' + '.join(map(str, numbers))} = {result}", str(result), f"The answer is {result}.", result)


def _pair(draw: Draw) -> tuple[int, int]:
    def make() -> tuple[int, int]:
        high = draw.one((20, 99, 99, 999))
        first, second = draw.number(0, high), draw.number(0, high)
        return (first, second) if first != second else (first, second + 1)

    return draw.fresh(make, lambda pair: f"{min(pair)}<{max(pair)}")


def _comparison(draw: Draw) -> Problem:
    first, second = _pair(draw)
    larger = draw.chance(0.6)
    word = draw.one(("larger", "larger", "bigger", "greater") if larger else ("smaller", "smaller", "less", "lower"))
    if draw.chance(0.4):
        holds = (first > second) == larger
        question = draw.phrase(
            (
                "Is {a} {w} than {b}?",
                "Is it true that {a} is {w} than {b}?",
                "Would you say {a} is {w} than {b}?",
                "Check: is {a} {w} than {b}?",
                "Is {a} a {w} number than {b}?",
                "is {a} {w} than {b}",
            )
        ).format(a=first, b=second, w=word)
        says = f"{first} is {'' if holds else 'not '}{word} than {second}."
        return Problem("comparison", question, f"{'Yes' if holds else 'No'}, {says}", "Yes" if holds else "No", says)
    chosen = (max if larger else min)(first, second)
    question = draw.phrase(
        (
            "Which is {w}, {a} or {b}?",
            "Which number is {w}: {a} or {b}?",
            "What is {w}, {a} or {b}?",
            "{a} or {b}: which is {w}?",
            "Which of {a} and {b} is {w}?",
            "Tell me which is {w}, {a} or {b}.",
            "Compare {a} and {b}. Which is {w}?",
            "Which one is {w}: {a} or {b}?",
        )
    ).format(a=first, b=second, w=word)
    return Problem("comparison", question, f"{chosen} is {word}.", str(chosen), f"{chosen} is {word}.")


def _extreme(draw: Draw) -> Problem:
    numbers = draw.some(range(draw.one((21, 100, 100))), draw.number(3, 5))
    largest = draw.chance(0.6)
    word = draw.one(("largest", "biggest", "highest") if largest else ("smallest", "lowest"))
    question = draw.phrase(
        (
            "What is the {w} of {l}?",
            "Which is the {w} number: {l}?",
            "Find the {w} number in {l}.",
            "Which number is the {w}? {l}",
            "What is the {w} number in this list: {l}?",
            "Give me the {w} of these numbers: {l}",
        )
    ).format(w=word, l=", ".join(map(str, numbers)))
    chosen = (max if largest else min)(numbers)
    return Problem("extreme", question, f"The {word} is {chosen}.", str(chosen), f"The {word} is {chosen}.")


def _neighbour(draw: Draw) -> Problem:
    template, step = draw.one(_BEFORE_AFTER)
    number = draw.fresh(lambda: draw.number(1, draw.one((20, 99, 999))), lambda made: f"{made}:{template}")
    says = f"{number + step} comes {'after' if step > 0 else 'before'} {number}."
    return Problem("neighbour", template.format(n=number), says, str(number + step), says, number + step)


def _parity(draw: Draw) -> Problem:
    number = draw.fresh(lambda: draw.number(0, draw.one((20, 99, 999))), lambda made: f"parity:{made}")
    parity = ("even", "odd")[number % 2]
    if draw.chance(0.4):
        asked = draw.one(("even", "odd"))
        answer = "Yes" if asked == parity else "No"
        question = draw.phrase(
            (
                "Is {n} {p}?",
                "Is {n} an {p} number?",
                "Is the number {n} {p}?",
                "Would you call {n} {p}?",
                "is {n} {p}",
                "Is it true that {n} is {p}?",
            )
        ).format(n=number, p=asked)
        return Problem("parity", question, f"{answer}, {number} is {parity}.", answer, f"{number} is {parity}.")
    question = draw.phrase(
        (
            "Is {n} even or odd?",
            "Is the number {n} odd or even?",
            "Even or odd: {n}?",
            "Tell me if {n} is even or odd.",
            "Is {n} an even or an odd number?",
            "{n}: even or odd?",
        )
    ).format(n=number)
    return Problem("parity", question, f"{number} is {parity}.", parity, f"{number} is {parity}.")


def _multiple(draw: Draw) -> Problem:
    choice = draw.one(("double", "half", "square", "triple"))
    wordings = {
        "double": ("What is double {n}?", "What is twice {n}?", "Double {n}.", "What is the double of {n}?"),
        "half": ("What is half of {n}?", "Halve {n}.", "What's half of {n}?", "How much is half of {n}?"),
        "square": ("What is {n} squared?", "What is the square of {n}?", "Square {n}.", "{n} squared?"),
        "triple": ("What is triple {n}?", "What is three times {n}?", "Triple {n}.", "What is the triple of {n}?"),
    }
    high = {"double": 50, "half": 50, "square": 12, "triple": 30}[choice]
    number, template = draw.fresh(
        lambda: (draw.number(1, high), draw.one(wordings[choice])),
        lambda made: f"{made[0]}:{made[1]}" if made[0] <= 12 else f"{choice}:{made[0]}",
    )
    if choice == "half":
        return _of_two("multiple", template.format(n=number * 2), number * 2, "/", 2)
    if choice == "square":
        return _of_two("multiple", template.format(n=number), number, "*", number)
    return _of_two("multiple", template.format(n=number), 2 if choice == "double" else 3, "*", number)


def _sequence(draw: Draw) -> Problem:
    start, step = draw.fresh(lambda: (draw.number(0, 30), draw.one((1, 2, 2, 3, 5, 10))), lambda made: f"sequence:{made[0]}:{made[1]}")
    shown = ", ".join(str(start + i * step) for i in range(4))
    number = start + 4 * step
    question = draw.phrase(
        (
            "What number comes next: {s}?",
            "What comes next? {s}",
            "Continue: {s}",
            "Which number is next in {s}, ...?",
            "{s}, ? What is the next number?",
            "What is the next number in the sequence {s}?",
        )
    ).format(s=shown)
    return Problem("sequence", question, str(number), str(number), f"The answer is {number}.", number)


def _counting(draw: Draw) -> Problem:
    start, length = draw.fresh(lambda: (draw.number(0, 20), draw.number(3, 10)), lambda made: f"count:{made[0]}:{made[1]}")
    question = draw.phrase(
        (
            "Count from {a} to {b}.",
            "Please count from {a} to {b}.",
            "List the numbers from {a} to {b}.",
            "Count up from {a} to {b}.",
            "Write the numbers {a} to {b}.",
            "Can you count from {a} to {b}?",
        )
    ).format(a=start, b=start + length - 1)
    numbers = ", ".join(str(start + i) for i in range(length))
    return Problem("counting", question, numbers, numbers, numbers)


_MAKERS: Final[tuple[tuple[Callable[[Draw], Problem], int], ...]] = (
    (_expression, 66),
    (_story, 13),
    (_chain, 3),
    (_list_sum, 1),
    (_comparison, 4),
    (_extreme, 2),
    (_neighbour, 2),
    (_parity, 2),
    (_multiple, 3),
    (_sequence, 1),
    (_counting, 1),
)
_MAKER: Final = tuple(maker for maker, weight in _MAKERS for _ in range(weight))


def _later(draw: Draw, result: int) -> Problem:
    """A question that goes on with the last result, from 0 to 99."""

    def make() -> tuple[Sign, int, str]:
        sign: Sign = draw.one(("+", "-")) if result > 1 else "+"
        second = draw.number(1, min(20, result) if sign == "-" else 20)
        return sign, second, draw.phrase(_LATER[sign])

    sign, second, template = draw.fresh(make, lambda made: f"{result}:{made}")
    return _of_two("later", template.format(b=second), result, sign, second)


def _asked(draw: Draw, problem: Problem, style: Style) -> tuple[str, str]:
    """The user's words and the answer in ``style``."""
    if style == "plain":
        return problem.question, problem.plain
    numeric = problem.bare.lstrip("-").isdigit() or problem.kind == "counting"
    if style == "bare" and not numeric:
        how = draw.one(("Answer with one word.", "One word only.", "Answer in one word.", "Just one word.", "Reply with a single word."))
    else:
        how = draw.phrase(BARE if style == "bare" else _SENTENCE)
    answer = problem.bare if style == "bare" else problem.sentence
    if draw.chance(0.15):
        return f"{how} {problem.question}", answer
    end = "" if problem.question[-1] in ".?!=" else "."
    return f"{problem.question}{end}{draw.one((' ', ' ', ' ', chr(10)))}{how}", answer


_MIXED: Final[tuple[Sign, ...]] = ("+", "+", "-", "-", "*", "/")
_DRILLED: Final[tuple[tuple[Sign, ...], ...]] = (("+",), ("-",), ("*",), _MIXED, _MIXED)


def _drill(draw: Draw) -> list[Turn]:
    """Six to fourteen sums one after the other, answered by the bare number, in a form that stays the same."""
    turns: list[Turn] = []
    form = draw.phrase(_EXPRESSION) if draw.chance(0.5) else "{e}"
    signs = draw.one(_DRILLED)
    opening = f"{draw.phrase(BARE)} "
    for _ in range(draw.number(6, 14)):
        sign = draw.one(signs)
        first, second = operands(draw, sign, "")
        turns += [user(opening + form.format(e=f"{first} {sign} {second}")), assistant(str(_WORK[sign](first, second)))]
        opening = ""
    return turns


def chat(draw: Draw) -> Chat:
    """One to three small sums, in one style or several."""
    turns: list[Turn] = []
    ruled = draw.chance(0.15)
    if ruled:
        turns.append(system(draw.phrase(_BARE_SYSTEM)))
    kind, last = "", None
    if draw.chance(0.3):
        return Chat((*turns, *_drill(draw)), NAME, "drill")
    for _ in range(draw.one((1, 1, 1, 2, 2, 3))):
        later = last is not None and 0 <= last <= 99 and draw.chance(0.25)
        problem = _later(draw, last) if later and last is not None else draw.one(_MAKER)(draw)
        while ruled and not problem.bare.lstrip("-").isdigit():
            problem = draw.one(_MAKER)(draw)
        style: Style = "plain" if ruled or draw.chance(0.5) else "bare" if draw.chance(0.85) else "sentence"
        question, answer = _asked(draw, problem, style)
        turns += [user(question), assistant(problem.bare if ruled else answer)]
        kind, last = kind or problem.kind, problem.result
    return Chat(tuple(turns), NAME, kind)
