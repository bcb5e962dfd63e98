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
from tea_training.corpus.pools import Pool, read
from tea_training.corpus.prose import plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from tea_training.corpus.draw import Draw

NAME = "arithmetic"
_DATA: Final = read(NAME)

Sign = Literal["+", "-", "*", "/"]
Style = Literal["plain", "bare", "sentence"]

_WORK: Final[dict[Sign, Callable[[int, int], int]]] = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv}
_KINDS: Final[dict[Sign, str]] = {"+": "sum", "-": "difference", "*": "product", "/": "quotient"}


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
    small: Pool = _DATA["small"]
    if number < len(small):
        return small[number]
    tens, rest = divmod(number, 10)
    return f"{_DATA['tens'][tens]}-{small[rest]}" if rest else str(_DATA["tens"][tens])


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
    template = draw.phrase(_DATA["named"][sign] if named else _DATA["expression"])
    first, second = operands(draw, sign, template)
    in_words = first <= 99 and second <= 99 and draw.chance(0.12)
    one, two = (spoken(first), spoken(second)) if in_words else (str(first), str(second))
    if named:
        question = template.format(a=one, b=two)
    else:
        aloud = in_words or draw.chance(0.12)
        gap = " " if aloud or draw.chance(0.8) else ""
        between = draw.one(_DATA["spoken"][sign]) if aloud else draw.one(_DATA["written"][sign])
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
        template = draw.phrase(_DATA["stories"][sign])
        first, second = operands(draw, sign, template, highest=draw.one((20, 99)))
    things = plural(draw.thing() if draw.chance(0.6) else draw.entity(words.FRUITS))
    question = template.format(n=draw.first_name(), m=draw.first_name(), a=first, b=second, o=things)
    if draw.chance(0.08):
        question = f"Problem: {question}"
    return _of_two("story", question, first, sign, second)


def _chain(draw: Draw) -> Problem:
    template = draw.phrase(_DATA["expression"])

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
    question = draw.phrase(_DATA["list_sum"]).format(l=listed)
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
    word = draw.one(_DATA["larger"] if larger else _DATA["smaller"])
    if draw.chance(0.4):
        holds = (first > second) == larger
        question = draw.phrase(_DATA["is_larger"]).format(a=first, b=second, w=word)
        says = f"{first} is {'' if holds else 'not '}{word} than {second}."
        return Problem("comparison", question, f"{'Yes' if holds else 'No'}, {says}", "Yes" if holds else "No", says)
    chosen = (max if larger else min)(first, second)
    question = draw.phrase(_DATA["which_is_larger"]).format(a=first, b=second, w=word)
    return Problem("comparison", question, f"{chosen} is {word}.", str(chosen), f"{chosen} is {word}.")


def _extreme(draw: Draw) -> Problem:
    numbers = draw.some(range(draw.one((21, 100, 100))), draw.number(3, 5))
    largest = draw.chance(0.6)
    word = draw.one(_DATA["largest"] if largest else _DATA["smallest"])
    question = draw.phrase(_DATA["which_is_largest"]).format(w=word, l=", ".join(map(str, numbers)))
    chosen = (max if largest else min)(numbers)
    return Problem("extreme", question, f"The {word} is {chosen}.", str(chosen), f"The {word} is {chosen}.")


def _neighbour(draw: Draw) -> Problem:
    template, distance = draw.one(_DATA["neighbours"])
    step = int(distance)
    number = draw.fresh(lambda: draw.number(1, draw.one((20, 99, 999))), lambda made: f"{made}:{template}")
    says = f"{number + step} comes {'after' if step > 0 else 'before'} {number}."
    return Problem("neighbour", template.format(n=number), says, str(number + step), says, number + step)


def _parity(draw: Draw) -> Problem:
    number = draw.fresh(lambda: draw.number(0, draw.one((20, 99, 999))), lambda made: f"parity:{made}")
    parity = ("even", "odd")[number % 2]
    if draw.chance(0.4):
        asked = draw.one(("even", "odd"))
        answer = "Yes" if asked == parity else "No"
        question = draw.phrase(_DATA["is_even"]).format(n=number, p=asked)
        return Problem("parity", question, f"{answer}, {number} is {parity}.", answer, f"{number} is {parity}.")
    question = draw.phrase(_DATA["even_or_odd"]).format(n=number)
    return Problem("parity", question, f"{number} is {parity}.", parity, f"{number} is {parity}.")


def _multiple(draw: Draw) -> Problem:
    choice = draw.one(("double", "half", "square", "triple"))
    high = {"double": 50, "half": 50, "square": 12, "triple": 30}[choice]
    number, template = draw.fresh(
        lambda: (draw.number(1, high), draw.one(_DATA["multiples"][choice])),
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
    question = draw.phrase(_DATA["sequence"]).format(s=shown)
    return Problem("sequence", question, str(number), str(number), f"The answer is {number}.", number)


def _counting(draw: Draw) -> Problem:
    start, length = draw.fresh(lambda: (draw.number(0, 20), draw.number(3, 10)), lambda made: f"count:{made[0]}:{made[1]}")
    question = draw.phrase(_DATA["counting"]).format(a=start, b=start + length - 1)
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
        return sign, second, draw.phrase(_DATA["later"][sign])

    sign, second, template = draw.fresh(make, lambda made: f"{result}:{made}")
    return _of_two("later", template.format(b=second), result, sign, second)


def _asked(draw: Draw, problem: Problem, style: Style) -> tuple[str, str]:
    """The user's words and the answer in ``style``."""
    if style == "plain":
        return problem.question, problem.plain
    numeric = problem.bare.lstrip("-").isdigit() or problem.kind == "counting"
    if style == "bare" and not numeric:
        how = draw.one(_DATA["one_word"])
    else:
        how = draw.phrase(_DATA["bare"] if style == "bare" else _DATA["sentence"])
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
    form = draw.phrase(_DATA["expression"]) if draw.chance(0.5) else "{e}"
    signs = draw.one(_DRILLED)
    opening = f"{draw.phrase(_DATA['bare'])} "
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
        turns.append(system(draw.phrase(_DATA["bare_system"])))
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
