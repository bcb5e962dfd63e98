"""The first half of the corpus: conversations are well-formed, repeatable, kept apart by halves, and their answers are right."""

from __future__ import annotations

import json
import operator
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol, cast

import pytest

from tea_training.corpus import words
from tea_training.corpus.draw import Draw
from tea_training.corpus.prose import plural
from tea_training.corpus.skills import arithmetic, context, facts, memory, talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tea_training.corpus.chat import Chat, Turn
    from tea_training.corpus.draw import Split


class Skill(Protocol):
    NAME: str

    def chat(self, draw: Draw) -> Chat: ...


SKILLS = [cast("Skill", module) for module in (arithmetic, facts, talk, memory, context)]
WORK = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv}


def chats(skill: Skill, split: Split = "train", count: int = 2000, seed: int = 7) -> Iterator[Chat]:
    draw = Draw(seed, split)
    return (skill.chat(draw) for _ in range(count))


def exchanges(chat: Chat) -> Iterator[tuple[str, str]]:
    """Each message of the user with its answer."""
    for turn, answer in pairwise(chat.turns):
        if answer.role == "assistant":
            yield turn.content, answer.content


def in_words(limit: int) -> dict[str, int]:
    return {arithmetic.spoken(number): number for number in range(limit)}


def numbers(text: str) -> list[int]:
    """The numbers of ``text`` in order, be they digits or words."""
    known = in_words(100)
    found = (int(token) if token.isdigit() else known.get(token) for token in re.findall(r"\d+|[a-z]+(?:-[a-z]+)?", text.lower()))
    return [number for number in found if number is not None]


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.NAME)
@pytest.mark.parametrize(("split", "count"), [("train", 2000), ("test", 500)])
def test_conversations_are_well_formed(skill: Skill, split: Split, count: int) -> None:
    for chat in chats(skill, split, count):
        turns: list[Turn] = list(chat.turns)
        if turns[0].role == "system":
            turns.pop(0)
        assert chat.skill == skill.NAME
        assert chat.kind
        assert [turn.role for turn in turns] == ["user", "assistant"] * (len(turns) // 2)
        for turn in turns:
            assert turn.content.strip()
            assert "{" not in turn.content or "}" in turn.content
            if turn.role == "assistant":
                assert turn.content == turn.content.strip()


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.NAME)
def test_same_seed_gives_the_same_conversations(skill: Skill) -> None:
    assert list(chats(skill, count=100, seed=3)) == list(chats(skill, count=100, seed=3))
    assert list(chats(skill, count=100, seed=3)) != list(chats(skill, count=100, seed=4))


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.NAME)
def test_every_kind_and_many_wordings_occur(skill: Skill) -> None:
    first = [turn.content for chat in chats(skill) for turn in chat.turns if turn.role == "user"]
    assert len(set(first)) > len(first) * 0.5
    assert len({chat.kind for chat in chats(skill)}) >= 2


def sums(split: Split, count: int) -> set[tuple[str, int, int]]:
    """The sums beyond the tables of a half, as the plain answers show them."""
    found: set[tuple[str, int, int]] = set()
    for chat in chats(cast("Skill", arithmetic), split, count):
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
    for chat in chats(cast("Skill", arithmetic)):
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
    for chat in chats(cast("Skill", arithmetic)):
        for _, answer in exchanges(chat):
            if match := re.fullmatch(r"(\d+(?: [-+] \d+){2,}) = (-?\d+)", answer):
                terms = match[1].replace("- ", "-").replace("+ ", "").split()
                assert sum(map(int, terms)) == int(match[2])


def test_bare_numbers_answer_their_question() -> None:
    """The question's two numbers give the answer under the operation of the chat's kind, in one order or the other."""
    signs = {"sum": "+", "difference": "-", "product": "*", "quotient": "/"}
    checked = 0
    for chat in chats(cast("Skill", arithmetic)):
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


def test_capitals_are_those_of_the_table() -> None:
    capitals = {country.in_text: country.capital for country in words.COUNTRIES}
    checked = 0
    halves: tuple[Split, ...] = ("train", "test")
    for split in halves:
        for chat in chats(cast("Skill", facts), split, 500):
            for question, answer in exchanges(chat):
                if match := re.fullmatch(r"The capital of (.+) is (.+)\.", answer):
                    checked += 1
                    assert capitals[match[1]] == match[2]
                    assert match[1].removeprefix("the ") in question
    assert checked > 100


def test_other_facts_of_countries_are_those_of_the_table() -> None:
    table = {country.in_text: country for country in words.COUNTRIES}
    patterns = {
        "continent": r"(?P<c>.+) is in (?P<v>.+)\.",
        "language": r"People in (?P<c>.+) speak (?P<v>.+)\.",
        "currency": r"The currency of (?P<c>.+) is the (?P<v>.+)\.",
    }
    checked = 0
    for chat in chats(cast("Skill", facts)):
        answer = chat.turns[-1].content if len(chat.turns) == 2 else ""
        if chat.kind in patterns and (match := re.fullmatch(patterns[chat.kind], answer)):
            checked += 1
            country = table.get(match["c"]) or table[match["c"].replace("The ", "the ", 1)]
            assert getattr(country, chat.kind) == match["v"]
    assert checked > 30


def test_no_question_of_fact_is_in_both_halves() -> None:
    """Facts are known to both halves; a fact in this wording is not."""
    known = {"capital", "country", "continent", "language", "currency", "single", "color"}
    sizes: tuple[tuple[Split, int], ...] = (("train", 3000), ("test", 500))
    halves = [
        {chat.turns[0].content.lower() for chat in chats(cast("Skill", facts), split, count) if chat.kind in known and len(chat.turns) == 2}
        for split, count in sizes
    ]
    plain = [{question for question in half if re.fullmatch(r"what is the capital of [a-z ]+\?", question)} for half in halves]
    assert not plain[0] & plain[1]
    assert not halves[0] & halves[1]


def test_what_is_not_known_gets_the_one_answer() -> None:
    answers = {
        answer for chat in chats(cast("Skill", facts)) if chat.kind == "unknown" and len(chat.turns) == 2 for _, answer in exchanges(chat)
    }
    assert {answer for answer in answers if not answer.startswith("{")} == {facts.UNKNOWN}
    assert all(json.loads(answer) == {"answer": facts.UNKNOWN} for answer in answers if answer.startswith("{"))


@pytest.mark.parametrize(("noun", "many"), [("mouse", "mice"), ("box", "boxes"), ("cherry", "cherries"), ("key", "keys"), ("pen", "pens")])
def test_plurals(noun: str, many: str) -> None:
    assert plural(noun) == many


def test_the_model_says_what_it_is() -> None:
    found = [
        answer
        for chat in chats(cast("Skill", talk))
        if chat.kind == "identity"
        for question, answer in exchanges(chat)
        if "ChatGPT" in question
    ]
    assert found
    assert set(found) == {talk.IDENTITY}


def test_greetings_and_echoes_use_the_words_of_the_user() -> None:
    checked = 0
    for chat in chats(cast("Skill", talk), "test", 500):
        for question, answer in exchanges(chat):
            if match := re.fullmatch(r"(?:Hello|Goodbye|Thank you), (.+)!", answer):
                checked += 1
                assert match[1].split("!")[0] in question
            if chat.kind == "echo" and question.startswith("Repeat after me: "):
                assert question == f"Repeat after me: {answer}"
    assert checked > 30


def test_a_rule_to_always_say_something_is_obeyed() -> None:
    for chat in chats(cast("Skill", talk)):
        if chat.kind == "always":
            assert all(answer in chat.turns[0].content for _, answer in exchanges(chat))


def test_memory_answers_with_the_last_thing_told() -> None:
    checked = 0
    for chat in chats(cast("Skill", memory)):
        said = ""
        for question, answer in exchanges(chat):
            if match := re.fullmatch(r"Your (.+) is (.+)\.", answer):
                checked += 1
                assert match[2] in said
                if changed := re.findall(rf"(?i)my {match[1]} (?:is now|is|to|has changed to) (\S+)", said):
                    assert changed[-1].rstrip(".") in match[2] or match[2].startswith(changed[-1].rstrip("."))
            said += f"\n{question}"
    assert checked > 500


def test_lists_are_read_back_whole_and_counted() -> None:
    checked = 0
    for chat in chats(cast("Skill", memory)):
        if chat.kind != "list":
            continue
        told = " ".join(turn.content for turn in chat.turns[:-2] if turn.role == "user")
        answer = chat.turns[-1].content
        if answer.isdigit():
            assert int(answer) == told.count(",") + len(re.findall(r",? and ", told)) - told.count(", and ") + (len(chat.turns) - 2) // 2
        else:
            assert all(item in told for item in answer.split(", "))
        checked += 1
    assert checked > 200


@pytest.mark.parametrize(("split", "count"), [("train", 2000), ("test", 500)])
def test_context_answers_stand_in_the_context_or_are_the_one_sentence(split: Split, count: int) -> None:
    absent = answers = 0
    for chat in chats(cast("Skill", context), split, count):
        sentence = "sentence" in chat.turns[0].content or "sentence" in chat.turns[1].content
        text = "\n".join(turn.content for turn in chat.turns[:2] if turn.role != "assistant")
        for _, answer in exchanges(chat):
            answers += 1
            absent += answer == context.ABSENT
            assert answer == context.ABSENT or answer in text or sentence
    assert 0.25 < absent / answers < 0.45


def test_names_in_contexts_of_the_tests_are_new() -> None:
    def names(split: Split, count: int) -> set[str]:
        return {
            word
            for chat in chats(cast("Skill", context), split, count)
            for question, answer in exchanges(chat)
            for word in re.findall(r"(?<=of )[A-Z][a-z]+|(?<=does )[A-Z][a-z]+", question)
            if answer
        }

    shared = {word for pool in (words.COMPANIES, words.COMPANY_KINDS) for name in pool for word in name.split()}
    tested, trained = names("test", 500), names("train", 2000)
    assert len(tested) > 50
    # A word made of syllables may happen to be a real name, which then has its own side.
    assert len((tested & trained) - shared) <= len(tested) // 100
