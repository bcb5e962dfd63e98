"""Facts are Prolog, say what the sentence says, and questions about them follow from them."""

from __future__ import annotations

import re

from tea_training.corpus.skills import relations
from training.tests.corpus.skills.chats import answers, asked, both

FACT = re.compile(r"[a-z][a-z0-9_]*\([a-z0-9][a-z0-9_]*(, [a-z0-9][a-z0-9_]*){0,2}\)\.")


def test_facts_are_prolog_and_name_what_the_sentence_names() -> None:
    for chat in both(relations):
        if chat.kind not in {"fixed predicates", "own words"}:
            continue
        text = asked(chat).lower()
        for line in "\n".join(answers(chat)).splitlines():
            assert FACT.fullmatch(line), line
            for argument in line[line.index("(") + 1 : -2].split(", "):
                assert argument.replace("_", " ") in text, (line, text)


def test_fixed_predicates_are_used() -> None:
    for chat in both(relations):
        if chat.kind == "fixed predicates":
            for line in answers(chat)[0].splitlines():
                name, arity = line[: line.index("(")], line.count(",") + 1
                signature = f"{name}({', '.join('XYZ'[:arity])})"
                assert f"{name}/{arity}" in asked(chat) or signature in asked(chat)


def test_yes_and_no_follow_from_the_facts() -> None:
    checked = 0
    for chat in both(relations):
        if chat.kind != "yes/no":
            continue
        *facts, question = [line for line in chat.turns[0].content.splitlines() if line]
        goal = re.search(r"[a-z_]+\([^()]*\)", question)
        if goal:
            checked += 1
            assert (f"{goal[0]}." in facts) == (answers(chat)[0].lower() in {"yes", "true"})
    assert checked > 50


def test_english_of_a_fact_has_its_arguments() -> None:
    for chat in both(relations):
        if chat.kind == "to English":
            found = re.search(r"\(([^()]+)\)\.", asked(chat))
            assert found
            assert all(argument.replace("_", " ") in answers(chat)[0].lower() for argument in found[1].split(", "))
