"""Sums are right, in digits and in words, and those of the tests are not in training."""

from __future__ import annotations

import operator
import re
from typing import cast

from tea_training.corpus.draw import Draw, Split
from tea_training.corpus.skills import arithmetic
from training.tests.corpus.skills.chats import chats, exchanges

WORK = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv}


def in_words(limit: int) -> dict[str, int]:
    return {arithmetic.spoken(number): number for number in range(limit)}


def numbers(text: str) -> list[int]:
    """The numbers of ``text`` in order, be they digits or words."""
    known = in_words(100)
    found = (int(token) if token.isdigit() else known.get(token) for token in re.findall(r"\d+|[a-z]+(?:-[a-z]+)?", text.lower()))
    return [number for number in found if number is not None]


def sums(split: Split, count: int) -> set[tuple[str, int, int]]:
    """The sums beyond the tables of a half, as the plain answers show them."""
    found: set[tuple[str, int, int]] = set()
    for chat in chats(arithmetic, split, count):
        if chat.kind not in {"sum", "difference", "product", "quotient", "story"}:
            continue
        answer = chat.turns[-1 if len(chat.turns) == 2 else 1].content
        if not (match := re.fullmatch(r"(\d+) ([-+*/]) (\d+) = -?\d+", answer)):
            continue
        one, sign, two = int(match[1]), cast("arithmetic.Sign", match[2]), int(match[3])
        if not arithmetic.by_heart(one, sign, two):
            low, high = sorted((one, two)) if sign in "+*" else (one, two)
            found.add((sign, low, high))
    return found


def test_sums_of_the_tests_are_not_in_training() -> None:
    tested, trained = sums("test", 1200), sums("train", 4000)
    assert len(tested) > 50
    assert not tested & trained


def test_plain_sums_are_right() -> None:
    checked = 0
    for chat in chats(arithmetic):
        for question, answer in exchanges(chat):
            if match := re.fullmatch(r"(\d+) ([-+*/]) (\d+) = (-?\d+)", answer):
                checked += 1
                one, two = int(match[1]), int(match[3])
                assert WORK[match[2]](one, two) == int(match[4])
                assert match[2] != "/" or one % two == 0
                if chat.kind == "story":
                    assert {one, two} <= {*numbers(question)} or len(chat.turns) > 2
    assert checked > 500


def test_longer_sums_are_right() -> None:
    for chat in chats(arithmetic):
        for _, answer in exchanges(chat):
            if match := re.fullmatch(r"(\d+(?: [-+] \d+){2,}) = (-?\d+)", answer):
                terms = match[1].replace("- ", "-").replace("+ ", "").split()
                assert sum(map(int, terms)) == int(match[2])


def test_bare_numbers_answer_their_question() -> None:
    """The question's two numbers give the answer under the operation of the chat's kind, in one order or the other."""
    signs = {"sum": "+", "difference": "-", "product": "*", "quotient": "/"}
    checked = 0
    for chat in chats(arithmetic):
        question, answer = next(exchanges(chat))
        if chat.kind not in signs or not re.fullmatch(r"-?\d+", answer):
            continue
        without = list(numbers(re.sub(r"(?i)\bone (?:number|\?)|how big is one|one number", "", question)))
        one, two = without[0], without[1]
        work = WORK[signs[chat.kind]]
        possible = {work(one, two)} if chat.kind != "quotient" else {one // two} if two else set()
        possible |= {work(two, one)} if chat.kind != "quotient" or one else set()
        assert int(answer) in possible, question
        checked += 1
    assert checked > 300


def test_half_of_the_large_sums_carry() -> None:
    draw = Draw(5)
    pairs = [arithmetic.operands(draw, "+", "What is {e}?") for _ in range(4000)]
    large = [pair for pair in pairs if max(pair) > 20]
    share = sum(arithmetic.carries(*pair, "+") for pair in large) / len(large)
    assert 0.4 < share < 0.7
